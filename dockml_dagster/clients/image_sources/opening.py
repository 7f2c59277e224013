"""From what a user names an image by to the source that reads it.

``SourceRecipe`` crosses to worker processes: it holds what is needed to open the source there; no connection,
no login and no token.
"""

from dataclasses import dataclass, field
from pathlib import Path

from dockml_dagster.clients.digest_store import DigestStore
from dockml_dagster.clients.errors import SettingError
from dockml_dagster.clients.http import HttpClient, HttpSettings
from dockml_dagster.clients.image_sources.docker_archive import DockerArchiveSource
from dockml_dagster.clients.image_sources.files import ArchiveFiles, DirectoryFiles
from dockml_dagster.clients.image_sources.interface import ImageSource
from dockml_dagster.clients.image_sources.oci_layout import OciLayoutSource, is_oci_layout
from dockml_dagster.clients.image_sources.registry_source import RegistrySource
from dockml_dagster.clients.image_sources.skopeo_directory import SkopeoDirectorySource
from dockml_dagster.clients.registry.client import RegistryClient
from dockml_dagster.clients.registry.credentials import DockerCredentials
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.study.image_reference import ImageReference, LocalForm, LocalImage


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a registry client is made of. ``store``: the directory of the digest-keyed documents."""

    store: Path
    registries: RegistrySettings = field(default_factory=RegistrySettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    docker_config: Path | None = None

    def client(self) -> RegistryClient:
        """A registry client of these settings; no connection is made yet."""
        http = HttpClient(self.registries.host_policy(), self.http)
        return RegistryClient(
            http, DigestStore(self.store), self.registries, DockerCredentials(self.docker_config)
        )


@dataclass(frozen=True, slots=True)
class SourceRecipe:
    """How to open a source, here or in another process."""

    location: ImageReference | LocalImage
    settings: ClientSettings

    def open(self, client: RegistryClient | None = None) -> ImageSource:
        """The source. ``client``: one to share; else an image in a registry gets one of its own."""
        if isinstance(self.location, ImageReference):
            return RegistrySource(client or self.settings.client(), self.location)
        return open_local(self.location)


def open_local(location: LocalImage) -> ImageSource:
    """The source for an image in a directory or archive. Raises SettingError if it is not there."""
    path, name = Path(location.path), str(location)
    if location.form is LocalForm.OCI_LAYOUT:
        return OciLayoutSource(DirectoryFiles(path), name, location.selector, location.digest)
    if location.form is LocalForm.SKOPEO_DIRECTORY:
        return SkopeoDirectorySource(DirectoryFiles(path), name)
    files = ArchiveFiles(path)
    if location.form is LocalForm.OCI_ARCHIVE:
        if not is_oci_layout(files):
            raise SettingError("no archive of an OCI layout", subject=name)
        return OciLayoutSource(files, name, location.selector, location.digest)
    # Docker 25 and later write both; the OCI part has the true digests.
    if is_oci_layout(files):
        return OciLayoutSource(files, name, location.selector)
    return DockerArchiveSource(files, name, location.selector)
