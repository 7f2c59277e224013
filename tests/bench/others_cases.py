"""Cases of other tools, read from checkouts of theirs: a text, a rule of the tool, and whether the rule speaks.

Here: hadolint's specifications, Parfum's tests, binnacle's gold set with what binnacle's own checker says of it, and
Shipwright's broken Dockerfiles, which have no rule. Nothing of theirs is kept. Not here: what dockml says (``yardstick``).
"""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """One expectation: whether a rule of another tool speaks about a text."""

    rule: str
    text: str
    catches: bool


_LITERAL = r'"(?:[^"\\]|\\.)*"'
_LET = re.compile(
    rf"\b(\w+) =\s*(?:(?:Text\.unlines\s*\$?\s*)?\[(\s*{_LITERAL}(?:\s*,\s*{_LITERAL})*)\s*\]|({_LITERAL}))"
)
_CASE = re.compile(
    rf'\b(ruleCatches|ruleCatchesNot) ("DL\d+"|rule) (?:\$ )?(?:({_LITERAL})|(?:Text\.unlines )?(\w+))'
)
_ESCAPES = {"n": "\n", "t": "\t"}


def _unquoted(literal: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), literal[1:-1])


def hadolint_cases(folder: Path) -> Iterator[Case]:
    """The specifications of a checkout of hadolint that are a plain text, or name one before."""
    for path in sorted((folder / "test" / "Hadolint" / "Rule").glob("DL*Spec.hs")):
        text = path.read_text(encoding="utf-8")
        named: dict[str, str] = {}
        for match in re.finditer(f"{_LET.pattern}|{_CASE.pattern}", text):
            if match[1]:
                lines = re.findall(_LITERAL, match[2] or match[3])
                named[match[1]] = "".join(f"{_unquoted(each)}\n" for each in lines)
                continue
            source = _unquoted(match[6]) + "\n" if match[6] else named.get(match[7] or "")
            if source is not None:
                rule = path.name.removesuffix("Spec.hs") if match[5] == "rule" else match[5].strip('"')
                yield Case(rule, source, match[4] == "ruleCatches")


_STRING = rf"{_LITERAL}|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`"
_PARSED = re.compile(rf"parse(Shell|Docker)\(\s*({_STRING})", re.DOTALL)
_RULE = re.compile(r"const rule = (\w+)|match\((?!rule)(\w+)\)")


def parfum_cases(folder: Path) -> Iterator[Case]:
    """The tests of a checkout of Parfum that give a text, a rule and a number of violations."""
    for path in sorted((folder / "tests").rglob("*.spec.ts")):
        for block in re.split(r"\n\s*test\(", path.read_text(encoding="utf-8"))[1:]:
            parsed, rule = _PARSED.search(block), _RULE.search(block)
            count = re.search(r"toHaveLength\((\d+)\)", block)
            if parsed is None or rule is None or count is None:
                continue
            text = re.sub(r"\\\n", "", _unquoted(parsed[2])) if parsed[2][0] != "`" else _unquoted(parsed[2])
            if parsed[1] == "Shell" and not text.startswith("RUN "):
                text = f"RUN {text}"
            yield Case(rule[1] or rule[2], f"{text}\n", count[1] != "0")


def binnacle_cases(folder: Path) -> Iterator[Case]:
    """Binnacle's gold set. The folder holds ``gold.tar.xz`` of its data and ``labels.json``: what its own checker says
    of each file of ``4-abstracted-asts/gold.jsonl.xz`` (SHA → rule → ``{matches, violations}``). A case is a file that
    a rule is about.
    """
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    with tarfile.open(folder / "gold.tar.xz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            rules = labels.get(Path(member.name).stem)
            if stream is None or rules is None:
                continue
            text = stream.read().decode("utf-8", "replace")
            for rule, found in rules.items():
                if found["matches"]:
                    yield Case(rule.removeprefix("rule"), text, found["violations"] > 0)


def broken_files(folder: Path) -> Iterator[bytes]:
    """The distinct Dockerfiles of Shipwright's package whose build had failed."""
    seen: set[bytes] = set()
    for path in sorted((folder / "data" / "broken-dockerfiles").glob("*.Dockerfile")):
        data = path.read_bytes()
        if data not in seen:
            seen.add(data)
            yield data
