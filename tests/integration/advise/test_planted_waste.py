"""An image with planted waste: each piece is named, and what the
advice says it saves is what the image that follows it is smaller by.
"""

from typing import Any

import pytest

from tests.integration.advise.conftest import noise

KB = 1000
WITHIN = 0.02

BASE = {"bin/busybox": noise("busybox", 900 * KB), "etc/os-release": b"ID=example\n"}
INSTALLED = {f"usr/lib/lib{n}.so": noise(f"lib{n}", 300 * KB) for n in range(3)}
LISTS = {f"var/lib/apt/lists/list{n}": noise(f"list{n}", 200 * KB) for n in range(2)}
PACKAGES = {f"usr/lib/python3/site-packages/p/{n}.py": noise(f"py{n}", 40 * KB) for n in range(10)}
CACHE = {"root/.cache/pip/http/wheel": noise("wheel", 1500 * KB)}
MODEL = {"app/model.safetensors": noise("model", 3000 * KB)}
PROGRAM = {"app/main.py": b"print('hello')\n", "app/lib.so": noise("once", 700 * KB)}
COPY = {"opt/vendor/lib.so": noise("once", 700 * KB)}
ARCHIVE = {"srv/data.tar": noise("download", 2000 * KB)}
UNPACKED = {"srv/data/a": noise("unpacked", 800 * KB)}
WHITEOUT = {"srv/.wh.data.tar": b""}

WASTE = [
    BASE,
    {**INSTALLED, **LISTS},
    {**PACKAGES, **CACHE},
    MODEL,
    {**PROGRAM, **COPY},
    {**ARCHIVE, **UNPACKED},
    WHITEOUT,
]
FOLLOWED = [BASE, INSTALLED, PACKAGES, PROGRAM, UNPACKED]
PLANTED = {
    "apt-lists": (LISTS, "var/lib/apt/lists/list0"),
    "pip-cache": (CACHE, "root/.cache/pip/http/wheel"),
    "models-outside": (MODEL, "app/model.safetensors"),
    "delete-in-same-layer": (ARCHIVE, "srv/data.tar"),
    "duplicates": (COPY, "opt/vendor/lib.so"),
}


def by_name(advice: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["recommendation"]: item for item in advice["recommendations"]}


@pytest.fixture
def wasteful(build):
    return build("wasteful", WASTE, Cmd=["python", "/app/main.py"])


def test_each_piece_is_named_with_its_place_and_bytes(wasteful, advise) -> None:
    (advice,) = advise.json(wasteful.reference)
    found = by_name(advice)
    for name, (planted, path) in PLANTED.items():
        assert found[name]["saves_bytes"] == sum(map(len, planted.values())), name
        places = {place["path"]: place for place in found[name]["evidence"]}
        assert path in places, name
        assert places[path]["layer"].startswith("sha256:")
        assert places[path]["bytes"] == len(planted[path])
    assert {name for name, item in found.items() if item["saves_bytes"]} == set(PLANTED)
    assert found["non-root-user"]["severity"] == "warning"
    # What an image alone tells of its base: whether somebody wrote down which it was.
    assert "pin-base-digest" in found


def test_what_it_says_it_saves_is_what_following_it_saves(wasteful, build, advise) -> None:
    (advice,) = advise.json(wasteful.reference)
    followed = build(
        "followed",
        FOLLOWED,
        User="10001",
        Healthcheck={"Test": ["CMD", "true"]},
        Labels={"org.opencontainers.image.base.digest": "sha256:" + "0" * 64},
    )
    smaller = wasteful.bytes - followed.bytes
    assert advice["saves_bytes"] == pytest.approx(smaller, rel=WITHIN)
    assert advice["saves_bytes"] == sum(item["saves_bytes"] or 0 for item in advice["recommendations"])
    (rest,) = advise.json(followed.reference)
    assert rest["recommendations"] == []


@pytest.mark.parametrize("name", PLANTED)
def test_one_advice_followed_saves_what_it_says(name: str, wasteful, build, advise) -> None:
    gone = set(PLANTED[name][0])
    layers = [{path: content for path, content in layer.items() if path not in gone} for layer in WASTE]
    if name == "delete-in-same-layer":
        layers = [layer for layer in layers if layer is not WHITEOUT and "srv/.wh.data.tar" not in layer]
    smaller = wasteful.bytes - build("one", layers).bytes
    (advice,) = advise.json(wasteful.reference)
    assert by_name(advice)[name]["saves_bytes"] == pytest.approx(smaller, rel=WITHIN)


def test_with_its_dockerfile_the_unpinned_base_is_named_too(wasteful, advise, tmp_path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        "FROM python\n"
        "RUN apt-get update && apt-get install -y libgomp1\n"
        "RUN pip install torch\n"
        "RUN wget https://example.com/model.safetensors\n"
        'CMD ["python", "/app/main.py"]\n'
    )
    file, image = advise.json(dockerfile, wasteful.reference)
    found = by_name(file)
    assert found["pin-base-version"]["evidence"][0]["line"] == 1
    assert {"apt-lists", "pip-cache", "models-outside", "non-root-user", "pin-base-digest"} <= set(found)
    # Bytes are measured in layers; a Dockerfile alone has none to say.
    assert all(item["saves_bytes"] is None for item in found.values())
    assert file["saves_bytes"] is None
    assert image["saves_bytes"] > 0


def test_what_came_with_the_base_is_no_saving_of_this_build(build, advise) -> None:
    history = [
        {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
        {"created_by": '/bin/sh -c #(nop)  CMD ["bash"]', "empty_layer": True},
        {"created_by": "RUN /bin/sh -c apt-get update # buildkit"},
    ]
    image = build(
        "on-a-base", [{**BASE, **LISTS}, {"var/lib/apt/lists/own": noise("own", 5000)}], history=history
    )
    (advice,) = advise.json(image.reference)
    lists = by_name(advice)["apt-lists"]
    assert (lists["saves_bytes"], lists["base_image_bytes"]) == (5000, 400 * KB)


def test_a_cache_whose_files_are_linked_elsewhere_saves_nothing(build, advise) -> None:
    layer = {
        "opt/conda/pkgs/a/lib.so": noise("a", 50 * KB),
        "opt/conda/lib/lib.so": "opt/conda/pkgs/a/lib.so",
    }
    (advice,) = advise.json(build("conda", [layer]).reference)
    assert "conda-cache" not in by_name(advice)
