"""Device code of an image: hidden files, owners, and what is idle whichever GPU is used."""

from dockml_dagster.study.device_code.image import DeviceTally, Unused, device_bytes, unused, use_of
from dockml_dagster.study.device_code.loading import Gpu, GpuUse, parse_gpu
from dockml_dagster.study.device_code.model import DeviceFile, DeviceRow
from dockml_dagster.study.layer.model import LayerEntry


def row(architecture, size, kind="cubin", vendor="nvidia"):
    return DeviceRow(".nv_fatbin", 1, vendor, kind, architecture, "none", 1, 1, size, size, False)


def entry(path, kind="file"):
    return LayerEntry(path, kind, 9, 9, 0o644, 0, 0, 0, 0, None, None, None, "so", "elf", None)


def tally(*batch):
    found = [
        [DeviceFile("a.so", (row("sm_80", 30), row("sm_90", 20)))],
        [DeviceFile("a.so", (row("sm_90", 40),)), DeviceFile("b.so", (row("sm_80", 5),), "damaged")],
    ]
    made = DeviceTally(found)
    made(batch)
    return made


BATCH = [
    (entry("a.so"), 0, 1, "replaced"),
    (entry("a.so"), 1, None, None),
    (entry("b.so", "hardlink"), 1, None, None),  # another name's entry is none of the file
    (entry("b.so"), 1, 2, "whiteout"),
    (entry("b.so"), 1, None, None),  # twice in its layer: the last one is seen
    (entry("c.so"), 1, None, None),
]


def test_what_became_of_the_files() -> None:
    files = tally(*BATCH).files(lambda path, layer, hidden: f"deb {path}{layer}{hidden}")
    assert [(one.path, one.layer, one.hidden_by, one.package, one.problem) for one in files] == [
        ("a.so", 0, 1, "deb a.so0True", None),
        ("a.so", 1, None, "deb a.so1False", None),
        ("b.so", 1, None, "deb b.so1False", "damaged"),
    ]
    assert device_bytes(files) == 45
    assert use_of(files, parse_gpu("sm_90")) == GpuUse(40, 0, 5)
    assert unused(files) == Unused(5, Gpu("nvidia", "sm_90", 90))


def test_what_the_union_does_not_show_is_hidden_by_its_layer() -> None:
    files = tally().files()
    assert [one.hidden_by for one in files] == [0, 1, 1]
    assert device_bytes(files) == 0
    assert unused(files) is None
    assert use_of(files, parse_gpu("sm_90")) == GpuUse(0, 0, 0)
