"""Package managers of operating systems: apt, apk, dnf and its relatives, zypper, and a few programs around them.

Here: their table. Not here: the types (``model``).
"""

from dockml_dagster.study.dockerfile.managers.model import Cache, Manager, Verb, bare, verbs, words
from dockml_dagster.study.dockerfile.managers.package_names import (
    apk_package,
    apt_package,
    exact_package,
    plain_package,
    rpm_package,
    zypper_package,
)

_APT = Manager(
    "apt",
    "os",
    "manpages.debian.org/apt-get(8)",
    verbs("install"),
    apt_package,
    valued=words("-o --option -t --target-release -c --config-file --default-release -a --host-architecture"),
    no_recommends=words("--no-install-recommends"),
)
_APTITUDE = Manager(
    "apt",
    "os",
    "manpages.debian.org/aptitude(8)",
    verbs("install"),
    apt_package,
    valued=words("-o -t --target-release -w -F -O"),
    no_recommends=words("-R --without-recommends"),
)
_RPM_CACHE = Cache(
    ("/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum"),
    cleaned_by=tuple((name, "clean", what) for name in ("dnf", "yum", "microdnf", "tdnf", "dnf5")
                     for what in ("all", "packages")),
)  # fmt: skip
_RPM = Manager(
    "yum",
    "os",
    "dnf.readthedocs.io/en/latest/command_ref.html (specifying packages)",
    {
        **verbs(
            "install in localinstall reinstall rei upgrade up update upgrade-minimal up-min update-minimal "
            "distro-sync downgrade"
        ),
        ("swap",): Verb(skips=1),
        ("groupinstall",): Verb(groups=True),
        ("group", "install"): Verb(groups=True),
        ("module", "install"): Verb(),
    },
    rpm_package,
    valued=words(
        "-c --config --enablerepo --disablerepo --enable-repo --disable-repo --installroot --setopt -x --exclude "
        "--repo --repoid --repofrompath --releasever --forcearch --color -d --debuglevel -e --errorlevel "
        "--rpmverbosity --advisory --comment --destdir --downloaddir --setvar --disableplugin --enableplugin"
    ),
    no_recommends=words(
        "--setopt=install_weak_deps=False --setopt=install_weak_deps=0 --setopt=install_weak_deps=false "
        "--no-allow-weak-deps"
    ),
    cache=_RPM_CACHE,
)
_ZYPPER = Manager(
    "zypper",
    "os",
    "en.opensuse.org/SDB:Zypper_manual",
    verbs("install in"),
    zypper_package,
    valued=words(
        "-r --repo --from -t --type --root -R --installroot -D --reposd-dir -C --cache-dir -p --plus-repo"
    ),
    no_recommends=words("--no-recommends"),
    cache=Cache(
        ("/var/cache/zypp",),
        cleaned_by=(("zypper", "clean"), ("zypper", "cc")),
    ),
)
_APK = Manager(
    "apk",
    "os",
    "wiki.alpinelinux.org/wiki/Alpine_Package_Keeper",
    verbs("add"),
    apk_package,
    valued=words(
        "-t --virtual -X --repository -p --root --arch --cache-dir --cache-max-age --keys-dir --repositories-file "
        "--wait --progress-fd --timeout"
    ),
    index=words("-X --repository"),
    cache=Cache(
        ("/var/cache/apk", "/etc/apk/cache"),
        off_options=words("--no-cache"),
        cleaned_by=(("apk", "cache", "clean"),),
    ),
)

_CHOCO = Manager(
    "choco",
    "os",
    "docs.chocolatey.org/en-us/choco/commands/install",
    verbs("install upgrade"),
    plain_package,
    valued=words(
        "--version -s --source --params --package-parameters --ia --installargs --install-arguments"
    ),
)

SYSTEM: dict[str, Manager] = {
    **dict.fromkeys(("apt", "apt-get", "apt-fast", "nala"), _APT),
    "aptitude": _APTITUDE,
    "install_packages": bare(
        "apt", "os", "github.com/bitnami/minideb (install_packages)", apt_package, plain=True
    ),
    **dict.fromkeys(("yum", "dnf", "dnf5", "microdnf", "tdnf"), _RPM),
    "zypper": _ZYPPER,
    "apk": _APK,
    "apk-install": bare("apk", "os", "github.com/gliderlabs/docker-alpine", apk_package),
    "brew": Manager("brew", "os", "docs.brew.sh/Manpage (install)", verbs("install"), exact_package),
    **dict.fromkeys(("choco", "cinst"), _CHOCO),
}
"""The managers by the name of the program."""
