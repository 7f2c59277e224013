"""The rules of the seed, and how rules match and count."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dockml_dagster.study.layer.content import EVIDENCE, ContentRules, ContentTally, parse_rules
from dockml_dagster.study.layer.image import summarise_image

SEED = Path(__file__).parents[4] / "dbt_like_sql" / "seeds" / "layer_content_rules.csv"
HEAD = "rule,rule_group,pattern,removable,meaning\n"


@pytest.fixture(scope="module")
def rules() -> ContentRules:
    return ContentRules(parse_rules(SEED.read_text()))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("usr/local/cuda-12.4/targets/lib/libcublas.so.12.4.5", {"cuda"}),
        ("usr/lib/x86_64-linux-gnu/libcudnn_ops_infer.so.8", {"cudnn"}),
        ("opt/conda/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9", {"cudnn"}),
        ("opt/rocm-6.0/lib/librocblas.so.4", {"rocm"}),
        ("usr/lib/python3/site-packages/torch/lib/libtorch_cpu.so", {"pytorch"}),
        ("usr/lib/python3/site-packages/torch/lib/libgomp.so.1", {"pytorch", "openmp"}),
        ("site-packages/torchvision/x.py", set()),
        ("models/llama.safetensors", {"model_weights"}),
        ("app/model/variables/variables.data-00000-of-00001", {"model_weights"}),
        ("root/.cache/pip/http/a/b", {"pip_cache"}),
        ("home/u/.cache/huggingface/hub/m.bin", {"model_hub_cache"}),
        ("var/lib/apt/lists/deb.debian.org_dists", {"apt_lists"}),
        ("app/var/lib/apt/lists/x", set()),
        ("var/cache/apt/archives/a.deb", {"apt_cache"}),
        ("opt/conda/pkgs/python/lib/a.a", {"conda_cache", "static_libraries"}),
        ("app/.git/objects/pack/p.pack", {"git_history"}),
        ("app/.github/x.yml", set()),
        ("app/src/__pycache__/m.cpython-311.pyc", {"python_bytecode"}),
        ("usr/lib/python3/site-packages/numpy/tests/t.py", {"tests"}),
        ("data/train.csv", {"data_set"}),
        ("usr/lib/debug/.build-id/a.debug", {"debug_symbols"}),
        ("tests", set()),
        ("", set()),
    ],
)
def test_the_seed(rules: ContentRules, path: str, found: set[str]) -> None:
    assert set(rules.matching(path)) == found


def test_the_index_finds_what_each_pattern_finds(rules: ContentRules) -> None:
    for rule in parse_rules(SEED.read_text()):
        path = rule.pattern.strip("/").replace("**", "some/file").replace("*", "x1").replace("?", "0")
        assert rule.rule in rules.matching(path), rule
        if not rule.pattern.startswith("/"):
            assert rule.rule in rules.matching("opt/deep/" + path), rule


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,g,x/**/y,true,m", "line 2: pattern 'x/\\*\\*/y'"),
        ("a,g,,true,m", "pattern ''"),
        ("a,g,x,yes,m", "`removable` true or false"),
        ("a,g,x,true", "five values"),
        ("a,g,x,true,m,more", "five values"),
        ("a,g,*x*y*,true,m", "at most two"),
        ("a,g,x,true,m\na,h,y,true,m", "line 3: a has another group"),
    ],
)
def test_rules_that_cannot_be_used_are_named(row: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_rules(HEAD + row + "\n")


def test_wrong_columns_are_named() -> None:
    with pytest.raises(ValueError, match="the columns must be"):
        parse_rules("rule,pattern\na,b\n")


def test_bytes_and_evidence(tar, spooled) -> None:
    rules = ContentRules(parse_rules(HEAD + "w,weights,*.pt,false,m\nc,cache,.cache/pip/**,true,m\n"))
    layers = [
        tar([("a.pt", b"1" * 100), ("b/a.pt", b"1" * 100), ("c.pt", b"2" * 50), (".cache/pip/x", b"3" * 30)]),
        tar([(".wh..cache", b"")]),
    ]
    tally = ContentTally(rules)
    summarise_image([spooled(layer) for layer in layers], visitors=[tally])
    weights, cache = tally.findings()
    assert (weights.rule, weights.files, weights.bytes, weights.duplicate_bytes) == ("w", 3, 250, 100)
    assert [file.path for file in weights.largest] == ["a.pt", "b/a.pt", "c.pt"]
    assert (cache.files, cache.bytes, cache.hidden_files, cache.hidden_bytes) == (0, 0, 1, 30)


@pytest.mark.parametrize("number", [EVIDENCE - 1, EVIDENCE, EVIDENCE + 3])
def test_evidence_is_the_ten_largest_files(number: int, tar, spooled) -> None:
    tally = ContentTally(ContentRules(parse_rules(HEAD + "w,weights,*.pt,false,m\n")))
    sizes = [*range(2, number + 1), 1]
    summarise_image([spooled(tar([(f"{size}.pt", b"1" * size) for size in sizes]))], visitors=[tally])
    (weights,) = tally.findings()
    assert [file.size for file in weights.largest] == sorted(sizes, reverse=True)[:EVIDENCE]


def test_hostile_paths_match_in_linear_time(rules: ContentRules) -> None:
    started = time.process_time()
    for segment in ("a", ".cache", "lib", "tests", "l" * 200 + ".so"):
        for _ in range(20):
            rules.matching("/".join([segment] * (4096 // (len(segment) + 1))))
    rules.matching("libcudnn" + "_static" * 500)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("path", "found"), [("x.d/model1.bin", {"m"}), ("x.d/other.bin", set()), ("x/model1.bin", set())]
)
def test_a_pattern_may_have_wildcards_in_every_segment(path, found):
    rules = ContentRules(parse_rules(HEAD + "m,models,*.d/model*.bin,false,m\n"))
    assert set(rules.matching(path)) == found


@pytest.mark.parametrize(("most", "names"), [(3, {"a", "b", "c"}), (2, {"a", "b", "(other)"})])
def test_types_beyond_those_counted_one_by_one(tar, spooled, monkeypatch, most: int, names: set[str]) -> None:
    monkeypatch.setattr("dockml_dagster.study.layer.image._MOST_TYPES", most)
    summary = summarise_image([spooled(tar([("x.a", b"1"), ("x.b", b"1"), ("x.c", b"1")]))])
    assert {row.name for row in summary.extensions} == names
