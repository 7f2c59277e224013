"""From a user's name of an image to the source that reads it.

Here: choosing the source, and ``SourceRecipe``, which is passed to worker processes: it holds what is needed to open
the source there, without connection, login or token. Not here: parsing the name (``study.image.reference``), the
sources themselves, copies of what cannot be read in place (``local_copy``).

Each form's reader is imported when an image of that form is opened: a local archive needs no network code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dockml_dagster.clients.http.errors import SettingError, UnsupportedError
from dockml_dagster.study.image.reference import ImageReference, LocalForm, LocalImage

if TYPE_CHECKING:
    from dockml_dagster.clients.http.client import HttpSettings
    from dockml_dagster.clients.registry.client import RegistryClient
    from dockml_dagster.clients.registry.settings import RegistrySettings
    from dockml_dagster.images.sources.interface import ImageSource


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The settings of a registry client. ``store``: the directory of documents by digest. ``registries``,
    ``http``: None for the defaults. ``catalog``: address of the database through which several machines share
    registries' limits and each other's documents.
    """

    store: Path
    registries: RegistrySettings | None = None
    http: HttpSettings | None = None
    docker_config: Path | None = None
    catalog: str | None = field(default=None, repr=False)

    def client(self) -> RegistryClient:
        """A registry client with these settings; no connection is made yet."""
        from dockml_dagster.clients.digest_store import open_digest_store
        from dockml_dagster.clients.http.client import HttpClient, HttpSettings
        from dockml_dagster.clients.http.shared_budget import budget_for
        from dockml_dagster.clients.registry.client import RegistryClient
        from dockml_dagster.clients.registry.credentials import DockerCredentials
        from dockml_dagster.clients.registry.settings import RegistrySettings

        registries = self.registries or RegistrySettings()
        http = HttpClient(registries.host_policy(), self.http or HttpSettings(), budget_for(self.catalog))
        store = open_digest_store(self.store, self.catalog)
        return RegistryClient(http, store, registries, DockerCredentials(self.docker_config))


@dataclass(frozen=True, slots=True)
class SourceRecipe:
    """How to open a source, here or in another process."""

    location: ImageReference | LocalImage
    settings: ClientSettings

    def open(self, client: RegistryClient | None = None) -> ImageSource:
        """The source. ``client``: one to share; without it, an image in a registry gets its own."""
        if isinstance(self.location, ImageReference):
            from dockml_dagster.images.sources.registry_source import RegistrySource

            return RegistrySource(client or self.settings.client(), self.location)
        return open_local(self.location)


def open_local(location: LocalImage) -> ImageSource:
    """The source for an image in a directory or archive. Raises SettingError if it is not there."""
    if location.form in {LocalForm.DOCKER_DAEMON, LocalForm.CONTAINERS_STORAGE} or location.path == "-":
        raise UnsupportedError("only a command reads this, which makes a copy first", subject=str(location))
    from dockml_dagster.images.sources.files import ArchiveFiles, DirectoryFiles, has

    path, name = Path(location.path), str(location)
    if location.form is LocalForm.SKOPEO_DIRECTORY:
        from dockml_dagster.images.sources.skopeo_directory import SkopeoDirectorySource

        return SkopeoDirectorySource(DirectoryFiles(path), name)
    from dockml_dagster.images.sources.oci_layout import OciLayoutSource, is_oci_layout, is_position

    if location.form is LocalForm.OCI_LAYOUT:
        return OciLayoutSource(DirectoryFiles(path), name, location.selector, location.digest)
    files = ArchiveFiles(path)
    if location.form is LocalForm.OCI_ARCHIVE:
        if not is_oci_layout(files):
            raise SettingError("no archive of an OCI layout", subject=name)
        return OciLayoutSource(files, name, location.selector, location.digest)
    from dockml_dagster.images.sources.docker_archive import MANIFEST_FILE, DockerArchiveSource

    # Docker 25 and later write both; the OCI part has the true digests.
    if is_oci_layout(files) and not is_position(location.selector):
        layout = OciLayoutSource(files, name, location.selector)
        # Docker 25.0.0 wrote manifests without layers there (moby#47065); its old-format part is right.
        if not has(files, MANIFEST_FILE) or layout.is_sound():
            return layout
    return DockerArchiveSource(files, name, location.selector)
