"""How often the tests between groups find a difference where none is: their level, and their power.

    python tests/bench/bench_levels.py PUBLISHED.duckdb [--samples 5000] [--processes 2]

Of ``ease2022``, with the real numbers of units in each project and the real groups of units. Yes or no: beta-binomial by
project with the correlation that was estimated (ANOVA); numbers: the real values through a Gaussian copula. Two tests: units
in several groups (types of base image, groups of at least ten projects) and the same units at two moments. Power: the
largest group moved by so much, a fifth of the samples. 199 permutations a sample, of which the level does not depend.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from scipy import stats

from dockml_dagster.study.statistics.clusters import Units, permute_units
from dockml_dagster.study.statistics.paired import shift

Array = np.ndarray[Any, Any]
DRAWS = (199,)
LEAST = 10
"""Projects that a group has to have."""
MEASURES = (
    ("follows_no_add_url", 0.86, -0.20),
    ("follows_pip_cache_off", 0.51, 0.15),
    ("follows_oci_labels", 0.45, 0.04),
    ("dockerfile_instructions", 0.47, 0.4),
)
"""Measure, correlation of units of a project, what its largest group is moved by for power (share, or deviations)."""


@dataclass(frozen=True)
class Real:
    """Units of a measure: values, project and group of each, as numbers from 0 on."""

    name: str
    values: Array
    projects: Array
    groups: Array
    correlation: float
    moved: float


def real_units(path: str) -> list[Real]:
    """The measures of the published file."""
    found = []
    with duckdb.connect(path, read_only=True) as connection:
        for name, correlation, moved in MEASURES:
            rows = connection.execute(
                "SELECT project, base_image_type, value FROM core.unit_measures WHERE corpus = 'ease2022' AND measure = ? "
                "AND base_image_type IS NOT NULL QUALIFY count(DISTINCT project) OVER (PARTITION BY base_image_type) >= ? "
                "ORDER BY project, unit",
                [name, LEAST],
            ).fetchall()
            projects = np.unique([row[0] for row in rows], return_inverse=True)[1]
            groups = np.unique([row[1] for row in rows], return_inverse=True)[1]
            values = np.array([row[2] for row in rows], float)
            found.append(Real(name, values, projects, groups, correlation, moved))
    return found


def drawn(real: Real, generator: np.random.Generator, *, moved: bool) -> Array:
    """Values of units that resemble each other in a project, and differ between groups only where ``moved``."""
    largest = real.groups == np.bincount(real.groups).argmax()
    owners = int(real.projects.max()) + 1
    if set(np.unique(real.values)) <= {0.0, 1.0}:
        share = real.values.mean()
        spread = 1 / real.correlation - 1
        each = generator.beta(share * spread, (1 - share) * spread, owners)[real.projects]
        each = np.clip(each + (real.moved * largest if moved else 0), 0, 1)
        return (generator.random(len(each)) < each).astype(float)
    normal = np.sqrt(real.correlation) * generator.standard_normal(owners)[real.projects]
    normal += np.sqrt(1 - real.correlation) * generator.standard_normal(len(real.values))
    normal += real.moved * largest if moved else 0
    return np.quantile(real.values, stats.norm.cdf(normal))


def mixed(job: tuple[Real, int, int, bool]) -> int:
    """How many of some samples have p below .05, units in several groups."""
    real, seed, samples, moved = job
    generator = np.random.default_rng(seed)
    found = 0
    for _ in range(samples):
        units = Units(drawn(real, generator, moved=moved), real.projects)
        result = permute_units(units, real.groups, (seed, int(generator.integers(1 << 30))), DRAWS)
        found += result is not None and result.p < 0.05 + 1e-9
    return found


def moments(job: tuple[Array, float, float, int, int, float]) -> int:
    """The same of two moments: ``zeros`` of the units did not change; ``moved`` standard deviations."""
    projects, correlation, zeros, seed, samples, moved = job
    generator = np.random.default_rng(seed)
    found = 0
    owners = int(projects.max()) + 1
    for _ in range(samples):
        change = np.sqrt(correlation) * generator.standard_normal(owners)[projects]
        change += np.sqrt(1 - correlation) * generator.standard_normal(len(projects)) + moved
        change[generator.random(len(projects)) < zeros] = 0
        p = shift(np.zeros(len(projects)).tolist(), change.tolist(), projects.tolist(), (seed, 1)).p
        found += p is not None and p < 0.05
    return found


def main() -> None:
    """Print the share of samples with p below .05."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("published")
    options.add_argument("--samples", type=int, default=5000)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--only", choices=["types", "moments"], help="one of the two tests")
    given = options.parse_args()
    every = real_units(given.published)
    parts = 10
    with ProcessPoolExecutor(given.processes) as pool:
        print("types of base image: units, projects, level, power")
        for real in every if given.only != "moments" else ():
            size = given.samples // parts
            level = sum(pool.map(mixed, [(real, seed, size, False) for seed in range(parts)])) / (
                size * parts
            )
            few = max(size // 5, 1)
            power = sum(pool.map(mixed, [(real, seed, few, True) for seed in range(parts)])) / (few * parts)
            print(
                f"  {real.name} {len(real.values)} {real.projects.max() + 1} {level:.3f} {power:.2f}",
                flush=True,
            )
        print("two moments: correlation, share unchanged, level, power (moved by .2 SD)")
        projects = every[1].projects
        settings = ((0.3, 0.0), (0.6, 0.0), (0.3, 0.7), (0.6, 0.7))
        for correlation, zeros in settings if given.only != "types" else ():
            size = given.samples // parts
            jobs = [(projects, correlation, zeros, seed, size, 0.0) for seed in range(parts)]
            level = sum(pool.map(moments, jobs)) / (size * parts)
            few = max(size // 5, 1)
            jobs = [(projects, correlation, zeros, seed, few, 0.2) for seed in range(parts)]
            power = sum(pool.map(moments, jobs)) / (few * parts)
            print(f"  {correlation} {zeros} {level:.3f} {power:.2f}", flush=True)


if __name__ == "__main__":
    main()
