"""Package managers of Python, including conda and its relatives.

Here: their table. The options of pip and uv that take a value are those of their option parsers (pip 25, uv 0.9). Not here:
the types (``model``).
"""

from dockml_dagster.study.dockerfile.managers.model import Cache, Manager, Verb, bare, verbs, words
from dockml_dagster.study.dockerfile.managers.package_names import conda_package, exact_package, pip_package

_PIP_CACHE = Cache(
    ("~/.cache/pip",),
    {"PIP_CACHE_DIR": "", "XDG_CACHE_HOME": "/pip"},
    words("--cache-dir"),
    words("--no-cache-dir --no-cache"),  # pip accepts the beginning of an option's name
    words("PIP_NO_CACHE_DIR"),
    any_value=True,
    cleaned_by=(("pip", "cache", "purge"), ("pip3", "cache", "purge")),
)
PIP = Manager(
    "pip",
    "python",
    "pip.pypa.io/en/stable/cli/pip_install",
    verbs("install"),
    pip_package,
    valued=words(
        "--abi --build-constraint --cache-dir --cert --client-cert --config-settings --constraint --default-timeout "
        "--editable --exists-action --extra-index-url --find-links --global-option --group --implementation "
        "--index-url --install-option --keyring-provider --log --no-binary --only-binary --platform --prefix "
        "--progress-bar --proxy --python --python-version --report --requirement --requirements-from-script --retries "
        "--resume-retries --root --root-user-action --src --target --timeout --trusted-host --upgrade-strategy "
        "--use-deprecated --use-feature -C -c -e -f -i -r -t"
    ),
    files=words("-r --requirement"),
    constraints=words("-c --constraint"),
    editable=words("-e --editable"),
    index=words("-i --index-url --extra-index-url -f --find-links"),
    locked=words("--require-hashes"),
    local_index=words("--no-index"),
    groups=words("--group"),
    cache=_PIP_CACHE,
    constraint_variables=words("PIP_CONSTRAINT"),
)
_UV_VALUED = words(
    "--allow-insecure-host --trusted-host --bounds --branch --build-constraints --build-constraint -b --cache-dir "
    "--color --config-file --config-setting --config-settings -C --config-settings-package --constraints --constraint "
    "-c --default-index --directory --exclude-newer --exclude-newer-package --exclude --excludes --extra "
    "--extra-index-url --find-links -f --fork-strategy --from --group --index --index-strategy --index-url -i "
    "--keyring-provider --link-mode --marker -m --no-binary --no-binary-package --no-build-package --no-extra "
    "--no-group --no-install-package --no-sources-package --no-build-isolation-package --only-binary --only-group "
    "--only-install-package --optional --overrides --override --package --prefix --prerelease --preview-features "
    "--project --python -p --python-platform --python-preference --python-version --refresh-package "
    "--reinstall-package --requirements --requirement -r --resolution --rev --script --tag --target -t "
    "--torch-backend --upgrade-group --upgrade-package -P --with -w --with-editable --with-executables-from "
    "--with-requirements"
)
UV = Manager(
    "uv",
    "python",
    "docs.astral.sh/uv/reference/cli; docs.astral.sh/uv/concepts/cache",
    {
        ("pip", "install"): Verb(valued=words("-e --editable")),
        ("pip", "sync"): Verb("files"),
        ("sync",): Verb("nothing", "uv.lock"),
        ("add",): Verb(),
        ("tool", "install"): Verb(valued=words("-e --editable")),
    },
    pip_package,
    valued=_UV_VALUED,
    files=words("-r --requirements --requirement --with-requirements"),
    constraints=words("-c --constraints --constraint --overrides --override"),
    editable=words("-e --editable --with-editable"),
    index=words("-i --index-url --extra-index-url -f --find-links --index --default-index"),
    locked=words("--locked --frozen --require-hashes"),
    local_index=words("--no-index"),
    cache=Cache(
        ("~/.cache/uv",),
        {"UV_CACHE_DIR": "", "XDG_CACHE_HOME": "/uv"},
        words("--cache-dir"),
        words("--no-cache --no-cache-dir -n"),
        words("UV_NO_CACHE"),
        cleaned_by=(("uv", "cache", "clean"), ("uv", "clean"), ("uv", "cache", "prune", "--ci")),
    ),
    constraint_variables=words("UV_CONSTRAINT UV_OVERRIDE"),
    locked_variables=words("UV_LOCKED UV_FROZEN"),
)
CONDA = Manager(
    "conda",
    "conda",
    "docs.conda.io/projects/conda (commands, package match specifications); mamba.readthedocs.io",
    {
        **verbs("install create update upgrade"),
        ("env", "create"): Verb("files", "environment.yml"),
        ("env", "update"): Verb("files", "environment.yml"),
    },
    conda_package,
    valued=words(
        "-n --name -p --prefix -c --channel --file -f --solver --subdir --platform --revision --repodata-fn "
        "-r --root-prefix --rc-file --log-level --category --from-history --clone"
    ),
    files=words("--file -f"),
    index=words("-c --channel"),
    cache=Cache(
        ("/opt/conda/pkgs", "~/miniconda3/pkgs", "~/miniforge3/pkgs", "~/.conda/pkgs", "~/micromamba/pkgs"),
        {"CONDA_PKGS_DIRS": "", "MAMBA_ROOT_PREFIX": "/pkgs", "CONDA_DIR": "/pkgs"},
        cleaned_by=tuple(
            (name, "clean", option)
            for name in ("conda", "mamba", "micromamba")
            for option in ("--all", "-a", "--tarballs", "-t", "--force-pkgs-dirs", "-f")
        ),
    ),
)
_POETRY = Manager(
    "poetry",
    "python",
    "python-poetry.org/docs/cli",
    {
        ("install",): Verb("nothing", "poetry.lock"),
        ("sync",): Verb("nothing", "poetry.lock", locked=True),
        ("add",): Verb(),
        ("self", "add"): Verb(),
    },
    exact_package,
    valued=words(
        "-C --directory -P --project -E --extras --with --without --only -G --group --source --platform --python"
    ),
    cache=Cache(
        ("~/.cache/pypoetry",),
        {"POETRY_CACHE_DIR": "", "XDG_CACHE_HOME": "/pypoetry"},
        off_options=words("--no-cache"),
        cleaned_by=(("poetry", "cache", "clear"),),
    ),
)
_PDM = Manager(
    "pdm",
    "python",
    "pdm-project.org/en/latest/reference/cli; pdm-project.org/en/latest/usage/lockfile",
    {
        ("install",): Verb("nothing", "pdm.lock"),
        ("sync",): Verb("nothing", "pdm.lock", locked=True),
        ("add",): Verb(),
        ("self", "add"): Verb(),
    },
    pip_package,
    valued=words(
        "-p --project -c --config -L --lockfile -G --group --with --without --venv -e --editable --config-setting"
    ),
    editable=words("-e --editable"),
    locked=words("--frozen-lockfile --no-lock"),
    cache=Cache(
        ("~/.cache/pdm",),
        {"PDM_CACHE_DIR": "", "XDG_CACHE_HOME": "/pdm"},
        off_options=words("--no-cache"),
        off_variables=words("PDM_NO_CACHE"),
        cleaned_by=(("pdm", "cache", "clear"),),
    ),
    locked_variables=words("PDM_FROZEN_LOCKFILE"),
)
_PIPENV = Manager(
    "pipenv",
    "python",
    "pipenv.pypa.io/en/latest/cli.html",
    {
        ("install",): Verb(alone="Pipfile"),
        ("sync",): Verb("nothing", "Pipfile.lock", locked=True),
    },
    pip_package,
    valued=words(
        "--python -r --requirements --pypi-mirror --categories -e --editable -i --index --extra-pip-args"
    ),
    files=words("-r --requirements"),
    editable=words("-e --editable"),
    index=words("-i --index --pypi-mirror"),
    locked=words("--deploy --ignore-pipfile"),
    cache=Cache(("~/.cache/pipenv",), {"PIPENV_CACHE_DIR": "", "XDG_CACHE_HOME": "/pipenv"}),
)
_RYE = Manager(
    "rye",
    "python",
    "rye.astral.sh/guide/commands",
    {
        ("add",): Verb(),
        ("install",): Verb(),
        ("tools", "install"): Verb(),
        ("sync",): Verb("nothing", "requirements.lock"),
    },
    pip_package,
    valued=words(
        "--git --url --path --tag --rev --branch --features --optional --pyproject -p --python --include-dep"
    ),
    locked=words("--no-lock"),
    cache=UV.cache,
)
_PIPX = Manager(
    "pipx",
    "python",
    "pipx.pypa.io/stable/reference/docs",
    {("install",): Verb(), ("inject",): Verb(skips=1)},
    pip_package,
    valued=words("--spec --suffix --python -i --index-url --pip-args --preinstall --backend"),
    index=words("-i --index-url"),
    cache=_PIP_CACHE,
)
_PIXI = Manager(
    "pixi",
    "conda",
    "pixi.prefix.dev/latest/reference/cli/pixi/install",
    {
        ("install",): Verb("nothing", "pixi.lock"),
        ("add",): Verb(),
        ("global", "install"): Verb(),
        ("global", "add"): Verb(),
    },
    conda_package,
    valued=words(
        "-e --environment -m --manifest-path -c --channel -p --platform -f --feature --expose --with --skip "
        "--skip-with-deps --only --auth-file --concurrent-downloads --concurrent-solves --pinning-strategy "
        "--pypi-keyring-provider --config-file --tls-root-certs --git --branch --tag --rev --subdir --color --workspace -w"
    ),
    index=words("-c --channel"),
    locked=words("--locked --frozen"),
    cache=Cache(
        ("~/.cache/rattler", "~/.cache/pixi"),
        {"PIXI_CACHE_DIR": "", "RATTLER_CACHE_DIR": "", "XDG_CACHE_HOME": "/rattler"},
        cleaned_by=(("pixi", "clean", "cache"),),
    ),
    locked_variables=words("PIXI_LOCKED PIXI_FROZEN"),
)

PYTHON: dict[str, Manager] = {
    **dict.fromkeys(("pip", "pip3", "pip2"), PIP),
    "uv": UV,
    "pip-sync": bare(
        "pip",
        "python",
        "pip-tools.readthedocs.io (pip-sync)",
        pip_package,
        verb=Verb("files", "requirements.txt"),
    ),
    "easy_install": bare(
        "easy_install", "python", "setuptools.pypa.io (easy_install)", pip_package, "-i -f -d -H"
    ),
    "pipx": _PIPX,
    "rye": _RYE,
    "poetry": _POETRY,
    "pdm": _PDM,
    "pipenv": _PIPENV,
    "pixi": _PIXI,
    **dict.fromkeys(("conda", "mamba", "micromamba"), CONDA),
    "conda-lock": Manager(
        "conda",
        "conda",
        "conda.github.io/conda-lock",
        {("install",): Verb("files", "conda-lock.yml", locked=True)},
        conda_package,
        valued=words("-n --name -p --prefix --conda --log-level -E --extras --category"),
    ),
}
"""The managers by the name of the program."""
