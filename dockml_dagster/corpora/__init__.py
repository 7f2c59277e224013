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
        from dockml_dagster.corpora.ease2022.corpus import Ease2022

        return Ease2022(settings.ease2022, settings.cache)
    if name == "github":
        from dockml_dagster.corpora.github.corpus import Github

        return Github(settings)
    if name == "local":
        from dockml_dagster.corpora.local.corpus import Local

        return Local(settings)
    if name == "sample":
        from dockml_dagster.corpora.sample.corpus import Sample

        return Sample(settings=settings)
    raise BadInputError(f"no corpus is called {name!r}; there are {', '.join(CORPORA)}")


def corpus_of(project: str) -> str:
    """The corpus a partition key belongs to."""
    return project.split("/", 1)[0]


def fingerprint_asks_network(corpus: Corpus) -> bool:
    """Whether even the cheap look at a corpus's source leaves this machine; sensors do not take such a look.

    A corpus says so by an attribute of that name; one without it is read here.
    """
    return bool(getattr(corpus, "fingerprint_asks_network", False))


def follows_tags(corpus: Corpus) -> bool:
    """Whether the images of a corpus are what their names lead to now, and registries may be asked where that is.

    A corpus says so by an attribute of that name; the images of one without it stay what they were.
    """
    return bool(getattr(corpus, "follows_tags", False))
