"""The page of each rule: what it asks for, why, examples, its fix, known problems, sources and other names.

Here: the text, generated from the seeds. Not here: the rules. ``docs/rules`` holds the same pages; a test compares them.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from dockml_dagster.commands.advise.targets import advice_rules, rule_names
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.advice.model import Rule


def list_of_rules() -> str:
    """One line per rule."""
    return "".join(
        f"{rule.severity:<8} {rule.recommendation:<24} {rule.fix or '-':<7} {rule.action}\n"
        for rule in advice_rules().all
    )


def page_of(name: str) -> str:
    """The page of a rule, by any of its names. Raises BadInputError for an unknown name."""
    for rule in advice_rules().all:
        if name == rule.recommendation:
            return rule_page(rule)
    if name in rule_names():
        for rule in advice_rules().all:
            if rule_names().triggers(name).intersection(rule.triggers):
                return rule_page(rule)
    alike = [rule.recommendation for rule in advice_rules().all if name and name in rule.recommendation]
    hint = f"did you mean {' or '.join(alike[:3])}? " if alike else ""
    raise BadInputError(f"no rule is called {name!r}; {hint}dockml advise --rules lists them all")


def write_pages(folder: str) -> None:
    """Write one file per rule and an index; files of removed rules are deleted."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    pages = all_pages()
    for path in target.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (target / name).write_text(text, encoding="utf-8")


def all_pages() -> dict[str, str]:
    """The pages of ``docs/rules``, by file name."""
    rules = advice_rules().all
    lines = [
        "# The rules of `dockml advise`",
        "",
        "| rule | severity | fix | asks for |",
        "| --- | --- | --- | --- |",
    ]
    for rule in rules:
        name = f"[{rule.recommendation}]({rule.recommendation}.md)"
        lines.append(f"| {name} | {rule.severity} | {rule.fix or 'by hand'} | {rule.action} |")
    index = "\n".join(lines) + "\n"
    return {"README.md": index, **{f"{rule.recommendation}.md": rule_page(rule) for rule in rules}}


def rule_page(rule: Rule) -> str:
    """The page of one rule, as Markdown."""
    parts = [
        f"# {rule.recommendation}",
        rule.action,
        f"**Why.** {rule.why}",
        f"**Found by.** {rule.detection}",
        f"Severity {rule.severity}, effort {rule.effort}, confidence {rule.confidence}."
        + (" Nearly every Dockerfile asks for it, so it is said once a project." if rule.general else ""),
    ]
    if rule.bad:
        parts += ["## Example", f"```dockerfile\n{rule.bad.rstrip()}\n```", "Use instead:"]
        parts += [f"```dockerfile\n{rule.good.rstrip()}\n```"]
    parts += ["## Fix", _fix(rule)]
    if rule.known_problems:
        parts += ["## Known problems", rule.known_problems]
    parts += ["## Sources", rule.source]
    others = _others(rule)
    if others:
        parts += ["## Other names", ", ".join(others)]
    parts += [
        "## To ignore it",
        f"`# dockml ignore={rule.recommendation} REASON` before the instruction (before the first one: for the whole file), "
        f'or `ignore = ["{rule.recommendation}"]` in `.dockml.toml`.',
    ]
    return "\n\n".join(parts) + "\n"


def _fix(rule: Rule) -> str:
    if rule.fix == "safe":
        return f"`dockml advise --fix` writes it. {rule.fix_note}".rstrip()
    if rule.fix == "unsafe":
        return f"Only with `dockml advise --fix --unsafe`. {rule.fix_note}".rstrip()
    return "By hand."


def _others(rule: Rule) -> list[str]:
    """Other names of the rule: the practice's, and those of BuildKit, hadolint and Trivy."""
    from dockml_dagster.warehouse.models import folder

    text = (folder() / "seeds" / "rule_aliases.csv").read_text(encoding="utf-8")
    aliases = [
        f"{row['alias']} ({row['tool']})"
        for row in csv.DictReader(io.StringIO(text))
        if row["trigger"] in rule.triggers
    ]
    own = [
        f"{name} ({'buildkit' if kind == 'check' else kind})"
        for kind, _, name in (trigger.partition(":") for trigger in rule.triggers)
        if kind in ("practice", "check")
    ]
    return list(dict.fromkeys([*own, *aliases]))
