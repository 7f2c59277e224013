"""The configuration of an image: the command, user and environment of its containers, and how its layers were made.

Here: the OCI and Docker configuration document, and the one that schema 1 spreads over its history. Values of
environment variables and labels may hold secrets; the caller decides what to store. Not here: manifests
(``manifest``). Source: OCI image-spec v1.1 config.md; Docker's image-spec v1.2 for Docker's additions (healthcheck,
onbuild, shell).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dockml_dagster.study.image.manifest import Schema1Manifest
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest, ImageReferenceError
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object

# The largest configurations seen (hundreds of history entries, long labels) stay under 1 MB.
MAX_CONFIG_BYTES = 8 << 20
MAX_HISTORY = 10_000


class BrokenConfigError(ValueError):
    """A document that is not an image configuration. The message is one line."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One instruction of the build. ``empty_layer``: it made no layer. ``created``: the time as the document writes it."""

    created: str | None
    created_by: str | None
    author: str | None
    comment: str | None
    empty_layer: bool


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's configuration. None: the document does not have the field. An empty tuple: the field is empty.

    ``env``: names with values, in order, repeated names included. ``entrypoint``, ``cmd``: argument lists.
    ``exposed_ports``: such as ``80/tcp``. ``diff_ids``: digests of the uncompressed layers, lowest first.
    ``problems``: fields of the wrong type, which read as absent.
    """

    platform: Platform
    created: str | None
    author: str | None
    user: str | None
    env: tuple[tuple[str, str], ...] | None
    entrypoint: tuple[str, ...] | None
    cmd: tuple[str, ...] | None
    shell: tuple[str, ...] | None
    working_dir: str | None
    volumes: tuple[str, ...] | None
    exposed_ports: tuple[str, ...] | None
    labels: Mapping[str, str] | None
    stop_signal: str | None
    healthcheck: tuple[str, ...] | None
    on_build: tuple[str, ...] | None
    history: tuple[HistoryEntry, ...] | None
    diff_ids: tuple[Digest, ...] | None
    problems: tuple[str, ...]

    def __hash__(self) -> int:
        return hash((self.platform, self.created, self.diff_ids, self.history))

    def layer_history(self, layers: int) -> tuple[HistoryEntry | None, ...]:
        """The instruction behind each of the image's layers, lowest first; all None if the numbers do not agree.

        Squashed and re-packed images have fewer layers than instructions. A guess would attribute bytes to the wrong
        instruction.
        """
        made = [entry for entry in self.history or () if not entry.empty_layer]
        return tuple(made) if len(made) == layers else (None,) * layers


def parse_config(body: bytes) -> ImageConfig:
    """Read a configuration document. Fields of the wrong type read as absent. Raises BrokenConfigError if it is not a
    JSON object.
    """
    try:
        facts = read_object(body, MAX_CONFIG_BYTES)
    except BrokenJsonError as error:
        raise BrokenConfigError(f"image configuration: {error}") from None
    rootfs = facts.inner("rootfs")
    history = facts.objects("history")
    if history is not None and len(history) > MAX_HISTORY:
        raise BrokenConfigError(
            f"image configuration: {len(history)} history entries, more than {MAX_HISTORY}"
        )
    return _config(
        facts,
        None if history is None else tuple(_history_entry(entry) for entry in history),
        None if rootfs is None else _diff_ids(rootfs),
    )


def config_of_schema1(manifest: Schema1Manifest) -> ImageConfig:
    """The configuration in a schema 1 manifest: the newest history entry, and an instruction for each entry.

    Instructions that made no layer (``throwaway``) have an empty blob there, which counts as none.
    There are no diff ids. Raises BrokenConfigError.
    """
    try:
        entries = [
            read_object(text.encode(errors="replace"), MAX_CONFIG_BYTES) for text in manifest.compatibility
        ]
    except BrokenJsonError as error:
        raise BrokenConfigError(f"schema 1 history: {error}") from None
    if not entries:
        raise BrokenConfigError("schema 1 history: empty")
    return _config(entries[-1], tuple(_schema1_entry(entry) for entry in entries), None)


def _config(
    facts: Facts, history: tuple[HistoryEntry, ...] | None, diff_ids: tuple[Digest, ...] | None
) -> ImageConfig:
    run = facts.inner("config") or Facts({}, "config", facts.problems)
    health = run.inner("Healthcheck")
    env = run.texts("Env")
    platform = Platform.of(
        facts.text("os"), facts.text("architecture"), facts.text("variant"), facts.text("os.version")
    )
    return ImageConfig(
        platform=platform,
        created=facts.text("created"),
        author=facts.text("author"),
        user=run.text("User"),
        env=None if env is None else tuple(_variable(entry) for entry in env),
        entrypoint=_arguments(run, "Entrypoint"),
        cmd=_arguments(run, "Cmd"),
        shell=_arguments(run, "Shell"),
        working_dir=run.text("WorkingDir"),
        volumes=run.key_set("Volumes"),
        exposed_ports=run.key_set("ExposedPorts"),
        labels=run.text_map("Labels"),
        stop_signal=run.text("StopSignal"),
        healthcheck=None if health is None else health.texts("Test"),
        on_build=run.texts("OnBuild"),
        history=history,
        diff_ids=diff_ids,
        problems=tuple(facts.problems),
    )


def _variable(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("=")
    return name, value


def _arguments(run: Facts, name: str) -> tuple[str, ...] | None:
    # Images from before 2014 have a single string here, which engines split at white space.
    value = run.values.get(name)
    return tuple(value.split()) if isinstance(value, str) else run.texts(name)


def _history_entry(facts: Facts) -> HistoryEntry:
    return HistoryEntry(
        created=facts.text("created"),
        created_by=facts.text("created_by"),
        author=facts.text("author"),
        comment=facts.text("comment"),
        empty_layer=facts.truth("empty_layer") or False,
    )


def _schema1_entry(facts: Facts) -> HistoryEntry:
    made_by = facts.inner("container_config")
    command = made_by.texts("Cmd") if made_by is not None else None
    return HistoryEntry(
        created=facts.text("created"),
        created_by=" ".join(command) if command else None,
        author=facts.text("author"),
        comment=facts.text("comment"),
        empty_layer=facts.truth("throwaway") or False,
    )


def _diff_ids(rootfs: Facts) -> tuple[Digest, ...] | None:
    texts: Sequence[str] | None = rootfs.texts("diff_ids")
    if texts is None:
        return None
    found = []
    for text in texts:
        try:
            found.append(Digest.parse(text))
        except ImageReferenceError as error:
            rootfs.note("diff_ids", error.problem)
            return None
    return tuple(found)
