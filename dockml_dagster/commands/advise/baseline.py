"""The baseline: known recommendations that a project has decided to live with for now.

Here: fingerprints that stay the same when lines move, the baseline file, and the advice that it leaves. Not here: ignore
comments and configuration, which are permanent decisions.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dockml_dagster.errors import BadInputError
from dockml_dagster.study.advice.model import Evidence, Recommendation

if TYPE_CHECKING:
    from dockml_dagster.commands.advise.targets import Advice

FORMAT: Final = 1

LineOf = Callable[[str, int], str]
"""The text of a line of a file, by the path in the evidence."""


def fingerprint(item: Recommendation, place: Evidence, line_of: LineOf) -> str:
    """A hash of rule, file and the text of the line; it does not depend on the line number."""
    text = " ".join(line_of(place.path, place.line).split()) if place.path and place.line else place.what
    words = (item.rule.recommendation, item.about, item.subject, place.trigger, text)
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def write_baseline(path: Path, advice: Sequence[Advice]) -> int:
    """Write all places found now as a baseline, atomically; returns their number."""
    from dockml_dagster.commands.advise.output import Marks

    marks = Marks(advice)
    entries = [
        {
            "fingerprint": marks(found, place),
            "rule": found.rule.recommendation,
            "path": item.prefix + (place.path or found.subject),
        }
        for item in advice
        for found in item.recommendations
        for place in found.evidence or (Evidence(""),)
    ]
    entries.sort(key=lambda entry: (entry["path"], entry["rule"], entry["fingerprint"]))
    text = json.dumps({"dockml_baseline": FORMAT, "known": entries}, indent=1) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return len(entries)


def without_known(advice: Sequence[Advice], path: Path) -> list[Advice]:
    """The advice without the places in a baseline, with a remark on their number. Raises BadInputError."""
    from dockml_dagster.commands.advise.output import Marks

    left = read_baseline(path)
    marks = Marks(advice)
    kept: list[Advice] = []
    matched = 0
    for item in advice:
        new: list[Recommendation] = []
        for found in item.recommendations:
            places = []
            for place in found.evidence or (Evidence(""),):
                mark = marks(found, place)
                if left[mark] > 0:
                    left[mark] -= 1
                    matched += 1
                else:
                    places.append(place)
            if places:
                new.append(replace(found, evidence=tuple(places)) if found.evidence else found)
        kept.append(replace(item, recommendations=tuple(new)))
    gone = sum(left.values())
    remark = f"{matched} places known before ({path})" + (f"; {gone} of them are gone" if gone else "")
    return [
        replace(item, remarks=(*item.remarks, remark)) if at == 0 else item for at, item in enumerate(kept)
    ]


def read_baseline(path: Path) -> Counter[str]:
    """Fingerprints of a baseline. Raises BadInputError naming what is wrong."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        if document["dockml_baseline"] != FORMAT:
            raise BadInputError(f"{path}: is a baseline of another form")
        return Counter(str(entry["fingerprint"]) for entry in document["known"])
    except FileNotFoundError:
        raise BadInputError(
            f"there is no baseline {path} yet; write it with --write-baseline {path.name}"
        ) from None
    except OSError as error:
        raise BadInputError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (ValueError, KeyError, TypeError):
        raise BadInputError(f"{path}: is no baseline of dockml") from None
