"""Packages that an R expression installs.

Here: installing calls within ``Rscript -e``. Not here: scripts in files, other languages (``packages``).
"""

import re

from dockml_dagster.study.dockerfile.managers.package_names import Package
from dockml_dagster.study.dockerfile.run.installation import Installation

_R_INSTALL = re.compile(
    r"(install\.packages|BiocManager::install|pak::(?:pkg_install|pak)|(?:remotes::|devtools::)?"
    r"(?:install_github|install_gitlab|install_url|install_version|install_cran)|pacman::p_load)\s*\(([^;]*)"
)
_R_STRING = re.compile(r"(\w+\s*=\s*)?(?:c\(\s*)?['\"]([^'\"]+)['\"]")
_R_NAME = re.compile(r"[\w./@#-]+\Z")


def r_installation(words: tuple[str, ...]) -> Installation | None:
    """What ``Rscript -e`` installs by ``install.packages(c("a", "b"))``, ``remotes::install_version("a", "1.2")``,
    ``renv::restore()`` and the like.
    """
    packages: list[Package] = []
    locked = False
    for word in words:
        if "renv::restore" in word:
            locked = True
        for call in _R_INSTALL.finditer(word):
            packages.extend(_r_call(call[1], call[2]))
    if locked and not packages:
        return Installation("r", "r", (), ("renv.lock",), locked=True)
    return Installation("r", "r", tuple(packages)) if packages else None


def _r_call(function: str, text: str) -> list[Package]:
    # Named arguments (`repos = "…"`) name no package, except a vector given as the first one.
    strings: list[str] = []
    for match in _R_STRING.finditer(_balanced(text)):
        if match[1] and not match[1].startswith(("pkgs", "pkg", "package", "repo =", "repo=", "version")):
            continue
        strings.append(match[2])
    if function.endswith("install_version"):
        name, version = [*strings, "", ""][:2]
        pinned = bool(re.match(r"\d", version) or "$" in version)
        return (
            [Package("r", name, f"=={version}" if version else None, pinned, "index", name)] if name else []
        )
    if function.endswith(("install_github", "install_gitlab")):
        return [
            Package("r", name.split("@")[0], None, bool(re.search(r"@(?:[0-9a-f]{7,40}|v?\d[\w.]*)\Z", name)), "vcs", name)
            for name in strings if "/" in name
        ]  # fmt: skip
    if function.endswith("install_url"):
        return [Package("r", None, None, True, "url", name) for name in strings]
    found = []
    for name in strings:
        if "://" in name:
            if name.endswith(".tar.gz"):
                found.append(Package("r", None, None, True, "url", name))
        elif _R_NAME.match(name):
            base, at, version = name.partition("@")
            found.append(
                Package(
                    "r",
                    base,
                    f"@{version}" if at else None,
                    bool(at and version[:1].isdigit()),
                    "index",
                    name,
                )
            )
    return found


def _balanced(text: str) -> str:
    """The text up to the bracket that closes the call."""
    depth = 1
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[:at]
    return text
