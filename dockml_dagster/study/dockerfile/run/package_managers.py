"""How the command line of each package manager reads: data, one entry a manager.

Here: installing subcommands, options that take a value, how a package is written. Not here: what a given
command installs (``packages``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.run.package_names import (
    Package,
    apk_package,
    apt_package,
    at_package,
    conda_package,
    pip_package,
    plain_package,
    rpm_package,
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Manager:
    """How one manager's command line reads: its installing subcommands and the options that take a value."""

    name: str
    ecosystem: str
    verbs: frozenset[str]
    valued: frozenset[str]
    package: Callable[[str, str], Package]
    files: frozenset[str] = frozenset()
    index: frozenset[str] = frozenset()
    no_recommends: frozenset[str] | None = None
    no_cache: frozenset[str] | None = None


_INSTALL = _set("install")
_APT = Manager(
    "apt",
    "os",
    _set("install"),
    _set("-o --option -t --target-release -c --config-file --default-release"),
    apt_package,
    no_recommends=_set("--no-install-recommends --no-install-suggests"),
)
PIP = Manager(
    "pip",
    "python",
    _set("install"),
    _set(
        "-r --requirement -c --constraint -e --editable -f --find-links -i --index-url "
        "--extra-index-url -t --target --prefix --root --src --trusted-host --timeout --cache-dir "
        "--retries --progress-bar --platform --python-version --implementation --abi --no-binary "
        "--only-binary --global-option --install-option --upgrade-strategy --proxy --log "
        "--default-timeout --use-feature --use-deprecated --config-settings --report --python "
        "--group -C"
    ),
    pip_package,
    files=_set("-r --requirement -c --constraint"),
    index=_set("-i --index-url --extra-index-url -f --find-links"),
    no_cache=_set("--no-cache-dir --no-cache"),
)
CONDA = Manager(
    "conda",
    "conda",
    _set("install create update env"),
    _set(
        "-n --name -p --prefix -c --channel --file -f --solver --subdir --platform --revision --repodata-fn"
    ),
    conda_package,
    files=_set("--file -f"),
    index=_set("-c --channel"),
)
_RPM = Manager(
    "yum",
    "os",
    _set("install localinstall groupinstall reinstall"),
    _set("-c --enablerepo --disablerepo --installroot --setopt -x --exclude --repo"),
    rpm_package,
    no_recommends=_set("--setopt=install_weak_deps=False --setopt=install_weak_deps=0 --nodocs"),
)
_NPM = Manager(
    "npm",
    "javascript",
    _set("install i add ci isntall"),
    _set("--registry --prefix --cache -w --workspace --loglevel --cwd --network-timeout"),
    at_package,
    index=_set("--registry"),
)
MANAGERS: dict[str, Manager] = {
    **dict.fromkeys(("apt", "apt-get", "aptitude", "apt-fast"), _APT),
    **dict.fromkeys(("pip", "pip3", "pip2"), PIP),
    **dict.fromkeys(("conda", "mamba", "micromamba"), CONDA),
    **dict.fromkeys(("yum", "dnf", "microdnf", "tdnf"), _RPM),
    **dict.fromkeys(("npm", "pnpm", "bun"), _NPM),
    "zypper": Manager(
        "zypper",
        "os",
        _set("install in"),
        _set("-r --repo --root"),
        rpm_package,
        no_recommends=_set("--no-recommends"),
    ),
    "apk": Manager(
        "apk",
        "os",
        _set("add"),
        _set("-t --virtual -X --repository -p --root"),
        apk_package,
        index=_set("-X --repository"),
        no_cache=_set("--no-cache"),
    ),
    "yarn": Manager("yarn", "javascript", _set("add install"), _NPM.valued, at_package),
    "gem": Manager("gem", "other", _INSTALL, _set("-v --version -s --source"), plain_package),
    "cargo": Manager(
        "cargo", "other", _INSTALL, _set("--version --root --git --path --features"), at_package
    ),
    "go": Manager("go", "other", _set("get install"), _set("-tags -ldflags -o -p"), at_package),
    "poetry": Manager(
        "poetry",
        "python",
        _set("add install"),
        _set("-C --directory -E --extras --with --without --only"),
        at_package,
    ),
    "pipenv": Manager(
        "pipenv",
        "python",
        _set("install sync"),
        _set("--python -r --pypi-mirror"),
        pip_package,
        files=_set("-r"),
    ),
    "easy_install": Manager("easy_install", "python", frozenset(), _set("-i -f"), pip_package),
    "luarocks": Manager("luarocks", "other", _INSTALL, _set("--server --tree"), plain_package),
    "opam": Manager("opam", "other", _INSTALL, frozenset(), plain_package),
    "brew": Manager("brew", "os", _INSTALL, frozenset(), at_package),
    "install2.r": Manager("install2.r", "r", frozenset(), _set("-r --repos -n --ncpus"), plain_package),
    "apk-install": Manager("apk", "os", frozenset(), frozenset(), apk_package),
}
"""By the name of the program."""
