"""Reading the images to compare.

Here: turning what ``scan_image`` reads into the input of ``study.difference``. Not here: either of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dockml_dagster.commands.scan_image.locations import Location
from dockml_dagster.commands.scan_image.model import ScannedImage
from dockml_dagster.commands.scan_image.scan import content_rules, problem_of, scan_images
from dockml_dagster.errors import BadInputError
from dockml_dagster.images.sources.reading import PlatformImage
from dockml_dagster.progress import Listener
from dockml_dagster.settings import Settings
from dockml_dagster.study.difference.comparing import File, FileList, LayerOfImage, Side
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.text import printable


@dataclass(frozen=True)
class ReadImage:
    """One image to compare."""

    name: str
    image: ScannedImage
    files: list[File]

    @property
    def layers(self) -> tuple[LayerOfImage, ...]:
        """Its layers, lowest first."""
        config = self.image.image.config
        diff_ids = () if config is None else config.diff_ids or ()
        known = len(diff_ids) == len(self.image.layers)
        return tuple(
            LayerOfImage(
                str(layer.descriptor.digest),
                str(diff_ids[number]) if known else None,
                layer.descriptor.size,
                None if layer.text is None else printable(layer.text),
            )
            for number, layer in enumerate(self.image.layers)
        )

    @cached_property
    def _versions(self) -> dict[str, tuple[str, ...]]:
        inventory = self.image.inventory
        found: dict[str, set[str]] = {}
        for package in () if inventory is None else inventory.packages:
            if package.visible:
                found.setdefault(f"{package.ecosystem} {package.name}", set()).add(package.version)
        return {name: tuple(sorted(versions)) for name, versions in found.items()}

    def side(self) -> Side:
        """The image in the form that ``compare`` takes."""
        tally = self.image.tally
        owners = None if tally is None else tally.owners()

        def package_of(file: File) -> str | None:
            if tally is None or owners is None:
                return None
            owner = owners.owner(tally.index.candidates(file.path), file.layer, hidden=not file.visible)
            if owner is None:
                return None
            package = owners.packages[owner][2]
            return f"{package.ecosystem} {printable(package.name)}"

        return Side(self.layers, self.files, package_of, lambda name: self._versions.get(name, ()))


def read_images(
    locations: Sequence[Location],
    settings: Settings,
    *,
    platform: Platform | None,
    prefer: Platform | None,
    listener: Listener,
) -> list[ReadImage]:
    """Read all images. Raises the first error; BadInputError for an index of several images or an image not fully read."""
    lists: list[FileList] = []

    def observe(_: PlatformImage) -> FileList:
        lists.append(FileList())
        return lists[-1]

    found = []
    scanned = scan_images(
        locations,
        settings,
        content_rules(),
        platform=platform,
        prefer=prefer,
        observe=observe,
        families=(),
        inside_asked=True,
        listener=listener,
    )
    for reference in scanned:
        problem = problem_of([reference])
        if problem is not None:
            raise problem
        if len(reference.images) != 1:
            raise BadInputError(f"{reference.name}: {len(reference.images)} images; choose with --platform")
        image = reference.images[0]
        if image.summary is None:
            raise BadInputError(f"{reference.name}: {image.reason}")
        found.append(ReadImage(printable(reference.name), image, lists[-1].files))
    return found
