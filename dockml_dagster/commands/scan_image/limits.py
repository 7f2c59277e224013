"""Numeric limits for CI: how large an image may be, how much of it may be wasted, how much it may grow.

Here: parsing a limit, and finding what exceeds it. Not here: measuring (``scan``). A size that could not be measured
exceeds no limit; the command fails anyway because the image could not be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockml_dagster.commands.scan_image.model import ScannedImage, ScannedReference
from dockml_dagster.errors import BadInputError
from dockml_dagster.text import size_text

_LIMIT = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?(%|[kMGT]?i?B?)")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of bytes, or a share of the size compared with."""

    bytes: int | None
    share: float | None

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Parse `1.5GB`, `800 MiB`, `5%`. Raises BadInputError."""
        found = _LIMIT.fullmatch(text.strip())
        if found is None:
            raise BadInputError(f"{text!r} is no limit: write 1.5GB, 800MiB or 5%")
        number, unit = float(found[1]), found[2]
        if unit == "%":
            return cls(None, number / 100)
        prefix = unit[:1] if unit[:1] in _BINARY else ""
        factor = _BINARY[prefix] if "i" in unit and prefix else _UNITS[prefix]
        return cls(round(number * factor), None)

    def of(self, whole: int) -> int:
        """The limit in bytes; a share is a share of ``whole``."""
        return self.bytes if self.bytes is not None else int((self.share or 0) * whole)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one command. ``baseline``: sizes by platform of an earlier scan."""

    size: Limit | None = None
    waste: Limit | None = None
    growth: Limit | None = None
    baseline: dict[str | None, int] | None = None

    def exceeded(self, scanned: Sequence[ScannedReference]) -> Iterator[str]:
        """A line for every limit that an image or model exceeds."""
        for reference in scanned:
            for image in reference.images:
                for line in self._exceeded(image):
                    yield f"{reference.name}: {line}"
            for _, model in reference.models:
                if (
                    self.size is not None
                    and model.bytes is not None
                    and model.bytes > self.size.of(model.bytes)
                ):
                    yield f"{reference.name}: {self._over_size(model.bytes, self.size)}"

    @staticmethod
    def _over_size(size: int, most: Limit) -> str:
        return f"size {size_text(size)}, at most {size_text(most.of(size))}"

    def _exceeded(self, image: ScannedImage) -> Iterator[str]:
        summary = image.summary
        if summary is None:
            return
        size, waste = summary.bytes + summary.wasted_bytes, summary.wasted_bytes
        if self.size is not None and size > self.size.of(size):
            yield self._over_size(size, self.size)
        if self.waste is not None and waste > self.waste.of(size):
            yield f"waste {size_text(waste)}, at most {size_text(self.waste.of(size))}"
        if self.growth is not None and self.baseline is not None:
            platform = None if image.image.platform is None else str(image.image.platform)
            before = self.baseline.get(platform)
            if before is not None and size - before > self.growth.of(before):
                grown, most = size_text(size - before), size_text(self.growth.of(before))
                yield f"grown by {grown} from {size_text(before)}, at most {most}"


def read_baseline(path: Path) -> dict[str | None, int]:
    """Uncompressed sizes by platform from the JSON that ``scan-image`` printed earlier. Raises BadInputError."""
    try:
        found: Any = json.loads(path.read_bytes())
        images = [
            image for each in (found if isinstance(found, list) else [found]) for image in each["images"]
        ]
        return {
            image["platform"]: image["bytes"] + image["wasted_bytes"]
            for image in images
            if image["bytes"] is not None
        }
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise BadInputError(f"{path}: not what `dockml scan-image --format json` prints") from None
