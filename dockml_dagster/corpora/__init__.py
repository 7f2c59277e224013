"""Where projects come from: one module a corpus, all filling the same ``raw`` tables.

``open_corpus`` is the one place that knows which corpora there are.
"""

from __future__ import annotations

from dockml_dagster.corpora.base import Corpus
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import CORPORA, Settings


def open_corpus(name: str, settings: Settings) -> Corpus:
    """A corpus by name; nothing is read yet.

    Raises:
        BadInputError: no corpus is called so.
    """
    if name == "ease2022":
        from dockml_dagster.corpora.ease2022 import Ease2022

        return Ease2022(settings.ease2022, settings.cache)
    if name == "sample":
        from dockml_dagster.corpora.sample import Sample

        return Sample(settings=settings)
    raise BadInputError(f"no corpus is called {name!r}; there are {', '.join(CORPORA)}")


def corpus_of(project: str) -> str:
    """The corpus a partition key belongs to."""
    return project.split("/", 1)[0]
