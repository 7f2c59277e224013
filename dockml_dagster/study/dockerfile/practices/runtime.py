"""Practices about the container that the image will be: user, command, health, labels, GPU."""

from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice

_GUIDE = "docs.docker.com/build/building/best-practices"
_ROOT = frozenset({"root", "0", "containeradministrator", "administrator"})
_OCI = "org.opencontainers.image."
_GPU_WORDS = ("cuda", "gpu", "rocm", "l4t", "jetson", "tensorrt", "nvcr.io/nvidia")
_GPU_VARIABLES = (
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_REQUIRE_CUDA",
    "HSA_OVERRIDE_GFX_VERSION",
)
# Images that set NVIDIA's variables themselves: NVIDIA's own and those built upon them.
_GPU_READY = (
    "nvidia/cuda",
    "nvidia/",
    "nvcr.io/nvidia/",
    "pytorch/pytorch",
    "tensorflow/tensorflow",
    "tensorflow/serving",
)
_GPU_PACKAGES = ("cuda", "libcudnn", "libnccl", "libcublas", "nvidia-", "cudatoolkit", "cudnn", "rocm")


def _user(facts: Facts) -> Judged:
    user = facts.last("USER")
    if user is None:
        base = facts.base
        line = [Line(facts.reading.stages[facts.chain[0]].start_line, "no USER after FROM")]
        if base.tag and "nonroot" in base.tag:
            return "followed", line, "the base image's tag says nonroot"
        official = base.repository is not None and base.repository.startswith("library/")
        if base.scratch or official or (base.name or "").startswith(("nvidia/cuda", "nvcr.io/nvidia/cuda")):
            return "violated", line, "no USER, and the base image starts as root"
        return "unknown", line, "no USER: the base image decides"
    line = [Line(user.start_line, "USER")]
    text = user.expanded[0].text if user.expanded else None
    if text is None:
        return "unknown", line, "the user is a variable that the file does not tell"
    name = text.split(":", 1)[0].strip().lower()
    return ("violated" if name in _ROOT or not name else "followed"), line, "root" if name in _ROOT else ""


def _healthcheck(facts: Facts) -> Judged:
    check = facts.last("HEALTHCHECK")
    if check is None:
        return "violated", [], "no HEALTHCHECK"
    line = [Line(check.start_line, "HEALTHCHECK")]
    if check.arguments and check.arguments[0].upper() == "NONE":
        return "violated", line, "switched off"
    return "followed", line, ""


def _exec_form(facts: Facts) -> Judged:
    commands = [
        item for item in (facts.last("ENTRYPOINT"), facts.last("CMD")) if item is not None and item.arguments
    ]
    if not commands:
        return "not applicable", [], "neither CMD nor ENTRYPOINT"
    shell = [
        Line(item.start_line, f"{item.keyword} in shell form") for item in commands if item.form == "shell"
    ]
    if shell:
        return "violated", shell, ""
    return "followed", [Line(item.start_line, f"{item.keyword} in exec form") for item in commands], ""


def _labels(facts: Facts) -> Judged:
    found = [
        Line(instruction.start_line, assignment.name.strip("\"'"))
        for instruction in facts.every("LABEL")
        for assignment in instruction.assignments
        if assignment.name.strip("\"'").startswith(_OCI)
    ]
    return ("followed", found, "") if found else ("violated", [], f"no label {_OCI}*")


def _gpu(facts: Facts) -> Judged:
    base = (facts.base.expanded or facts.base.partial or facts.base.raw).lower()
    environment = facts.environment()
    stated = [name for name in _GPU_VARIABLES if name in environment]
    lines = [
        Line(instruction.start_line, assignment.name)
        for instruction in facts.every("ENV")
        for assignment in instruction.assignments
        if assignment.name in stated
    ]
    gpu_base = any(word in base for word in _GPU_WORDS)
    installs = [
        Line(step.command.line, package.name)
        for step in facts.steps
        if step.installs is not None
        for package in step.installs.packages
        if package.name and package.name.lower().startswith(_GPU_PACKAGES)
    ]
    if not gpu_base and not installs and not stated:
        return "not applicable", [], "no sign of a GPU"
    if stated:
        return "followed", lines, ""
    if gpu_base:
        ready = (facts.base.name or "").startswith(_GPU_READY)
        return (
            ("followed", [], "set by the base image")
            if ready
            else ("unknown", [], "the base image may set them")
        )
    return "violated", installs[:20], "CUDA is installed, but NVIDIA's runtime is not told"


PRACTICES = (
    Practice(
        "non-root-user",
        "The container does not start as root.",
        "Whoever breaks out of a process that runs as root is root on a badly set up host, and files "
        "on mounts belong to root.",
        "The last USER of the shipped stages. Without one: violated on official images, NVIDIA's and "
        "scratch, which start as "
        "root; else unknown.",
        f"{_GUIDE} (USER); hadolint DL3002 (which looks at every stage)",
        _user,
    ),
    Practice(
        "healthcheck",
        "The image says how to tell whether its service works.",
        "An orchestrator otherwise sees only that a process exists.",
        "A HEALTHCHECK other than NONE in the shipped stages.",
        "docs.docker.com/reference/dockerfile (HEALTHCHECK); CIS Docker Benchmark 4.6",
        _healthcheck,
    ),
    Practice(
        "exec-form",
        "CMD and ENTRYPOINT are in exec form.",
        "In shell form the program is a child of /bin/sh and never gets the signal to stop.",
        "The last CMD and the last ENTRYPOINT of the shipped stages.",
        "docs.docker.com/reference/build-checks/json-args-recommended; hadolint DL3025",
        _exec_form,
    ),
    Practice(
        "oci-labels",
        "The image carries labels of the OCI image specification.",
        "They are what leads from an image back to its source, version and licence.",
        f"A LABEL whose name begins with `{_OCI}`.",
        "github.com/opencontainers/image-spec (annotations)",
        _labels,
    ),
    Practice(
        "gpu-runtime-variables",
        "An image that uses a GPU tells the container runtime so.",
        "Without NVIDIA_VISIBLE_DEVICES the NVIDIA runtime hands the container no device.",
        "Applies if the base image or an installed package is CUDA's or ROCm's. Followed: one of "
        "NVIDIA's variables is set, or the "
        "base image is known to.",
        "docs.nvidia.com/datacenter/cloud-native/container-toolkit (environment variables)",
        _gpu,
    ),
)
