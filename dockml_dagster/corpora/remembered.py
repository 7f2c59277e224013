"""The corpus options of the last ``dockml study``, for sensors, schedules and the next study, which get no options.

A sensor that looked elsewhere than the study would take every project that it does not see for removed.

Here: storing them in the home, and filling them in. Not here: the options themselves (``commands.options``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.errors import BadInputError

if TYPE_CHECKING:
    from dockml_dagster.corpora.base import Corpus
    from dockml_dagster.settings import Settings


def remember(settings: Settings, name: str, corpus: type[Corpus]) -> None:
    """Store the options of a study of the corpus ``name``, after it could list the corpus (``Corpus.remembers``).

    An address with a login is never written. If there is one, no place is stored: a part of them would be another corpus.
    """
    from dockml_dagster.clients.git_login import without_login

    told = {word: getattr(settings, setting) for word, setting in corpus.remembers.items()}
    places = [place for value in told.values() if isinstance(value, tuple) for place in value]
    if not _says_where(settings, corpus) or any(without_login(place)[1] for place in places):
        told = {}
    told = {word: _lasting(value) if isinstance(value, str) else value for word, value in told.items()}
    known = _known(settings)
    now = {
        **{other: kept for other, kept in known.items() if other != name},
        **({name: told} if told else {}),
    }
    # JSON stores a tuple as a list; convert before comparing.
    now = json.loads(json.dumps(now))
    if now != known:
        path = settings.told
        partial = path.with_suffix(".partial")
        partial.write_text(
            json.dumps(now, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        partial.replace(path)


def recalled(settings: Settings, name: str, corpus: type[Corpus]) -> Settings:
    """The settings, completed by the remembered options if they do not say where the projects are.

    Raises:
        BadInputError: the file was not written by ``remember``.
    """
    told = None if not corpus.remembers or _says_where(settings, corpus) else _known(settings).get(name)
    if not told:
        return settings
    try:
        found = {setting: told[word] for word, setting in corpus.remembers.items()}
        changed = {
            setting: _as_setting(value, getattr(settings, setting)) for setting, value in found.items()
        }
    except (KeyError, TypeError) as error:
        raise _not_ours(settings) from error
    return settings.replace(**changed)


def _says_where(settings: Settings, corpus: type[Corpus]) -> bool:
    """Whether the settings say where the projects are, which is the first option to remember."""
    where = next(iter(corpus.remembers.values()), None)
    return where is not None and bool(getattr(settings, where))


def _as_setting(value: Any, now: Any) -> Any:
    if isinstance(now, bool):
        return now or bool(value)
    return tuple(map(str, value)) if isinstance(now, tuple) else str(value)


def _known(settings: Settings) -> dict[str, Any]:
    try:
        known = json.loads(settings.told.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _not_ours(settings) from error
    if not isinstance(known, dict):
        raise _not_ours(settings)
    return known


def _not_ours(settings: Settings) -> BadInputError:
    return BadInputError(
        f"{settings.told} does not say what dockml study was told; remove it, and say it once more"
    )


def _lasting(frame: str) -> str:
    """A preset's name unchanged; a file as an absolute path."""
    return str(Path(frame).expanduser().absolute()) if Path(frame).expanduser().is_file() else frame
