"""What was scanned once costs nothing again, over images and over commands; what a killed command leaves is removed.

Requests are counted at the server.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.images.scanning.scratch import scratch_folder


@pytest.fixture
def layers(tar, packed) -> list:
    base = tar({"usr": None, "usr/lib.so": os.urandom(5000), "etc/gone": b"g" * 70})
    return [
        (packed(base), "+gzip", {}),
        *((packed(tar({name: b"x"})), "+gzip", {}) for name in ("one", "two")),
    ]


def asked(server) -> list[str]:
    return [f"{each.method} {each.path}" for each in server.asked]


def test_an_unchanged_image_is_one_head(serve, scan, registry, put_image, layers) -> None:
    put_image("1", *layers[:2])
    server = serve(registry)
    scan.allow(server)
    first = scan(f"{server.host}/ml/image:1")
    assert len(server.asked) == 5  # HEAD, manifest, configuration, two layers
    server.asked.clear()
    again = scan(f"{server.host}/ml/image:1")
    assert asked(server) == ["HEAD /v2/ml/image/manifests/1"]
    assert [layer.pop("fetched_bytes") for layer in again["images"][0]["layers"]] == [0, 0]
    assert [layer.pop("fetched_bytes") for layer in first["images"][0]["layers"]] == [
        len(layer) for layer, _, _ in layers[:2]
    ]
    assert again == first
    assert all(layer["digest_verified"] for layer in again["images"][0]["layers"])
    server.asked.clear()
    scan(f"{server.host}/ml/image@{first['digest']}")
    assert asked(server) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_layer_known_from_another_image_costs_nothing(
    serve, scan, registry, put_image, layers, at_once
) -> None:
    put_image("1", layers[0], layers[1])
    put_image("2", layers[0], layers[2], name="ml/other")
    server = serve(registry)
    scan.allow(server)
    references = [f"{server.host}/ml/image:1", f"{server.host}/ml/other:2"]
    found = scan(*references) if at_once else [scan(reference) for reference in references]
    assert [each["images"][0]["files"] for each in found] == [3, 3]
    shared = found[0]["images"][0]["layers"][0]["digest"]
    assert sum(shared in line for line in asked(server)) == 1


def test_what_is_kept_and_damaged_is_fetched_again(serve, scan, registry, put_image, layers, home) -> None:
    put_image("1", layers[0])
    server = serve(registry)
    scan.allow(server)
    first = scan(f"{server.host}/ml/image:1")
    (kept,) = (home / "cache" / "scans").rglob("*.zst")
    whole = kept.read_bytes()
    for damaged in (b"", whole[:-5], whole[: len(whole) // 2], b"{}\n", whole[:40] + b"?" + whole[41:]):
        kept.write_bytes(damaged)
        server.asked.clear()
        assert scan(f"{server.host}/ml/image:1") == first
        assert len(server.asked) == 2
        assert kept.read_bytes() != damaged


def test_only_what_is_whole_is_kept(serve, scan, registry, put_image, layers, home) -> None:
    content, suffix, annotations = layers[0]
    put_image("cut", (content[:-30], suffix, annotations))
    entry = put_image("lie", layers[1])
    assert entry
    registry.blobs = {
        name: b"x" + blob[1:] if blob == layers[1][0] else blob for name, blob in registry.blobs.items()
    }
    server = serve(registry)
    scan.allow(server)
    for tag in ("cut", "lie"):
        scan(f"{server.host}/ml/image:{tag}", code=3)
    assert not list((home / "cache" / "scans").rglob("*.zst"))


def test_local_layers_are_read_each_time(scan, registry, put_image, layers, tmp_path, home) -> None:
    put_image("1", layers[0])
    (tmp_path / "dir").mkdir()
    for name, blob in registry.blobs.items():
        (tmp_path / "dir" / name.partition(":")[2]).write_bytes(blob)
    (tmp_path / "dir" / "manifest.json").write_bytes(registry.manifests["ml/image", "1"][1])
    scan(f"dir:{tmp_path / 'dir'}")
    damaged = next(path for path in (tmp_path / "dir").iterdir() if path.read_bytes() == layers[0][0])
    damaged.write_bytes(b"x" + layers[0][0][1:])
    scan(f"dir:{tmp_path / 'dir'}", code=3)


def test_what_a_killed_command_leaves_goes_at_the_next_start(
    serve, scan, registry, put_image, layers, home, tmp_path
):
    """A folder is abandoned when nobody holds it; one that a running command holds stays."""
    put_image("1", layers[0])
    server = serve(registry)
    scan.allow(server)
    code = (
        "import sys, time, pathlib\n"
        "from dockml_dagster.images.scanning.scratch import scratch_folder\n"
        "with scratch_folder(pathlib.Path(sys.argv[1]), 'scan-') as folder:\n"
        "    (folder / 'sub').mkdir(); (folder / 'sub' / 'rows').write_text('x'); print(folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(home / "cache")], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        folders = [Path(process.stdout.readline().strip()) for process in running]
        running[0].kill()
        running[0].wait()
        assert all(folder.is_dir() for folder in folders)
        scan(f"{server.host}/ml/image:1")
        assert [folder.is_dir() for folder in folders] == [False, True]
        assert (folders[1] / "sub" / "rows").read_text() == "x"
        assert list((home / "cache").glob("scan-*")) == [folders[1]]
    finally:
        for process in running:
            process.kill()
            process.wait()
            process.stdout.close()


def test_nobody_sees_a_folder_before_it_is_locked(tmp_path: Path) -> None:
    with (tmp_path / ".scratch-lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        code = "import sys, pathlib\nfrom dockml_dagster.images.scanning.scratch import scratch_folder\n"
        code += "with scratch_folder(pathlib.Path(sys.argv[1]), 'scan-'): pass\n"
        waiting = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
        time.sleep(0.5)
        assert waiting.poll() is None
        assert not list(tmp_path.glob("scan-*"))
    assert waiting.wait(20) == 0
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("x")
    (tmp_path / "scan-link").symlink_to(tmp_path / "elsewhere")
    with scratch_folder(tmp_path, "scan-"):
        pass
    assert (tmp_path / "elsewhere" / "kept").exists()


ENDLESS = """
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

@dataclass(frozen=True)
class Endless:
    sign: Path

    @contextmanager
    def open(self):
        self.sign.touch()
        time.sleep(600)
        yield None
"""
COMMAND = """
import sys, pathlib
from dockml_dagster.images.scanning.pool import LayerTask, ScanPool
from endless_layer import Endless
folder = pathlib.Path(sys.argv[1])
with ScanPool(workers=1) as pool:
    list(pool.scan([LayerTask("sha256:0", Endless(folder / "reading"))], folder))
"""


def test_a_killed_command_takes_its_workers_with_it(tmp_path: Path) -> None:
    """In the middle of a layer that never ends: nobody is left who would read on for an hour."""
    (tmp_path / "endless_layer.py").write_text(ENDLESS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    command = subprocess.Popen([sys.executable, "-c", COMMAND, str(tmp_path)], env=environment)
    wait_for((tmp_path / "reading").exists)
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text()
    (worker,) = (int(number) for number in children.split())
    assert "State:\tZ" not in status_of(worker)
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_for(lambda: "State:\tZ" in status_of(worker))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def status_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/status").read_text()
    except OSError:
        return "State:\tZ"
