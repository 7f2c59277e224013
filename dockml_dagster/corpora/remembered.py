"""What ``dockml study`` was last told of a corpus, for whoever is told nothing: sensors, schedules, the next study.

A watcher that looked elsewhere than the study would take everybody whom it does not see for gone.

Here: keeping that in the home, and filling it in. Not here: the options themselves (``commands.options``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.errors import BadInputError

if TYPE_CHECKING:
    from dockml_dagster.settings import Settings


def remember(settings: Settings, corpus: str) -> None:
    """Keep what a study of this corpus was told, once it could list it.

    A place whose address has a login is not written anywhere, and then none is: some of the places would be others.
    """
    from dockml_dagster.clients.git_login import without_login

    told: dict[str, Any] = {}
    if corpus == "github" and settings.github_frame:
        told = {"frame": _lasting(settings.github_frame)}
    if corpus == "local" and not any(without_login(place)[1] for place in settings.local):
        told = {"path": list(settings.local), "images": settings.local_images} if settings.local else {}
    if corpus.startswith("dataset:") and settings.datasets:
        told = {"datasets": list(settings.datasets)}
    known = _known(settings)
    now = {
        **{name: kept for name, kept in known.items() if name != corpus},
        **({corpus: told} if told else {}),
    }
    if now != known:
        path = settings.told
        partial = path.with_suffix(".partial")
        partial.write_text(
            json.dumps(now, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        partial.replace(path)


def recalled(settings: Settings, corpus: str) -> Settings:
    """The settings, with what was remembered of the corpus where they do not say where its projects are.

    Raises:
        BadInputError: the file is not as ``remember`` writes it.
    """
    wants_frame = corpus == "github" and settings.github_frame is None
    wants_places = corpus == "local" and not settings.local
    wants_set = corpus.startswith("dataset:") and not settings.datasets
    told = _known(settings).get(corpus) if wants_frame or wants_places or wants_set else None
    if not told:
        return settings
    try:
        if wants_frame:
            return settings.replace(github_frame=str(told["frame"]))
        if wants_set:
            return settings.replace(datasets=tuple(map(str, told["datasets"])))
        images = settings.local_images or bool(told["images"])
        return settings.replace(local=tuple(map(str, told["path"])), local_images=images)
    except (KeyError, TypeError) as error:
        raise _not_ours(settings) from error


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
    """A preset's name as it is, a file by a path that holds from any folder."""
    return str(Path(frame).expanduser().absolute()) if Path(frame).expanduser().is_file() else frame
