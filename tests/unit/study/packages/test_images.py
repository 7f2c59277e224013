"""Packages of small images: which packages their layers hold, and which package owns which bytes.

Here: cases as data, ``image_cases/*.toml``. ``layers``: the files of each layer, with their content or `-> target` and
`=> target` for links; a whiteout is a path `.wh.NAME`. ``packages``: text → `bytes files hidden_bytes layer [inside]`; those
that a container does not see begin with `gone `. ``unowned``: directory → bytes. Not here: readers (``test_readers``).
"""

import io
import tarfile
import tomllib
from pathlib import Path

import pytest

from dockml_dagster.images.scanning.inside import InsideReader
from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
from dockml_dagster.study.packages.families import parse_families
from dockml_dagster.study.packages.inventory import Inventory, PackageTally

CASES = sorted((Path(__file__).parent / "image_cases").glob("*.toml"))
SEEDS = Path(__file__).parents[4] / "dbt_like_sql" / "seeds"
FAMILIES = parse_families((SEEDS / "package_families.csv").read_text(encoding="utf-8"))


def tar_of(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            if content[:3] in {"-> ", "=> "}:
                info.type = tarfile.SYMTYPE if content[0] == "-" else tarfile.LNKTYPE
                info.linkname = content[3:]
                archive.addfile(info)
                continue
            data = content.encode()
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def inventory_of(layers: list[dict[str, str]], compressed: list[int] | None = None) -> tuple[Inventory, int]:
    """The inventory, and all bytes of the image, including hidden ones."""
    readings, spools = [], []
    for files in layers:
        writer, inside = SpoolWriter(io.BytesIO), InsideReader(io.BytesIO)
        scan_layer(io.BytesIO(tar_of(files)), sink=writer.extend, look=inside)
        readings.append(inside.found().readings)
        lines = writer.finish().readlines()
        spools.append(lambda lines=lines: lines)
    tally = PackageTally(readings)
    summary = summarise_image(spools, visitors=[tally])
    found = tally.inventory(FAMILIES, compressed)
    assert sum(one.bytes for one in (*found.packages, *found.unowned)) == summary.bytes
    assert sum(one.hidden_bytes for one in (*found.packages, *found.unowned)) == summary.wasted_bytes
    assert sum(one.files for one in (*found.packages, *found.unowned)) == summary.files - summary.hardlinks
    return found, summary.bytes + summary.wasted_bytes


@pytest.mark.parametrize("case", CASES, ids=[path.stem for path in CASES])
def test_whose_bytes_they_are(case: Path) -> None:
    wanted = tomllib.loads(case.read_text(encoding="utf-8"))
    found, _ = inventory_of(wanted["layers"])
    packages = {
        f"{'' if one.visible else 'gone '}{one.ecosystem} {one.name} {one.version}": [
            one.bytes,
            one.files,
            one.hidden_bytes,
            one.layer,
            *([] if one.inside is None else [one.inside]),
        ]
        for one in found.packages
    }
    assert packages == wanted["packages"]
    assert {one.directory: one.bytes for one in found.unowned if one.bytes} == wanted.get("unowned", {})
    assert [problem.partition(":")[0] for problem in found.problems] == wanted.get("problems", [])
    assert [[one.name, one.bytes] for one in found.doubled] == wanted.get("doubled", [])
    missing = {one.name: one.files_missing for one in found.packages if one.files_missing}
    assert missing == wanted.get("missing", {})


RECORD = "a/__init__.py,sha256=x,1\na-1.dist-info/METADATA,,\na-1.dist-info/RECORD,,\n"


def test_shares_of_compressed_layers_add_up() -> None:
    metadata = "Name: a\nVersion: 1\n"
    files = {
        "site/a/__init__.py": "x" * 1000,
        "site/a-1.dist-info/METADATA": metadata,
        "site/a-1.dist-info/RECORD": RECORD,
        "rest": "y" * 3,
    }
    found, stored = inventory_of([files, {"site/b": "b" * 10}], [777, 5])
    (package,) = found.packages
    assert package.compressed_bytes == 777 - 777 * 3 // stored
    assert inventory_of([files], None)[0].packages[0].compressed_bytes is None


def test_a_package_twice_is_named_with_all_bytes_but_the_largest() -> None:
    def wheel(folder: str, version: str, size: int) -> dict[str, str]:
        return {
            f"{folder}/numpy/x.so": "x" * size,
            f"{folder}/numpy-{version}.dist-info/METADATA": f"Name: numpy\nVersion: {version}\n",
            f"{folder}/numpy-{version}.dist-info/RECORD": "numpy/x.so,,\n",
        }

    found, _ = inventory_of([wheel("a", "1.0", 50) | wheel("b", "2.0", 40) | wheel("c", "1.0", 30)])
    (doubled,) = found.doubled
    assert (doubled.name, doubled.bytes) == ("numpy", 70)
    assert doubled.packages == ("pypi numpy 1.0", "pypi numpy 2.0", "pypi numpy 1.0")
    assert inventory_of([wheel("a", "1.0", 50) | wheel("c", "1.0", 30)])[0].doubled == ()


@pytest.mark.parametrize(("most", "owned"), [(3, 111), (2, 10)])
def test_links_beyond_those_remembered_are_nobodys(
    most: int, owned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockml_dagster.study.packages.inventory._MOST_LINKED", most)
    # Of files "one" and "two" are remembered, of links those to "wide" and "two".
    files = {"a/one": "x", "a/two": "x" * 10, "a/wide": "x" * 100}
    links = {"z/1": "=> a/wide", "z/2": "=> a/two", "z/3": "=> a/one"}
    files |= {"z-1.dist-info/METADATA": "Name: z\nVersion: 1\n"}
    files |= {"z-1.dist-info/RECORD": "".join(f"{name},,\n" for name in links)}
    found, _ = inventory_of([files | links])
    (package,) = found.packages
    assert package.bytes == owned
