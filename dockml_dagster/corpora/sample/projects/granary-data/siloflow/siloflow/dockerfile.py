"""Writes the Dockerfile of a pipeline step from the template."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import jinja2

TEMPLATE = Path(__file__).parent.parent / "templates" / "Dockerfile.j2"


@dataclass
class Step:
    name: str
    base: str = "python:3.11-slim"
    packages: list[str] = field(default_factory=list)
    apt: list[str] = field(default_factory=list)
    gpu: bool = False


def render(step: Step) -> str:
    return jinja2.Template(TEMPLATE.read_text(), trim_blocks=True).render(step=step)
