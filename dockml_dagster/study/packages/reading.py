"""Reading one database file of a layer by the reader for its form.

Here: the reader for each form, and turning every error in untrusted content into a reported problem. Not here: the readers,
picking files out of a layer (``images.scanning``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.packages import alpine, debian, languages, python
from dockml_dagster.study.packages.databases import Form
from dockml_dagster.study.packages.model import Reading

MOST_BYTES: Final = 32 << 20
"""Most bytes of a database, which is kept in memory until it is read. The largest seen have some 10 MiB."""
_LIMITED_FROM: Final = 1 << 20
"""From this size on, reading has a time limit. Readers are linear, and setting the limit costs more than most of them."""
_SECONDS: Final = 5.0
_READERS: Final[dict[Form, Callable[[str, bytes], Reading]]] = {
    "dpkg_status": debian.read_status,
    "dpkg_list": debian.read_list,
    "dpkg_diversions": debian.read_diversions,
    "dpkg_single_status": debian.read_single_status,
    "dpkg_single_files": debian.read_single_files,
    "apk": alpine.read_installed,
    "metadata": python.read_metadata,
    "record": python.read_record,
    "egg_files": python.read_egg_files,
    "egg_top_level": python.read_top_level,
    "conda": languages.read_conda,
    "npm": languages.read_npm,
    "r": languages.read_description,
    "os_release": languages.read_os_release,
}


def read_database(path: str, form: Form, content: bytes) -> Reading:
    """The content of a database. Never raises, whatever the content."""
    reader = _READERS.get(form)
    if reader is None:
        return unread(path, "a database of a kind that is not read")
    try:
        if len(content) < _LIMITED_FROM:
            return reader(path, content)
        with time_limit(_SECONDS):
            return reader(path, content)
    except OutOfTimeError as error:
        return unread(path, str(error))
    except (ValueError, LookupError) as error:
        return unread(path, f"damaged ({type(error).__name__})")


def unread(path: str, problem: str) -> Reading:
    """A database that could not be read."""
    return Reading(path, None, problem=problem)
