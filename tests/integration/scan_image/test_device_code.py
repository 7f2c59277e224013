"""``scan-image --gpu``, ``advise`` and the kept scan: code for GPUs of libraries in layers, also in hidden ones."""

import json
import random

import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.images.scanning import store
from dockml_dagster.images.scanning.kept_inside import to_json
from dockml_dagster.study.advice import image as advice_image
from tests.device_files import bundle, container, device_file, entry, shared_object
from tests.device_files import packed as packed_bundle

TEXT = random.Random(5).randbytes(80_000)
SMALL = shared_object(
    (".text", TEXT, 16),
    (".nv_fatbin", container(entry(2, 80, 936), entry(2, 90, 1936), entry(1, 90, 436)), 8),
)
# Larger than a chunk, and than what is told by its sections: searched as it passes.
LARGE = shared_object(
    (".text", TEXT * 110, 16),
    (".nv_fatbin", container(entry(2, 70, 9936)) * 2, 8),
    (".hip_fatbin", packed_bundle(bundle(("gfx942", 50_000))), 4096),
)
LAYER = {
    "s/lib/a.so": SMALL,
    "s/lib/b.so": LARGE,
    "s/lib/plain.so": shared_object((".text", TEXT, 16)),
    "s/lib/k.cubin": device_file(190, 90, size=500),
    "s/a-1.dist-info/METADATA": b"Name: a\nVersion: 1\n",
    "s/a-1.dist-info/RECORD": b"lib/a.so,,\n",
}


@pytest.fixture
def image(serve, scan, registry, put_image, tar, packed) -> str:
    put_image("1", packed(tar(LAYER)), packed(tar({"s/lib/.wh.k.cubin": b""})))
    server = serve(registry)
    scan.allow(server)
    return f"{server.host}/ml/image:1"


def test_what_a_gpu_loads(scan, image) -> None:
    (found,) = scan(image, "--gpu", "9.0")["images"]
    assert found["gpu"] == "sm_90"
    sums = {name: found[f"{name}_bytes"] for name in ("chosen", "passed_over", "never")}
    bundle_bytes = next(row["bytes"] for row in found["architectures"] if row["vendor"] == "amd")
    assert sums == {"chosen": 2000, "passed_over": 500, "never": 1000 + 20_000 + bundle_bytes}
    assert found["bytes"] == sum(sums.values())
    by_path = {one["path"]: one for one in found["files"]}
    assert list(by_path) == ["s/lib/b.so", "s/lib/a.so", "s/lib/k.cubin"]
    assert by_path["s/lib/a.so"]["package"] == "pypi a"
    assert [row["section"] for row in by_path["s/lib/b.so"]["rows"]] == [".hip_fatbin", ".nv_fatbin"]
    assert by_path["s/lib/k.cubin"]["hidden_by"] == 2
    text = scan.run(image, "--gpu", "sm_90").stdout
    assert "can never be loaded on sm_90" in text
    assert len(scan.run(image, "--gpu", "sm_90", "--format", "csv").stdout.splitlines()) == 4
    assert scan.run(image, "--gpu", "h100").exit_code == 2
    assert scan.run(image, "--gpu", "sm_90", "--packages").exit_code == 2


def test_the_scan_and_the_advice_name_it(scan, image, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = scan(image)["images"]
    assert found["secrets_cut_short"] is False
    code = found["device_code"]
    assert code["idle_bytes"] == code["bytes"] - 20_000  # least on one that loads the largest part
    assert "Code for GPUs" in scan.run(image).stdout
    advise = ["advise", image, "--format", "json"]
    assert (
        "code-for-your-gpus" not in CliRunner().invoke(main, advise).stdout
    )  # too little to be worth a word
    monkeypatch.setattr(advice_image, "MUCH_IDLE_CODE", 1000)
    (advice,) = (
        one
        for one in json.loads(CliRunner().invoke(main, advise).stdout)[0]["recommendations"]
        if one["recommendation"] == "code-for-your-gpus"
    )
    assert advice["saves_bytes"] == code["idle_bytes"]
    assert advice["evidence"][0]["path"] == "s/lib/b.so"


def test_a_layer_read_before_is_unknown_and_read_again_where_it_is_asked(
    scan, image, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        # As layers were kept before device code was looked for.
        before.setattr(
            store, "to_json", lambda inside: {k: v for k, v in to_json(inside).items() if k != "device_code"}
        )
        scan(image)
    (found,) = scan(image)["images"]
    assert found["device_code"] is None
    assert found["secrets"] == []
    (found,) = scan(image, "--gpu", "sm_90")["images"]
    assert found["bytes"] > 0
