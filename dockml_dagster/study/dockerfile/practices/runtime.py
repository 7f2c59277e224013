"""Practices about the running container.

Here: user, password-less sudo, HEALTHCHECK, form of the command, labels, GPU. Not here: secrets (``safety``).
"""

import re

from dockml_dagster.study.dockerfile.model import Instruction
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.values import resolve

_ROOT = frozenset({"root", "0", "containeradministrator", "administrator"})
_OCI = "org.opencontainers.image."
_GPU_VARIABLES = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_CUDA")
# Packages that bring CUDA's libraries, so that NVIDIA's runtime is needed; ROCm's need another runtime.
_CUDA_PACKAGE = re.compile(
    r"(?:cuda(?:-(?!python)[\w.-]+)?|cudatoolkit|cudnn|libcudnn[\w-]*|libnccl[\w-]*|libcublas[\w-]*|libnv[\w-]+|pytorch-cuda|"
    r"nvidia-(?!container|driver|ml-py|utils)[\w-]+|cupy-cuda[\w]+|tensorrt[\w-]*|jax-cuda[\w-]+|"
    r"tensorflow-gpu|onnxruntime-gpu|faiss-gpu[\w-]*|paddlepaddle-gpu|mxnet-cu\d+|dgl-cu\d+)\Z"
)
_CUDA_EXTRA = re.compile(r"\[[^\]]*\bcuda\d*\b[^\]]*\]")
"""``jax[cuda12]``, ``tensorflow[and-cuda]``."""
_CUDA_INDEX = re.compile(r"/whl/cu\d{2,3}\b|pypi\.nvidia\.com|developer\.download\.nvidia\.com")


def _user(facts: Facts) -> Judged:
    user = facts.last("USER")
    if user is None:
        return _user_of_base(facts)
    line = [Line(user.start_line, "USER")]
    written = user.expanded[0] if user.expanded else None
    text = None if written is None else written.text
    if text is None and written is not None:
        # The group does not matter: `$UID:$GID` names a user if only the group is unknown.
        text = resolve(written.raw, user.scope)
    name = "$" if text is None else text.partition(":")[0].strip().lower()
    if "$" in name:
        return "unknown", line, "the user is a variable that the file does not tell"
    if name in _ROOT or not name:
        return "violated", line, "root" if name in _ROOT else ""
    return "followed", line, "may become root through sudo" if passwordless_sudo(facts) else ""


def _official(facts: Facts) -> bool:
    return facts.base.registry == "docker.io" and (facts.base.repository or "").startswith("library/")


def _user_of_base(facts: Facts) -> Judged:
    """The verdict by the user that the base image starts as, where that is known."""
    base, known = facts.base, facts.base_class.user
    line = [Line(facts.reading.stages[facts.chain[0]].start_line, "no USER after FROM")]
    if known is not None and known != "root":
        return "followed", line, f"no USER: the base image starts as {known}"
    if base.scratch or _official(facts) or known == "root":
        return "violated", line, "no USER, and the base image starts as root"
    return "unknown", line, "no USER: the base image decides"


_SUBSTITUTION = re.compile(r"s(\W)(?P<pattern>(?:\\.|(?!\1).)*)\1(?P<by>(?:\\.|(?!\1).)*)\1", re.DOTALL)
_READS = frozenset({"grep", "egrep", "rg", "awk", "test", "[", "[["})


def _grants(step: Step, word: str) -> bool:
    """Whether a word puts NOPASSWD into sudoers. A word that is searched for, deleted or commented out does not."""
    if "NOPASSWD" not in word or step.program.name in _READS:
        return False
    if step.program.name not in ("sed", "perl"):
        return True
    found = list(_SUBSTITUTION.finditer(word))
    if not found:
        return not re.search(r"/d\b", word)
    return any(
        ("NOPASSWD" in each["by"] or ("NOPASSWD" in each["pattern"] and re.search(r"\\\d|&", each["by"])))
        and not each["by"].lstrip().startswith("#")
        for each in found
    )


def passwordless_sudo(facts: Facts) -> list[Line]:
    """Lines that let a user become root without a password."""
    found = [
        Line(step.command.line, "NOPASSWD in sudoers")
        for steps in facts.runs
        if "NOPASSWD" in steps[0].run.script.text
        for step in steps
        if any(_grants(step, word) for word in (*step.command.arguments, *step.command.redirections))
    ]
    found += [
        Line(heredoc.start_line, "NOPASSWD in sudoers")
        for instruction in facts.every("COPY", "ADD")
        for heredoc in instruction.heredocs
        if "NOPASSWD" in heredoc.body
    ]
    return found[:40]


def _passwordless_sudo(facts: Facts) -> Judged:
    found = passwordless_sudo(facts)
    if found:
        return "violated", found, ""
    sudo = [
        Line(step.command.line, "sudo is installed")
        for step in facts.steps
        if step.installs is not None and any(package.name == "sudo" for package in step.installs.packages)
    ]
    return ("followed", sudo, "") if sudo else ("not applicable", [], "no sudo is set up")


def _healthcheck(facts: Facts) -> Judged:
    check = facts.last("HEALTHCHECK")
    if check is None:
        return _healthcheck_of_base(facts)
    line = [Line(check.start_line, "HEALTHCHECK")]
    if check.arguments and check.arguments[0].upper() == "NONE":
        return "followed", line, "the file says that there is none"
    return "followed", line, ""


_WITH_HEALTHCHECK = re.compile(r"(?:quay\.io/)?jupyter/")
"""Bases known to have a HEALTHCHECK from some release on (jupyter-docker-stacks.readthedocs.io, changelog of 2023)."""


def _healthcheck_of_base(facts: Facts) -> Judged:
    """The verdict by the base, whose HEALTHCHECK an image inherits. Official images have none, by their policy
    (github.com/docker-library/faq, healthcheck), nor have those whose Dockerfiles were read for the user rules.
    """
    base = facts.base
    known = base.scratch or _official(facts) or facts.base_class.user is not None
    if known and not _WITH_HEALTHCHECK.match(base.name or ""):
        return "violated", [], "no HEALTHCHECK"
    line = Line(facts.reading.stages[facts.chain[0]].start_line, "no HEALTHCHECK after FROM")
    return "unknown", [line], "no HEALTHCHECK: the base image may have one"


_EXEC = re.compile(r"\s*exec\s")


def _exec_form(facts: Facts) -> Judged:
    commands = [
        item for item in (facts.last("ENTRYPOINT"), facts.last("CMD")) if item is not None and item.arguments
    ]
    if not commands:
        return "not applicable", [], "neither CMD nor ENTRYPOINT"
    # BuildKit reports nothing once SHELL is set: then the shell is intended. `exec` hands the process over.
    shell = facts.last("SHELL")
    wrong = [
        Line(item.start_line, f"{item.keyword} in shell form")
        for item in commands
        if item.form == "shell" and not _EXEC.match(item.value) and not _before(shell, item)
    ]
    if wrong:
        return "violated", wrong, ""
    return "followed", [Line(item.start_line, _form(item)) for item in commands], ""


def _before(shell: Instruction | None, item: Instruction) -> bool:
    return shell is not None and (shell.stage, shell.start_line) < (item.stage, item.start_line)


def _form(item: Instruction) -> str:
    if item.form != "shell":
        return f"{item.keyword} in exec form"
    return (
        f"{item.keyword} through exec"
        if _EXEC.match(item.value)
        else f"{item.keyword} in shell form, with SHELL set"
    )


def _labels(facts: Facts) -> Judged:
    found = [
        Line(instruction.start_line, assignment.name.strip("\"'"))
        for instruction in facts.every("LABEL")
        for assignment in instruction.assignments
        if assignment.name.strip("\"'").startswith(_OCI)
    ]
    return ("followed", found, "") if found else ("violated", [], f"no label {_OCI}*")


def _gpu(facts: Facts) -> Judged:
    environment = facts.environment()
    stated = [name for name in _GPU_VARIABLES if name in environment]
    if stated:
        lines = [
            Line(instruction.start_line, assignment.name)
            for instruction in facts.every("ENV")
            for assignment in instruction.assignments
            if assignment.name in stated
        ]
        return "followed", lines, ""
    known = facts.base_class
    if known.gpu == "yes" and known.gpu_variables == "set":
        return "followed", [], "set by the base image"
    if known.gpu == "yes":
        if known.rocm_version or "rocm" in f"{facts.base.name}:{facts.base.tag}".lower():
            return "not applicable", [], "a ROCm image: NVIDIA's runtime has no part in it"
        return "unknown", [], "the base image may set them"
    installs = [
        Line(step.command.line, package.name)
        for step in facts.steps
        if step.installs is not None
        for package in step.installs.packages
        if package.name
        and (_CUDA_PACKAGE.match(package.name.lower()) or _CUDA_EXTRA.search(package.written.lower()))
    ]
    installs += [
        Line(step.command.line, "packages built for CUDA")
        for step in facts.steps
        if step.installs is not None
        and _CUDA_INDEX.search(
            " ".join((*step.program.arguments, *step.command.assignments, *step.program.environment))
        )
    ]
    if not installs and facts.base.missing:
        return "unknown", [], "the base image is a variable that the file does not tell"
    if not installs:
        return "not applicable", [], "no sign of an NVIDIA GPU"
    lines = sorted(installs, key=lambda item: item.line)[:20]
    if known.gpu is None and known.user is None and not _official(facts) and not facts.base.scratch:
        return "unknown", lines, "the base image may set them"
    return "violated", lines, "CUDA is installed, but NVIDIA's runtime is not told"


PRACTICES = (
    Practice("non-root-user", _user),
    Practice("no-passwordless-sudo", _passwordless_sudo),
    Practice("healthcheck", _healthcheck),
    Practice("exec-form", _exec_form),
    Practice("oci-labels", _labels),
    Practice("gpu-runtime-variables", _gpu),
)
