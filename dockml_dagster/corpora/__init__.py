"""Where projects come from: one folder per corpus, behind one small protocol, all filling the same ``raw`` tables.

Here: the list of corpora, and opening one by name. Not here: the protocol (``base``), any single corpus.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from dockml_dagster.corpora.remembered import recalled
from dockml_dagster.errors import BadInputError

if TYPE_CHECKING:
    from dockml_dagster.corpora.base import Corpus
    from dockml_dagster.settings import Settings

CORPORA: dict[str, str] = {
    "sample": "dockml_dagster.corpora.sample.corpus:Sample",
    "ease2022": "dockml_dagster.corpora.ease2022.corpus:Ease2022",
    "github": "dockml_dagster.corpora.github.corpus:Github",
    "local": "dockml_dagster.corpora.local.corpus:Local",
    "dataset": "dockml_dagster.corpora.dataset.corpus:Dataset",
}
"""Corpus name, as in partition keys and ``--corpus`` → its class, imported when the corpus is opened. A class may stand for
several corpora, ``<name>:<member>``."""


def corpus_class(name: str) -> type[Corpus]:
    """The class of a corpus; of ``<name>:<member>`` the class for all members.

    Raises:
        BadInputError: there is no corpus of that name.
    """
    family = family_of(name)
    if family not in CORPORA:
        raise BadInputError(f"no corpus is called {name!r}; there are {', '.join(CORPORA)}")
    module, _, class_name = CORPORA[family].partition(":")
    return cast("type[Corpus]", getattr(import_module(module), class_name))


def open_corpus(name: str, settings: Settings) -> Corpus:
    """A corpus by name, with the options of its last ``dockml study`` unless the settings give them; reads nothing yet.

    Raises:
        BadInputError: there is no corpus of that name, or the remembered options cannot be read.
    """
    _, colon, member = name.partition(":")
    corpus = corpus_class(name)
    told = recalled(settings, name, corpus)
    return corpus.member(told, member) if colon else corpus.of(told)


def known(names: Iterable[str]) -> list[str]:
    """Those of a home's corpus names that this version knows; another version may have had others."""
    return [name for name in names if family_of(name) in CORPORA]


def family_of(name: str) -> str:
    """The key of a corpus in ``CORPORA``: ``dataset`` for ``dataset:mine``."""
    return name.partition(":")[0]


def corpus_of(project: str) -> str:
    """The corpus that a partition key belongs to."""
    return project.partition("/")[0]
