"""The cache rules against a real BuildKit: what it says CACHED of is what the model calls a hit.

Skipped where Debian's docker.io is not installed or a daemon cannot be started.
"""

import os
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.study.rebuilds.history import RebuildHistory
from dockml_dagster.study.rebuilds.model import Change, Entry
from tests.integration.rebuilds import base_images, builder
from tests.integration.rebuilds.comparison import Agreement, Needs, buildable, numbered

RULES = Path(__file__).parents[2] / "unit" / "study" / "rebuilds" / "rules.toml"
CASES: list[dict[str, Any]] = [
    case
    for case in tomllib.loads(RULES.read_text(encoding="utf-8"))["case"]
    if "builder" not in case and "RUNE" not in case.get("after", "")
]
EVERY = os.environ.get("DOCKML_TEST_EVERY_RULE")
"""Set: every case is built, which takes a minute. Else every fifth."""


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, str, Path]]:
    """A daemon, a registry, a folder. The folder is short: a socket's path may have 107 characters."""
    if not builder.is_there():
        pytest.skip("docker.io is not installed, or this is not root")
    needs = Needs(users={"u"})
    for case in CASES:
        for text in (case["before"], case.get("after", "")):
            needs.add(text.encode())
    with tempfile.TemporaryDirectory(prefix="dockml-") as name:
        folder = Path(name)
        (folder / "empty").mkdir()
        common = base_images.layer(needs.folders, needs.programs, needs.users)
        try:
            with builder.daemon(folder / "daemon") as address, base_images.any_image(common) as registry:
                yield address, registry, folder
        except RuntimeError as error:
            pytest.skip(f"no daemon could be started: {error}")


@pytest.mark.parametrize("case", CASES if EVERY else CASES[::5], ids=lambda case: case["name"])
def test_a_rule_holds_for_a_real_builder(case: dict[str, Any], place: tuple[str, str, Path]) -> None:
    address, registry, folder = place
    builder.prune(address)
    context = folder / "context"
    context.mkdir(exist_ok=True)
    for path in sorted(context.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    blobs: dict[str, bytes] = {}
    history = RebuildHistory(blobs.get, {})
    agreement = Agreement()
    after = {"Dockerfile": case["after"]} if "after" in case else {}
    for files in ({"Dockerfile": case["before"], **case.get("files", {})}, {**after, **case.get("then", {})}):
        changes = []
        for name, text in files.items():
            path, data = name.removesuffix("+x"), text.encode()
            if path == "Dockerfile":
                data = buildable(data, registry)
            _put(context / path, data, executable=name.endswith("+x"))
            blobs[text] = data
            changes.append(
                Change(path, Entry("100755" if name.endswith("+x") else "100644", text) if text else None)
            )
        rebuilt = next(iter(history.commit(changes)), None)
        built = history.build_of("Dockerfile")
        assert built is not None
        real = builder.build(address, context, "Dockerfile", folder / "empty")
        agreement.add(built, numbered((context / "Dockerfile").read_bytes(), built.plan), rebuilt, real)
    assert agreement.examples == []
    assert agreement.builds == 2
    assert agreement.steps > 0


def _put(path: Path, data: bytes, *, executable: bool) -> None:
    if not data:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if executable else 0o644)
