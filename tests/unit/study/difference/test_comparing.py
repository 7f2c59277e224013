"""Differences of two images: the order of parts, and that every grouping adds up.

Here: images made by hand and at random. Not here: reading images (``tests/integration/scan_image``).
"""

import random

import pytest

from dockml_dagster.study.difference.comparing import (
    NO_PACKAGE,
    Difference,
    File,
    LayerOfImage,
    Side,
    compare,
)
from dockml_dagster.study.difference.sharing import Shared, share

Files = dict[str, tuple[int, str]]
"""Path → bytes and content."""
BASE: Files = {"usr/lib/libc.so": (2000, "libc"), "etc/os": (10, "os")}
APP: Files = {"s/numpy/a.so": (5000, "np1"), "s/numpy/b.py": (100, "npb"), "app/main.py": (50, "m")}


def side(*layers: tuple[str, Files], hidden: tuple[str, ...] = ()) -> Side:
    """An image from the instruction and files of each layer. A package is a folder below `s`."""

    def package_of(file: File) -> str | None:
        return f"pypi {file.path.split('/')[1]}" if file.path.startswith("s/") else None

    listed = tuple(
        LayerOfImage(
            f"blob {sorted(files.items())}", f"diff {sorted(files.items())}", 100 + number, instruction
        )
        for number, (instruction, files) in enumerate(layers)
    )
    files = [
        File(number, path, size, content, "elf" if path.endswith(".so") else "text", path not in hidden)
        for number, (_, several) in enumerate(layers)
        for path, (size, content) in several.items()
    ]
    return Side(listed, files, package_of, lambda name: ())


def adds_up(found: Difference) -> bool:
    groups = found.instructions, found.packages, found.directories, found.kinds
    fates = sum(one.bytes_after - one.bytes_before for one in found.fates)
    return {sum(part.difference for part in group) for group in groups} | {fates} == {found.difference}


BEFORE = side(("ADD base", BASE), ("RUN install", APP))
CHANGES = {
    "a package grew": ({**APP, "s/numpy/a.so": (9000, "np2")}, "packages", "pypi numpy", 4000),
    "a package shrank": ({**APP, "s/numpy/a.so": (1000, "np2")}, "packages", "pypi numpy", -4000),
    "a package came": ({**APP, "s/torch/t.so": (90_000, "t")}, "packages", "pypi torch", 90_000),
    "a package went": (
        {path: file for path, file in APP.items() if "numpy" not in path},
        "packages",
        "pypi numpy",
        -5100,
    ),
    "a file of nobody's grew": ({**APP, "app/main.py": (7050, "n")}, "packages", NO_PACKAGE, 7000),
    "data came into a folder": ({**APP, "data/x.bin": (30, "d")}, "directories", "data", 30),
    "a kind grew": ({**APP, "data/x.so": (3000, "e")}, "kinds", "elf", 3000),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_cause_comes_first(change: str) -> None:
    files, group, name, size = CHANGES[change]
    found = compare(BEFORE, side(("ADD base", BASE), ("RUN install", files)))
    first = getattr(found, group)[0]
    assert (first.name, first.difference) == (name, size)
    assert found.difference == size
    assert found.instructions[0].name == "RUN install"
    assert found.shared_layers == 1
    assert adds_up(found)


def test_another_instruction_is_the_cause() -> None:
    found = compare(
        BEFORE, side(("ADD base", BASE), ("RUN install", APP), ("COPY weights", {"w": (700, "w")}))
    )
    assert found.instructions == (("COPY weights", 0, 700),)
    assert (found.pull_bytes, found.pull_bytes_by_digest) == (102, 102)


def test_layers_in_another_order_are_there_by_digest_and_pulled_after_the_beginning() -> None:
    found = compare(BEFORE, side(("RUN install", APP), ("ADD base", BASE)))
    assert (found.shared_layers, found.difference) == (2, 0)
    assert (found.pull_bytes, found.pull_bytes_by_digest) == (201, 0)


def test_what_became_of_files() -> None:
    after = {
        "s/numpy/a.so": (5000, "np1"),  # rebuilt
        "s/numpy/b.py": (120, "other"),  # changed
        "s/new/x.so": (4096, "moved"),
        "s/small": (4095, "small"),
    }
    before = {**APP, "old/x.so": (4096, "moved"), "old/small": (4095, "small")}
    found = compare(side(("RUN a", before)), side(("RUN a", after)))
    assert {one.fate: tuple(one)[1:] for one in found.fates} == {
        "rebuilt": (1, 5000, 5000),
        "changed": (1, 100, 120),
        "moved": (1, 4096, 4096),
        "removed": (2, 4145, 0),
        "added": (1, 0, 4095),
    }
    assert adds_up(found)


def test_a_file_of_a_shared_layer_that_is_hidden_saves_nothing() -> None:
    layers = (("ADD base", BASE), ("RUN install", APP))
    found = compare(side(*layers), side(*layers, ("RUN rm", {}), hidden=("s/numpy/a.so",)))
    assert found.difference == 0
    assert found.shared_visible_before - found.shared_visible_after == 5000


def test_an_unknown_size_is_no_zero() -> None:
    unknown = Side((LayerOfImage("x", None, None, None),), [], lambda file: None, lambda name: ())
    found = compare(BEFORE, unknown)
    assert (found.pull_bytes, found.pull_bytes_by_digest) == (None, None)


@pytest.mark.parametrize("seed", range(50))
def test_every_grouping_adds_up(seed: int) -> None:
    draw = random.Random(seed)

    def some() -> Files:
        return {
            f"{draw.choice(['s/a', 's/b', 'app', 'usr/lib'])}/{draw.randrange(6)}.{draw.choice(['so', 'py'])}": (
                draw.randrange(9000),
                f"{draw.randrange(5)}",
            )
            for _ in range(draw.randrange(12))
        }

    shared = [(f"RUN {number}", some()) for number in range(3)]
    images = [[*shared, *((f"RUN {draw.randrange(4)}", some()) for _ in range(2))] for _ in range(2)]
    for image in images:
        draw.shuffle(image)
    assert adds_up(compare(side(*images[0]), side(*images[1])))


def test_what_several_images_share() -> None:
    def layers(*names: str) -> list[LayerOfImage]:
        return [LayerOfImage(name, None, 10, None) for name in names]

    found, distinct = share([layers("a", "b", "b"), layers("a", "c"), layers("a")])
    assert found == (Shared(3, 20, 1, 10), Shared(2, 20, 1, 10), Shared(1, 10, 0, 0))
    assert distinct == 30
    assert share([[LayerOfImage("a", None, None, None)]])[1] is None
