"""Advice on an image besides its bytes: user, health check, labels, secrets, layers, platforms, base."""

import json
from pathlib import Path
from typing import Any

import pytest

import dockml_dagster
from dockml_dagster.study.advice.image import MANY_LAYERS, ImageFacts, advise_image, base_layers_of
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.image.config import ImageConfig, parse_config

SEEDS = Path(dockml_dagster.__file__).parents[1] / "dbt_like_sql" / "seeds"
RULES = parse_recommendation_rules((SEEDS / "recommendations.csv").read_text(encoding="utf-8"))
GOOD = {
    "User": "10001:10001",
    "Healthcheck": {"Test": ["CMD", "true"]},
    "Labels": {"org.opencontainers.image.base.digest": "sha256:0"},
    "Env": ["PATH=/bin", "API_TOKEN="],
}


def config(history: Any = None, **changes: Any) -> ImageConfig:
    document = {
        "os": "linux",
        "architecture": "amd64",
        "config": {**GOOD, **changes},
        "history": history or [],
    }
    return parse_config(json.dumps(document).encode())


def advised(facts: ImageFacts) -> set[str]:
    return {item.rule.recommendation for item in advise_image(facts, None, RULES)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"User": ""}, {"non-root-user"}),
        ({"User": "root:users"}, {"non-root-user"}),
        ({"User": "0:0"}, {"non-root-user"}),
        ({"Healthcheck": {"Test": ["NONE"]}}, {"healthcheck"}),
        ({"Healthcheck": None}, {"healthcheck"}),
        ({"Labels": {"org.opencontainers.image.source": "x"}}, {"pin-base-digest"}),
        ({"Labels": {"maintainer": "x"}}, {"pin-base-digest", "provenance-labels"}),
        ({"Env": ["API_TOKEN=x"]}, {"no-secrets"}),
    ],
    ids=[
        "nothing",
        "no user",
        "root",
        "0",
        "switched off",
        "no check",
        "base not recorded",
        "no OCI label",
        "secret",
    ],
)
def test_configuration(changes: dict[str, Any], expected: set[str]) -> None:
    assert advised(ImageFacts("i", ("a",), 0, config(**changes))) == expected


def test_a_value_of_a_secret_is_in_no_evidence() -> None:
    found = advise_image(ImageFacts("i", ("a",), 0, config(Env=["API_TOKEN=hunter2"])), None, RULES)
    assert "hunter2" not in repr([item.evidence for item in found])


def test_without_a_configuration_nothing_is_said_of_it() -> None:
    assert advised(ImageFacts("i", ("a",), 0, None)) == set()


@pytest.mark.parametrize(("base", "expected"), [(0, {"fewer-layers"}), (1, set())])
def test_layers_of_the_base_are_not_counted(base: int, expected: set[str]) -> None:
    layers = tuple(map(str, range(MANY_LAYERS + 1)))
    assert advised(ImageFacts("i", layers, base, config())) == expected


@pytest.mark.parametrize(("platforms", "expected"), [(None, set()), (1, {"one-platform"}), (2, set())])
def test_platforms(platforms: int | None, expected: set[str]) -> None:
    assert advised(ImageFacts("i", ("a",), 0, config(), platforms=platforms)) == expected


@pytest.mark.parametrize(
    ("history", "layers", "expected"),
    [
        ([], 2, 0),
        (["ADD x", "CMD y -", "RUN z"], 2, 1),
        (["ADD x", "RUN z", "CMD y -"], 2, 0),
        (["ADD x", "CMD y -", "RUN z", "ENTRYPOINT y -", "COPY a"], 3, 2),
        (["ADD x", "CMD y -", "RUN z"], 5, 0),
    ],
    ids=["no history", "one base", "no layer after", "a base upon a base", "squashed"],
)
def test_where_the_base_ends(history: list[str], layers: int, expected: int) -> None:
    entries = [{"created_by": text, "empty_layer": text.endswith(" -")} for text in history]
    assert base_layers_of(config(entries), layers) == expected
