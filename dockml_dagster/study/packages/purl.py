"""Package URLs of packages.

Here: their form (purl-spec; PURL-TYPES for each ecosystem). Not here: the packages of an image (``inventory``).
"""

from __future__ import annotations

from urllib.parse import quote

from dockml_dagster.study.packages.model import Package
from dockml_dagster.study.packages.python import normalised


def package_url(package: Package, distribution: tuple[str, str] | None) -> str:
    """A URL `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS`. ``distribution``: id and version of the operating system."""
    ecosystem, name, version = package.ecosystem, package.name, package.version
    namespace, qualifiers = "", []
    if ecosystem in {"deb", "apk", "rpm"}:
        if distribution is not None:
            namespace = distribution[0].lower()
        if ecosystem == "rpm" and ":" in version:
            epoch, _, version = version.partition(":")
            qualifiers.append(f"epoch={_quoted(epoch)}")
        if package.architecture:
            qualifiers.insert(0, f"arch={_quoted(package.architecture)}")
        if distribution is not None and distribution[0]:
            qualifiers.append(f"distro={_quoted('-'.join(filter(None, distribution)))}")
    elif ecosystem == "pypi":
        name = normalised(name)
    elif "/" in name:
        namespace, _, name = name.rpartition("/")
    path = "/".join(_quoted(part) for part in (*namespace.split("/"), name) if part)
    at = f"@{_quoted(version)}" if version else ""
    return f"pkg:{ecosystem}/{path}{at}{'?' if qualifiers else ''}{'&'.join(qualifiers)}"


def _quoted(text: str) -> str:
    return quote(text, safe=".-_~:")
