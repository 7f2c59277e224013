"""The links of one content are found once, and what was left away meanwhile is told to everybody who asks."""

import pytest
from cachetools import LRUCache

from dockml_dagster.corpora import links
from dockml_dagster.study.cuts import noted_cuts


def test_what_was_left_away_is_noted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_known", LRUCache(9, getsizeof=links._known.getsizeof))
    texts = {"skaffold.yaml": "a: &b\n  - *b\n"}
    told = []
    for _ in range(2):
        with noted_cuts() as cuts:
            links.links_of_texts("own/project", texts)
        told.append(set(cuts))
    assert told == [{"YAML that is refused: an alias of what it is in"}] * 2
    assert len(links._known) == 1


def test_more_links_than_are_kept_are_found_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_MOST_KEPT", 2)
    monkeypatch.setattr(links, "_known", LRUCache(2, getsizeof=links._known.getsizeof))
    for pushed, kept in ((1, 1), (2, 0)):
        links._known.clear()
        texts = {"deploy.sh": "".join(f"docker push own/project:{n}\n" for n in range(pushed))}
        assert len(links.links_of_texts("own/project", texts)) == pushed
        assert len(links._known) == kept
