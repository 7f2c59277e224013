"""What a GPU can load: cases for the rules of CUDA's documentation, and of LLVM's for AMD."""

import pytest

from dockml_dagster.study.device_code.loading import GpuUse, can_load, gpus_of, parse_gpu, use_by
from dockml_dagster.study.device_code.model import LINK_ONLY, DeviceRow

NVIDIA = [
    # GPU, kind, architecture of the code, loadable
    ("sm_90", "cubin", "sm_90", True),
    ("sm_89", "cubin", "sm_80", True),  # a later minor revision
    ("sm_80", "cubin", "sm_86", False),  # an earlier one
    ("sm_90", "cubin", "sm_89", False),  # another major one
    ("sm_120", "cubin", "sm_100", False),
    ("sm_121", "cubin", "sm_120", True),
    ("sm_90", "ptx", "sm_52", True),
    ("sm_120", "ptx", "sm_90", True),
    ("sm_89", "ptx", "sm_90", False),
    ("sm_90", "cubin", "sm_90a", True),
    ("sm_100", "ptx", "sm_90a", False),  # only exactly there
    ("sm_103", "cubin", "sm_100a", False),
    ("sm_103", "cubin", "sm_100f", True),  # its family
    ("sm_103", "ptx", "sm_100f", True),
    ("sm_120", "ptx", "sm_100f", False),
    ("sm_100", "cubin", "sm_103f", False),
    ("sm_90", "lto_ir", "sm_75", True),
    ("sm_90", "other", "whatever", True),  # not known: not said to be idle
]
AMD = [
    ("gfx90a", "gfx90a:sramecc+:xnack-", True),
    ("gfx90a", "gfx90c", False),
    ("gfx942", "gfx9-4-generic", True),
    ("gfx942", "gfx9-generic", False),
    ("gfx1151", "gfx11-generic", True),
    ("gfx1201", "amdgcnspirv", True),
    ("gfx942", "machine-0x77", True),
]


@pytest.mark.parametrize(("gpu", "kind", "architecture", "loadable"), NVIDIA)
def test_nvidia(gpu, kind, architecture, loadable):
    assert can_load(parse_gpu(gpu), "nvidia", kind, architecture) is loadable


@pytest.mark.parametrize(("gpu", "architecture", "loadable"), AMD)
def test_amd(gpu, architecture, loadable):
    assert can_load(parse_gpu(gpu), "amd", "code_object", architecture) is loadable


def test_another_vendors_code_is_never_loaded():
    assert not can_load(parse_gpu("sm_90"), "amd", "code_object", "amdgcnspirv")
    assert not can_load(parse_gpu("gfx942"), "nvidia", "ptx", "sm_52")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sm_90", "sm_90"),
        ("9.0", "sm_90"),
        ("90", "sm_90"),
        ("SM_90a", "sm_90"),
        ("compute_120", "sm_120"),
        ("gfx90a", "gfx90a"),
    ],
)
def test_names_of_gpus(text, name):
    assert parse_gpu(text).name == name


@pytest.mark.parametrize("text", ["", "h100", "sm_", "gfx", "sm_90b", "9", "1234"])
def test_what_is_no_gpu(text):
    assert parse_gpu(text) is None


def row(kind, architecture, size, *, section=".nv_fatbin", device_set=1, vendor="nvidia"):
    return DeviceRow(section, device_set, vendor, kind, architecture, "none", 1, 1, size, size, False)


def test_a_container_gives_the_best_of_what_can_be_loaded():
    rows = [
        row("cubin", "sm_80", 1),
        row("cubin", "sm_86", 10),
        row("cubin", "sm_90", 100),
        row("ptx", "sm_80", 1000),
        # Another container has nothing binary for it: the driver compiles the latest PTX.
        row("cubin", "sm_75", 10_000, device_set=2),
        row("ptx", "sm_75", 100_000, device_set=2),
        row("ptx", "sm_52", 1_000_000, device_set=2),
        row("cubin", "sm_86", 10_000_000, section=LINK_ONLY),
    ]
    assert use_by(parse_gpu("8.6"), rows) == GpuUse(100_010, 1_001_001, 10_010_100)
    assert use_by(parse_gpu("8.7"), rows) == GpuUse(100_010, 1_001_001, 10_010_100)
    assert use_by(parse_gpu("gfx942"), rows) == GpuUse(0, 0, 11_111_111)


def test_gpus_that_code_was_made_for():
    rows = [
        row("cubin", "sm_90a", 1),
        row("ptx", "sm_90", 1),
        row("code_object", "gfx9-4-generic:xnack+", 1, vendor="amd"),
    ]
    assert [gpu.name for gpu in gpus_of(rows)] == ["gfx940", "gfx941", "gfx942", "gfx950", "sm_90"]
