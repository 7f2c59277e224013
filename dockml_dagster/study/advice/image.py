"""Advice on an image: from its configuration, its layers and the bytes that ``savings`` measured.

Here: which facts of an image trigger which recommendation. Not here: how layers and configurations are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dockml_dagster.study.advice.model import MOST_EVIDENCE, Evidence, Recommendation, Rules
from dockml_dagster.study.advice.savings import Saving
from dockml_dagster.study.device_code.image import ImageDeviceFile, device_bytes, unused
from dockml_dagster.study.image.config import ImageConfig
from dockml_dagster.study.packages.families import Doubled
from dockml_dagster.study.secret_names import names_a_secret
from dockml_dagster.study.secrets.image import ImageSecret

MANY_LAYERS = 20
"""An image with more layers than this above its base is advised to have fewer. The study's median is 14.5 in all."""

MUCH_IDLE_CODE = 10_000_000
"""Least bytes of device code, idle whichever GPU is used, for which there is a recommendation."""
_LONGEST = 200

_ROOT = frozenset({"", "0", "root", "administrator", "containeradministrator"})
_OCI = "org.opencontainers.image."


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The facts of an image that advice uses. ``layers``: digests, lowest first. ``base_layers``: how many of the lowest
    layers are the base image's, as known or as read from the history. ``config``: None where it could not be read; then
    there is no advice on it. ``platforms``: those of the reference; None where it does not list them. ``censored``: a layer
    was not read to its end. ``doubled``: frameworks and libraries that the image holds more than once. ``secrets``: files
    that hold a secret. ``device_code``: files that hold code for GPUs.
    """

    reference: str
    layers: tuple[str, ...]
    base_layers: int
    config: ImageConfig | None
    platforms: int | None = None
    censored: bool = False
    doubled: tuple[Doubled, ...] = ()
    secrets: tuple[ImageSecret, ...] = ()
    device_code: tuple[ImageDeviceFile, ...] = ()


def base_layers_of(config: ImageConfig | None, layers: int) -> int:
    """How many of an image's lowest layers came with its base, judged by its history; 0 where that is unknown.

    CMD or ENTRYPOINT is taken as the end of an image: layers after it belong to the next image
    (``layer.history.split_base``).
    """
    from dockml_dagster.study.layer.history import HistoryEntry, split_base

    if config is None or not config.history:
        return 0
    history = [HistoryEntry(entry.created_by or "", entry.empty_layer) for entry in config.history]
    split = split_base(history, [str(number) for number in range(layers)])
    return 0 if split is None else split.layers


def _lower_bound(saving: Saving, facts: ImageFacts) -> str:
    if facts.censored:
        return "lower bound: a layer was not read to its end"
    return "" if saving.whole else "lower bound: more files than are told apart"


def advise_image(
    facts: ImageFacts, savings: Sequence[Saving] | None, rules: Rules
) -> tuple[Recommendation, ...]:
    """All advice on one image. Savings come first, largest first; the rest follows in the seed's order.

    ``savings`` None: the layers could not be read, so there is no advice on their content.
    """
    measured = [
        Recommendation(
            saving.rule,
            "image",
            facts.reference,
            tuple(_evidence(saving, facts)),
            saves_bytes=saving.bytes,
            base_bytes=saving.base_bytes or None,
            files=saving.files,
            note=_lower_bound(saving, facts),
        )
        for saving in savings or ()
    ]
    told = [
        Recommendation(rules.by_trigger[trigger], "image", facts.reference, evidence[:MOST_EVIDENCE])
        for trigger, evidence in _facts(facts)
        if trigger in rules.by_trigger
    ]
    measured += _idle_device_code(facts, rules)
    measured.sort(key=lambda item: -(item.saves_bytes or 0))
    known = {item.rule.recommendation: item for item in measured}
    rest = []
    for item in sorted(told, key=lambda item: item.rule.order):
        if item.rule.recommendation in known:
            both = known[item.rule.recommendation]
            known[item.rule.recommendation] = replace(both, evidence=(*both.evidence, *item.evidence))
        else:
            rest.append(item)
    return (*known.values(), *rest)


def _idle_device_code(facts: ImageFacts, rules: Rules) -> list[Recommendation]:
    """The device code that even the best single GPU leaves idle, if it is at least ``MUCH_IDLE_CODE``."""
    idle, rule = unused(facts.device_code), rules.by_trigger.get("fact:idle-device-code")
    if idle is None or rule is None or idle.bytes < MUCH_IDLE_CODE:
        return []
    seen = [one for one in facts.device_code if one.hidden_by is None]
    evidence = [
        Evidence(
            f"device code for {', '.join(sorted({row.architecture for row in one.rows}))}"[:_LONGEST],
            path=one.path,
            layer=facts.layers[one.layer],
            bytes=one.bytes,
        )
        for one in seen[:MOST_EVIDENCE]
    ]
    share = idle.bytes / device_bytes(seen)
    note = f"at least {share:.0%} of the device code lies idle on any one GPU, least on {idle.gpu.name}"
    return [
        Recommendation(
            rule,
            "image",
            facts.reference,
            tuple(evidence),
            saves_bytes=idle.bytes,
            files=len(seen),
            note=note,
        )
    ]


def _evidence(saving: Saving, facts: ImageFacts) -> list[Evidence]:
    found = []
    for file in saving.largest:
        what = "file"
        if file.hidden_by is not None:
            what = f"not visible: layer {file.hidden_by + 1} of {len(facts.layers)} has it removed or written again"
        elif file.instead_of is not None:
            what = f"same content as {file.instead_of}"
        found.append(Evidence(what, path=file.path, layer=facts.layers[file.layer], bytes=file.bytes))
    return found


def _twice(doubled: Doubled) -> Evidence:
    return Evidence(f"{doubled.name}: {', '.join(doubled.packages[:MOST_EVIDENCE])}", bytes=doubled.bytes)


def _secret(secret: ImageSecret, facts: ImageFacts) -> Evidence:
    hidden = (
        ""
        if secret.hidden_by is None
        else f", not visible: layer {secret.hidden_by + 1} hides it, and it is shipped"
    )
    return Evidence(
        f"{secret.rule} in layer {secret.layer + 1}{hidden}",
        path=secret.path,
        layer=facts.layers[secret.layer],
    )


def _facts(facts: ImageFacts) -> list[tuple[str, tuple[Evidence, ...]]]:
    found: list[tuple[str, tuple[Evidence, ...]]] = []
    own = len(facts.layers) - facts.base_layers
    if own > MANY_LAYERS:
        found.append(("fact:many-layers", (Evidence(f"{own} layers above its base"),)))
    if facts.doubled:
        found.append(("fact:package-twice", tuple(map(_twice, facts.doubled))))
    leaked = [secret for secret in facts.secrets if secret.published_with is None]
    if leaked:
        found.append(("fact:secret-file", tuple(_secret(secret, facts) for secret in leaked)))
    if facts.platforms == 1:
        found.append(("fact:one-platform", (Evidence("one platform"),)))
    config = facts.config
    if config is None:
        return found
    user = (config.user or "").partition(":")[0].strip().lower()
    if user in _ROOT:
        found.append(
            ("fact:user-root", (Evidence("the configuration's user is root, stated or by default"),))
        )
    if not config.healthcheck or config.healthcheck[0].upper() == "NONE":
        found.append(("fact:no-healthcheck", (Evidence("no health check in the configuration"),)))
    labels = config.labels or {}
    if not any(name.startswith(_OCI) for name in labels):
        found.append(("fact:no-labels", (Evidence(f"no label {_OCI}…"),)))
    if f"{_OCI}base.digest" not in labels:
        found.append(("fact:base-not-recorded", (Evidence(f"no label {_OCI}base.digest"),)))
    secrets = [name for name, value in config.env or () if value and names_a_secret(name)]
    if secrets:
        found.append(("fact:secret-variable", tuple(Evidence(f"ENV {name[:80]}") for name in secrets)))
    return found
