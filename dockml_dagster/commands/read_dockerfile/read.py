"""What ``dockml read-dockerfile`` does: files to documents and documents to text, without a study or a warehouse.

Here: opening the files that a person names, hiding secrets, laying the facts out as tables. Not here: reading Dockerfiles
and judging them (``study.dockerfile``), options and exit codes (``command``). Imports neither Dagster nor pandas nor
DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from dockml_dagster.clients.regular_files import NotRegularError, leads_elsewhere, open_regular, work_tree_of
from dockml_dagster.commands.output import Format, json_text, render
from dockml_dagster.commands.read_dockerfile.document import Json, to_document
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.dockerfile.base_images import BaseImageRules, parse_base_image_rules
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.run.tasks import TaskRules, parse_task_rules
from dockml_dagster.study.project.files import MAX_DOCKERFILE_BYTES, no_dockerfile
from dockml_dagster.study.secret_names import names_a_secret
from dockml_dagster.text import printable
from dockml_dagster.warehouse.models import folder

MAX_BYTES = MAX_DOCKERFILE_BYTES
"""Larger files are refused here and left out by a study."""

SECONDS = 20.0
"""Processor time for one file. The largest file of the study takes a tenth of a second."""

_MOST_ROWS = 2_000
"""Most rows of a table for people. The longest file of the study has 1,180 lines."""

REDACTED = "<redacted>"
"""Replaces a value that may be a secret."""

_SHORTEST = 6
"""A shorter value (`ENV USE_AUTH=true`) is hidden where it is set, but not searched for elsewhere."""

_MOST_WORK = 400_000_000
"""Most values to search for × bytes of the file: about half a second. A file beyond it is refused rather than shown."""


def read_files(names: Sequence[str], standard_input: IO[bytes]) -> tuple[list[Json], list[str]]:
    """The documents of all files that can be read, and one line for each that cannot.

    ``-`` is ``standard_input``. For the form of a document see ``document``, for what is left out ``hide_secrets``.
    A text that BuildKit refuses gets a document too: its ``valid`` is false and ``reason`` says why.
    """
    rules = reading_rules()
    documents: list[Json] = []
    refused: list[str] = []
    for name in names:
        try:
            path = None if name == "-" else Path(name)
            data = _take(standard_input) if path is None else read_bytes(path)
            with time_limit(SECONDS):
                documents.append(_document(name, data, rules, None if path is None else _beside(path)))
        except (BadInputError, OutOfTimeError) as error:
            refused.append(f"{printable(name)}: {error}")
    return documents, refused


def reading_rules() -> tuple[BaseImageRules, TaskRules]:
    """The rules from the seeds that classify base images and commands."""
    seeds = {
        name: (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8")
        for name in ("base_image_rules", "run_task_commands", "run_tasks")
    }
    return (
        parse_base_image_rules(seeds["base_image_rules"]),
        parse_task_rules(seeds["run_task_commands"], seeds["run_tasks"]),
    )


class BinaryFileError(BadInputError):
    """A binary file, whatever its name says."""


def read_bytes(path: Path, root: Path | None = None) -> bytes:
    """The content of a file that may be a Dockerfile. Raises BadInputError if it cannot be one, or cannot be read.

    A link is followed if ``leads_elsewhere`` allows its target (with ``root`` as given).
    """
    if path.is_dir():
        raise BadInputError("is a directory; name the Dockerfile in it")
    if leads_elsewhere(path, root):
        raise BadInputError("is a link that leads elsewhere; name the file itself")
    try:
        with open_regular(path, follow=True) as stream:
            return _take(stream)
    except NotRegularError:
        raise BadInputError("is no file; - reads standard input") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInputError((reason or str(error)).lower()) from error


def _take(stream: IO[bytes]) -> bytes:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadInputError(f"is larger than {MAX_BYTES >> 20} MiB; that is no Dockerfile")
    # Git's rule for a binary file. UTF-16, which has many NUL bytes, is recognised by its byte order mark.
    if b"\0" in data[:8000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BinaryFileError("is a binary file, not a Dockerfile")
    if problem := no_dockerfile(data):
        raise BadInputError(f"has {problem}")
    return data


def _document(
    name: str,
    data: bytes,
    rules: tuple[BaseImageRules, TaskRules],
    beside: tuple[str, Sequence[str]] | None,
) -> Json:
    reading = read_dockerfile(data)
    steps = read_steps(reading)
    own, paths = beside or (None, None)
    practices = judge_practices(reading, base_rules=rules[0], steps=steps, path=own, repository_paths=paths)
    document = to_document(
        name, reading, steps=steps, base_rules=rules[0], task_rules=rules[1], practices=practices
    )
    return hide_secrets(document, reading)


def _beside(path: Path) -> tuple[str, list[str]] | None:
    """The file's path in its git work tree, and the ``.dockerignore`` files that may apply; None outside a work tree.

    Only those names are looked up: listing a work tree may take minutes.
    """
    absolute = path.absolute()
    root = work_tree_of(path)
    if root is None:
        return None
    folders = [parent for parent in absolute.parents if parent.is_relative_to(root)]
    candidates = [
        absolute.with_name(f"{absolute.name}.dockerignore"),
        *(parent / ".dockerignore" for parent in folders),
    ]
    found = [item.relative_to(root).as_posix() for item in candidates if item.is_file()]
    return absolute.relative_to(root).as_posix(), found


def hide_secrets(document: Json, reading: DockerfileReading) -> Json:
    """The document with the values of secret-looking ENV and ARG replaced by ``<redacted>``.

    Only the variable's name decides (``names_a_secret``): a key called ``FOO``, a password in a URL and a token exported
    inside a RUN are shown unchanged. A hidden value of at least six characters is hidden everywhere in the document,
    for example where the variable is expanded.

    Raises:
        BadInputError: there are too many such values to search for.
    """
    values: set[str] = set()
    for item, shown in zip(reading.instructions, document["instructions"], strict=True):
        values |= _hide_assignments(item, shown)
    wanted = sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
    if len(wanted) * reading.text.size > _MOST_WORK:
        raise BadInputError(f"has {len(wanted)} values that look secret, too many to hide them all")
    path = document["path"]
    hidden: Json = _replaced(document, wanted) if wanted else document
    return {**hidden, "path": path}


def _hide_assignments(item: Instruction, shown: Json) -> set[str]:
    """Hide the secret values in one instruction's part of the document; returns them."""
    if item.child is not None:
        found = _hide_assignments(item.child, shown["child"])
        if REDACTED in shown["child"]["value"]:
            shown["value"] = f"{item.child.keyword} {shown['child']['value']}"
            shown["original"] = f"{item.keyword} {shown['value']}"
        return found
    if item.keyword not in ("ENV", "ARG"):
        return set()
    secret = [each for each in item.assignments if each.value and names_a_secret(each.name)]
    if not secret:
        return set()
    pairs = [
        each.name if each.value is None else f"{each.name}={REDACTED if each in secret else each.value}"
        for each in item.assignments
    ]
    words = pairs if item.keyword == "ARG" else [word for pair in pairs for word in pair.split("=", 1)]
    # Not every form records which word of `arguments` belongs to which variable, so they are rebuilt from the assignments.
    shown["arguments"] = words
    shown["expanded"] = [] if item.keyword == "ARG" else words
    shown["value"] = " ".join(pairs)
    shown["original"] = f"{item.keyword} {shown['value']}"
    return {
        text
        for each in secret
        for text in (each.value, (each.value or "").strip("\"'"), each.expanded and each.expanded.text)
        # `$OTHER` reveals only a name.
        if text and not text.startswith("$")
    }


def _replaced(node: Any, values: Sequence[str]) -> Any:
    if isinstance(node, str):
        for value in values:
            node = node.replace(value, REDACTED)
        return node
    if isinstance(node, dict):
        return {key: _replaced(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(value, values) for value in node]
    return node


def render_documents(documents: Sequence[Json], format_: Format) -> str:
    """The documents as text.

    ``json``: a list with one object per file, always. ``table`` and ``markdown``: per file a heading and its tables
    (instructions, stages, commands, practices). ``csv``: one table for all, with the columns of ``CSV_COLUMNS``.
    """
    if format_ == "json":
        return json_text(documents)
    if format_ == "csv":
        rows = [row for document in documents for row in _flat(document)]
        return render(CSV_COLUMNS, rows, "csv")
    return "\n".join(part for document in documents for part in _sections(document, format_))


CSV_COLUMNS = ("path", "kind", "line", "stage", "name", "class", "text")
"""``kind`` is instruction, stage, command, practice, check or problem; ``class`` a base image's type, a command's task, a
verdict, a kind of problem.
"""


def _flat(document: Json) -> Iterator[tuple[object, ...]]:
    path = document["path"]
    for item in document["instructions"]:
        yield (
            path,
            "instruction",
            item["start_line"],
            item["stage"],
            item["keyword"],
            item["form"],
            item["value"],
        )
    for item in document["stages"]:
        yield (
            path,
            "stage",
            item["start_line"],
            item["index"],
            item["name"],
            item["base"]["class"]["type"],
            _base(item),
        )
    for item in document["run_commands"]:
        words = " ".join((item["name"] or "", *item["arguments"])).strip()
        yield path, "command", item["line"], item["stage"], item["program"], ", ".join(item["tasks"]), words
    for item in document["practices"]:
        lines: list[int | None] = [*_lines(item)]
        for line in lines or [None]:
            yield path, "practice", line, None, item["practice"], item["verdict"], item["note"]
    for item in document["checks"]:
        yield path, "check", item["line"], None, item["check"], None, item["message"]
    for item in document["problems"]:
        yield path, "problem", item["line"], None, None, item["kind"], item["message"]


def _sections(document: Json, format_: Format) -> Iterator[str]:
    state = "read" if document["valid"] else f"not a valid Dockerfile: {document['reason']}"
    heading = f"{printable(document['path'])}: {printable(state)}, coverage {document['coverage']:.0%}"
    yield f"# {heading}\n" if format_ == "markdown" else f"{heading}\n"
    for title, columns, rows in _tables(document):
        if not rows:
            continue
        text = render(columns, rows[:_MOST_ROWS], format_, title=title)
        text += f"{len(rows) - _MOST_ROWS} more rows; json and csv have them\n" * (len(rows) > _MOST_ROWS)
        yield f"## {title}\n\n{text}" if format_ == "markdown" else text


def _tables(document: Json) -> Iterator[tuple[str, tuple[str, ...], list[tuple[object, ...]]]]:
    yield (
        "Instructions",
        ("line", "stage", "instruction", "form", "value"),
        [
            (
                str(item["start_line"]),
                _index(item["stage"]),
                item["keyword"],
                item["form"],
                _short(item["value"]),
            )
            for item in document["instructions"]
        ],
    )
    yield (
        "Stages",
        ("stage", "name", "base image", "type", "pinning", "needed"),
        [
            (
                _index(item["index"]),
                item["name"],
                _base(item),
                item["base"]["class"]["type"],
                item["base"]["class"]["pinning"],
                "may be" if item["reaches_shipped"] is None else item["reaches_shipped"],
            )
            for item in document["stages"]
        ],
    )
    yield (
        "Images that files are copied from",
        ("line", "stage", "by", "image"),
        [
            (str(item["line"]), _index(item["stage"]), _BY[item["kind"]], item["source"])
            for item in document["edges"]
            if item["kind"] != "from" and item["source_stage"] is None
        ],
    )
    tasks: dict[str, list[Json]] = {}
    for item in document["run_commands"]:
        for task in item["tasks"] or ["not classified"]:
            tasks.setdefault(task or "not classified", []).append(item)
    yield (
        "RUN commands by task",
        ("task", "commands", "programs", "lines"),
        [
            (
                task,
                len(items),
                ", ".join(dict.fromkeys(item["program"] or "–" for item in items)),
                _listed(item["line"] for item in items),
            )
            for task, items in sorted(tasks.items(), key=lambda entry: (-len(entry[1]), entry[0]))
        ],
    )
    yield (
        "Problems",
        ("line", "kind", "message"),
        [(str(item["line"]), item["kind"], _short(item["message"])) for item in document["problems"]],
    )
    yield (
        "Build checks",
        ("check", "lines", "message"),
        [
            (name, _listed(item["line"] for item in items), _short(items[0]["message"]))
            for name, items in _by_check(document["checks"]).items()
        ],
    )
    yield (
        "Practices",
        ("practice", "verdict", "lines", "note"),
        [
            (item["practice"], item["verdict"], _listed(_lines(item)), item["note"] or None)
            for item in document["practices"]
        ],
    )


_BY = {"copy": "COPY --from", "mount": "RUN --mount=from"}


def _base(stage: Json) -> str:
    base = stage["base"]
    if base["stage"] is not None:
        return f"stage {base['stage']}"
    return str(base["expanded"] or base["raw"])


def _by_check(found: Sequence[Json]) -> dict[str, list[Json]]:
    grouped: dict[str, list[Json]] = {}
    for item in found:
        grouped.setdefault(item["check"], []).append(item)
    return grouped


def _lines(practice: Json) -> list[int]:
    return list(dict.fromkeys(item["line"] for item in practice["evidence"]))


def _listed(lines: Any) -> str | None:
    return ", ".join(str(line) for line in dict.fromkeys(lines)) or None


def _index(stage: int | None) -> str | None:
    return None if stage is None else str(stage)


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
