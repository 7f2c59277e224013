"""Flags of instructions: which there are, which values BuildKit accepts, and what it refuses in ``--mount``.

Here: the checks of ``instructions.BFlags``, of HEALTHCHECK's intervals, and of RUN's flags. Not here: cutting flags from a
line (``instructions``), the stage or image that a flag names (``stages``).
"""

import csv
import io
import re

from dockml_dagster.study.dockerfile.model import Flag

# Flags of each instruction: whether a value is needed ("text", "list") or may be left out ("switch").
_FLAGS: dict[str, dict[str, str]] = {
    "ADD": {
        "chown": "text", "chmod": "text", "link": "switch", "keep-git-dir": "switch", "checksum": "text",
        "unpack": "switch", "exclude": "list",
    },
    "COPY": {
        "chown": "text", "from": "text", "chmod": "text", "link": "switch", "exclude": "list",
        "parents": "switch",
    },
    "FROM": {"platform": "text"},
    "HEALTHCHECK": {
        "interval": "text", "timeout": "text", "start-period": "text", "start-interval": "text",
        "retries": "text",
    },
    "RUN": {"mount": "list", "network": "text", "security": "text", "device": "list"},
}  # fmt: skip
# ``instructions.Parse`` never checks the flags of these two.
_IGNORED = frozenset({"STOPSIGNAL", "ARG"})
_CHOICES = {"network": ("default", "none", "host"), "security": ("insecure", "sandbox")}


def flag_problem(keyword: str, flags: tuple[Flag, ...], arguments: tuple[str, ...]) -> str | None:
    """Why BuildKit refuses the flags of an instruction; ``None`` if it does not."""
    if not flags or keyword in _IGNORED or (keyword == "HEALTHCHECK" and arguments[0].upper() == "NONE"):
        return None
    allowed = _FLAGS.get(keyword, {})
    seen: set[str] = set()
    for flag in flags:
        kind = allowed.get(flag.name)
        if kind is None:
            return f"unknown flag: --{flag.name[:80]}"
        if flag.name in seen and kind != "list":
            return f"duplicate flag specified: --{flag.name}"
        seen.add(flag.name)
        if kind == "switch":
            if flag.value == "":
                return f"missing a value on flag: --{flag.name}"
            if flag.value is not None and flag.value.lower() not in ("true", "false"):
                return f"expecting boolean value for flag --{flag.name}, not: {flag.value[:80]}"
        elif flag.value is None:
            return f"missing a value on flag: --{flag.name}"
    for flag in flags:
        refused = _value_problem(keyword, flag.name, flag.value or "")
        if refused is not None:
            return refused
    return None


def _value_problem(keyword: str, name: str, value: str) -> str | None:
    if keyword == "RUN" and name in _CHOICES and value not in _CHOICES[name]:
        return f"invalid value for --{name}: {value[:80]!r}"
    if keyword == "HEALTHCHECK" and value:
        if name != "retries":
            return _duration_problem(name, value)
        if not re.fullmatch(r"[+-]?[0-9]{1,10}", value) or not 0 <= int(value) < 1 << 31:
            return f"invalid value for --retries: {value[:80]!r}"
    return None


# Go's time.ParseDuration.
_PART = r"([0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(rf"\+?(?:0|(?:{_PART})++)\Z")
_UNITS = {
    "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
}  # fmt: skip


def _duration_problem(name: str, value: str) -> str | None:
    if not _DURATION.match(value):
        return f"invalid duration in --{name}: {value[:80]!r}"
    length = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, value))
    if 0 < length < _UNITS["ms"]:
        return f"--{name} cannot be less than 1ms"
    return f"invalid duration in --{name}: {value[:80]!r}" if length >= 1 << 63 else None


_MOUNT_TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_SWITCHES = frozenset({"readonly", "ro", "readwrite", "rw"})
_MOUNT_OPTIONS = _SWITCHES | {
    "type", "from", "source", "src", "target", "dst", "destination", "id", "sharing", "required", "size", "mode",
    "uid", "gid", "env",
}  # fmt: skip
_OF_ONE_TYPE = {"required": ("secret", "ssh"), "size": ("tmpfs",), "sharing": ("cache",)}


def mount_fields(value: str) -> list[str] | None:
    """The options of a ``--mount``, one line of CSV (``type=cache,target=/root/.cache``); ``None`` if it is none."""
    try:
        return next(csv.reader(io.StringIO(value)), [])
    except csv.Error:
        return None


def mount_problem(value: str) -> str | None:
    """Why BuildKit refuses a ``--mount`` once it builds the stage; ``None`` if it does not, or a variable decides."""
    fields = mount_fields(value)
    if fields is None:
        return None
    kind = "bind"
    given: set[str] = set()
    for field in fields:
        name, equals, text = field.partition("=")
        name = name.lower()
        if not equals and name not in _SWITCHES | {"required"}:
            return f"invalid field '{field[:80]}' must be a key=value pair"
        if name not in _MOUNT_OPTIONS:
            return f"unexpected key '{name[:80]}' in a mount"
        if name == "type":
            kind = text.lower()
        elif name == "sharing" and "$" not in text and text.lower() not in ("shared", "private", "locked"):
            return f"unsupported sharing value {text[:80]!r}"
        given.add(name)
    if "$" in kind:
        return None
    if kind not in _MOUNT_TYPES:
        return f"unsupported mount type {kind[:80]!r}"
    wrong = next((name for name, kinds in _OF_ONE_TYPE.items() if name in given and kind not in kinds), None)
    return None if wrong is None else f"unexpected key '{wrong}' for mount type '{kind}'"
