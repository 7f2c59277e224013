"""Package managers of JavaScript, Go, Rust, Ruby, R and others.

Here: their table. Not here: the types (``model``), managers of Python (``python``) and of operating systems (``system``).
"""

from dockml_dagster.study.dockerfile.managers.model import Cache, Manager, Verb, bare, verbs, words
from dockml_dagster.study.dockerfile.managers.package_names import (
    cargo_package,
    colon_package,
    go_package,
    npm_package,
    plain_package,
)

_NPM_CACHE = Cache(
    ("~/.npm",),
    {"npm_config_cache": "", "NPM_CONFIG_CACHE": ""},
    words("--cache"),
    cleaned_by=tuple(("npm", "cache", verb) for verb in ("clean", "clear", "rm")),
)
_NPM = Manager(
    "npm",
    "javascript",
    "docs.npmjs.com/cli/commands/npm-install; docs.npmjs.com/cli/using-npm/config",
    {
        **{(word,): Verb(alone="package.json") for word in ("install", "i", "isntall", "add", "in", "ins")},
        **{(word,): Verb("nothing", "package-lock.json", locked=True) for word in
           ("ci", "clean-install", "ic", "install-clean", "cit", "install-ci-test")},
    },
    npm_package,
    valued=words(
        "--registry --prefix -C --cache -w --workspace --loglevel --omit --include --maxsockets --install-strategy "
        "--tag --fetch-retries --fetch-timeout --fetch-retry-maxtimeout --fetch-retry-mintimeout --network-timeout "
        "--script-shell --userconfig --globalconfig --cpu --os --libc --before --location --save-prefix --https-proxy "
        "--proxy --noproxy --cafile --only --also --depth --node-options --otp --scope"
    ),
    index=words("--registry"),
    switch_values=True,
    cache=_NPM_CACHE,
)  # fmt: skip
_PNPM = Manager(
    "pnpm",
    "javascript",
    "pnpm.io/cli/install",
    {
        ("install",): Verb("nothing", "package.json"),
        ("i",): Verb("nothing", "package.json"),
        ("add",): Verb(),
        ("fetch",): Verb("nothing", "pnpm-lock.yaml", locked=True),
        ("ci",): Verb("nothing", "pnpm-lock.yaml", locked=True),
    },
    npm_package,
    valued=words(
        "--registry -C --dir -F --filter --filter-prod --store-dir --virtual-store-dir --reporter --loglevel "
        "--workspace-concurrency --network-concurrency --child-concurrency --modules-dir --lockfile-dir --cpu --os --libc"
    ),
    index=words("--registry"),
    locked=words("--frozen-lockfile"),
    cache=Cache(
        ("~/.local/share/pnpm/store", "/pnpm/store"),
        {"PNPM_HOME": "/store", "XDG_DATA_HOME": "/pnpm/store", "npm_config_store_dir": ""},
        words("--store-dir"),
        cleaned_by=(("pnpm", "store", "prune"),),
    ),
)
_YARN = Manager(
    "yarn",
    "javascript",
    "classic.yarnpkg.com/en/docs/cli/install; yarnpkg.com/cli/install",
    {
        (): Verb("nothing", "package.json"),
        ("install",): Verb("nothing", "package.json"),
        ("add",): Verb(),
        ("global", "add"): Verb(),
        ("workspaces", "focus"): Verb("nothing", "package.json"),
    },
    npm_package,
    valued=words(
        "--registry --cwd --network-timeout --network-concurrency --cache-folder --modules-folder --mutex --mode "
        "--use-yarnrc --otp --proxy --https-proxy --prefix --global-folder"
    ),
    index=words("--registry"),
    locked=words("--frozen-lockfile --immutable"),
    cache=Cache(
        ("/usr/local/share/.cache/yarn", "~/.cache/yarn", "~/.yarn/berry/cache"),
        {"YARN_CACHE_FOLDER": ""},
        words("--cache-folder"),
        cleaned_by=(("yarn", "cache", "clean"), ("yarn", "cache", "clear")),
    ),
)
_BUN = Manager(
    "bun",
    "javascript",
    "bun.sh/docs/cli/install",
    {
        ("install",): Verb(alone="package.json"),
        ("i",): Verb(alone="package.json"),
        ("add",): Verb(),
        ("a",): Verb(),
        ("ci",): Verb("nothing", "bun.lock", locked=True),
    },
    npm_package,
    valued=words(
        "--cwd --registry --cache-dir -c --config --backend --network-concurrency --concurrent-scripts --omit "
        "--filter --linker --cafile --ca"
    ),
    index=words("--registry"),
    locked=words("--frozen-lockfile"),
    cache=Cache(
        ("~/.bun/install/cache",),
        {"BUN_INSTALL_CACHE_DIR": "", "BUN_INSTALL": "/install/cache"},
        words("--cache-dir"),
        cleaned_by=(("bun", "pm", "cache", "rm"),),
    ),
)
_GO = Manager(
    "go",
    "other",
    "go.dev/ref/mod (version queries)",
    {("get",): Verb(), ("install",): Verb(), ("mod", "download"): Verb(alone="go.sum", locked=True)},
    go_package,
    valued=words("-tags -ldflags -gcflags -asmflags -o -p -mod -modfile -C -overlay -pkgdir"),
    cache=Cache(
        ("/go/pkg/mod", "~/go/pkg/mod", "~/.cache/go-build"),
        {"GOMODCACHE": "", "GOPATH": "/pkg/mod", "GOCACHE": ""},
        cleaned_by=(("go", "clean"),),
    ),
    clusters=False,
)
_CARGO = Manager(
    "cargo",
    "other",
    "doc.rust-lang.org/cargo/commands/cargo-install.html",
    {("install",): Verb(), ("binstall",): Verb(), ("add",): Verb()},
    cargo_package,
    valued=words(
        "--version --vers --root --git --branch --tag --rev --path --features -F --registry --index --target "
        "--target-dir -j --jobs --bin --example --profile --config -Z --manifest-path --color"
    ),
    index=words("--registry --index"),
    cache=Cache(("/usr/local/cargo/registry", "~/.cargo/registry"), {"CARGO_HOME": "/registry"}),
)
_GEM = Manager(
    "gem",
    "other",
    "guides.rubygems.org/command-reference (gem install)",
    verbs("install i"),
    colon_package,
    valued=words(
        "-v --version -s --source -i --install-dir -n --bindir -P --trust-policy --platform -g --file -p"
    ),
    files=words("-g --file"),
)
_BUNDLE = Manager(
    "bundler",
    "other",
    "bundler.io/man/bundle-install.1.html",
    {("install",): Verb("nothing", "Gemfile.lock"), (): Verb("nothing", "Gemfile.lock")},
    plain_package,
    valued=words("-j --jobs --retry --gemfile --path --with --without --binstubs --standalone"),
    locked=words("--deployment --frozen"),
    locked_variables=words("BUNDLE_DEPLOYMENT BUNDLE_FROZEN"),
)


_LITTLER = bare(
    "install2.r",
    "r",
    "github.com/eddelbuettel/littler",
    plain_package,
    "-r --repos -n --ncpus -l --libloc -d --deps -t --type -u --update",
)

LANGUAGES: dict[str, Manager] = {
    "npm": _NPM,
    "pnpm": _PNPM,
    "yarn": _YARN,
    "bun": _BUN,
    "go": _GO,
    "cargo": _CARGO,
    "gem": _GEM,
    **dict.fromkeys(("bundle", "bundler"), _BUNDLE),
    "luarocks": Manager(
        "luarocks",
        "other",
        "luarocks.org (install)",
        verbs("install"),
        plain_package,
        valued=words("--server --tree"),
    ),
    "opam": Manager(
        "opam", "other", "opam.ocaml.org/doc/man/opam-install.html", verbs("install"), plain_package
    ),
    **dict.fromkeys(("install2.r", "installGithub.r"), _LITTLER),
}
"""The managers by the name of the program."""
