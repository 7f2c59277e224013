"""Writing a report and its figures.

Here: paths, and errors of writing. Not here: making the page (``building``) and the drawings (``drawing``).
"""

from __future__ import annotations

from pathlib import Path

from dockml_dagster.errors import BadInputError
from dockml_dagster.report.building import Report


def make_folder_of(target: Path) -> None:
    """Make the folder of a file that is to be written.

    Raises:
        BadInputError: it cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(target, error) from error


def write_page(report: Report, target: Path) -> None:
    """Write the page to a file; its folder is made if needed.

    Raises:
        BadInputError: the page cannot be written there.
    """
    _write(target, report.html.encode())


def write_figures(report: Report, directory: Path) -> None:
    """``<name>.svg``, ``.pdf`` and ``.csv`` of every figure.

    Raises:
        BadInputError: the figures cannot be written there.
    """
    for name, drawn in report.figures.items():
        for suffix, content in drawn.files():
            _write(directory / f"{name}{suffix}", content)


def _write(target: Path, content: bytes) -> None:
    make_folder_of(target)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise _refused(target, error) from error


def _refused(target: Path, error: OSError) -> BadInputError:
    return BadInputError(f"cannot write {target}: {error.strerror}; choose another place")
