"""Groups compared in many measures at once: descriptions of groups, tests, and corrections for multiple testing.

Here: the three kinds of rows of a comparison, ``group`` (a group's n, median or share with its interval), ``overall`` (the
test over all groups) and ``pair`` (two groups: effect size, and a test where the overall one is clear). Not here: which
groups and measures (``differences``), the tests themselves (``study.statistics``).

There are two families of tests, each corrected by Holm: (1) the overall tests of all measures of one grouping; (2)
the pairs in all measures whose overall test is clear in (1).
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics.clusters import (
    Permuted,
    Units,
    cluster_effect,
    permute_projects,
    permute_units,
    project_scores,
    size_word,
)
from dockml_dagster.study.statistics.families import holm
from dockml_dagster.study.statistics.intervals import median_interval, share_interval

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SEED = 20220613
"""Seed of every permutation: the first day of the conference at which the paper was given."""
CLEAR = 0.05
"""A difference is clear if its p after Holm is smaller; only then are its pairs tested."""
SMALLEST_GROUP, SMALLEST_MIXED_GROUP = 5, 10
"""Smaller groups are described but not tested; the second limit is for projects that may be in several groups."""
WHOLE, MIXED = "ridit scores, projects permuted", "ridit scores, units permuted within projects"
"""The tests, as the tables name them."""

Row = dict[str, Any]
Known = dict[bytes, Permuted | None]
"""Finished tests, by a hash of the compared data: equal data in two groupings are tested once."""
_SCORES_AT_ONCE = 4_000_000
"""Most scores that are permuted together, which bounds the memory."""


@dataclass(slots=True)
class Measured:
    """One measure of one grouping: its units, and the rows made from them so far.

    ``common``: the columns that identify the comparison. ``groups``: the number of each unit's group; ``names``,
    ``owners``: names of groups and of projects, by number. ``mixed``: a project may have units in several groups.
    """

    common: Row
    units: Units
    groups: Array
    names: Sequence[str]
    owners: Sequence[str]
    mixed: bool
    overall: Row = field(default_factory=dict)
    pairs: list[Row] = field(default_factory=list)
    _clusters: dict[int, int] = field(default_factory=dict)

    @property
    def least(self) -> int:
        """Fewest projects of a group that is tested."""
        return SMALLEST_MIXED_GROUP if self.mixed else SMALLEST_GROUP

    def large(self, group: int) -> bool:
        """Whether a group has enough projects to be tested."""
        return self.clusters(group) >= self.least

    def clusters(self, group: int) -> int:
        """Number of projects with units in a group."""
        if group not in self._clusters:
            self._clusters[group] = self.of(group).clusters
        return self._clusters[group]

    def of(self, *groups: int) -> Units:
        """The units of some groups."""
        import numpy as np

        chosen = np.zeros(len(self.names), bool)
        chosen[list(groups)] = True
        return self.units.of(chosen[self.groups])


def comparison_rows(measures: Sequence[Measured], known: Known) -> Iterator[Row]:
    """The rows of all measures of one grouping and corpus: these form the families of tests."""
    overall_tests(measures, known)
    pair_tests(measures, known)
    for measured in measures:
        rows = [*group_rows(measured), measured.overall, *measured.pairs]
        yield from ({**measured.common, **row} for row in rows)


def group_rows(measured: Measured) -> Iterator[Row]:
    """A description of every group: its median, or the share of yes, with weight 1 for every project."""
    import numpy as np

    for group, name in enumerate(measured.names):
        units = measured.of(group)
        if measured.common["kind"] == "yes or no":
            found = share_interval(np.bincount(units.projects, units.values), units.sizes)
            value: Row = {"share": found.value, "share_low": found.low, "share_high": found.high}
        else:
            found = median_interval(units)
            value = {"median": found.value, "median_low": found.low, "median_high": found.high}
        small = units.clusters < measured.least
        yield {
            "row_kind": "group",
            "first": name,
            "n": units.n,
            "n_first": units.n,
            "clusters": units.clusters,
            "clusters_first": units.clusters,
            "n_censored": units.n_censored,
            "largest_cluster_share": found.largest,
            "n_effective": found.effective,
            **value,
            "note": f"fewer than {measured.least} projects: takes no part in tests" if small else None,
        }


@dataclass(frozen=True, slots=True)
class Test:
    """A test to be made: the groups of a measure to compare, and the row for the result."""

    row: Row
    measured: Measured
    kept: Sequence[int]

    def chosen(self) -> _Chosen:
        """The data to compare. Made on demand: for all tests at once they would be many times the original data."""
        import numpy as np

        chosen = np.isin(self.measured.groups, self.kept)
        units = self.measured.units.of(chosen)
        groups = np.searchsorted(np.asarray(self.kept), self.measured.groups[chosen])
        numbers = np.unique(self.measured.units.projects[chosen])
        names = "\n".join([self.measured.owners[number] for number in numbers]).encode()
        return _Chosen(units, groups, hashlib.sha256(names).digest(), zlib.crc32(names))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Units, each unit's group number (from 0), and two hashes of the projects' names."""

    units: Units
    groups: Array
    owners: bytes
    checksum: int


def overall_tests(measures: Sequence[Measured], known: Known) -> None:
    """The overall test of every measure, corrected over all of them."""
    tests = []
    for measured in measures:
        kept = [group for group in range(len(measured.names)) if measured.large(group)]
        units = measured.of(*kept)
        left_out = [name for group, name in enumerate(measured.names) if group not in kept]
        measured.overall = row = {
            "row_kind": "overall",
            "n": units.n,
            "clusters": units.clusters,
            "n_censored": units.n_censored,
            "largest_cluster_share": float(units.sizes.max() / units.n) if units.n else None,
            "note": f"without {', '.join(left_out)}" if left_out else None,
        }
        if len(kept) < 2:
            _say(row, f"fewer than two groups have {measured.least} projects")
        else:
            row["degrees_of_freedom"] = len(kept) - 1
            tests.append(Test(row, measured, kept))
    run(tests, known)
    correct([measured.overall for measured in measures], "overall tests of all measures")


def pair_tests(measures: Sequence[Measured], known: Known) -> None:
    """Every pair's effect size, and a test of the pairs in measures that differ clearly, corrected over all of these."""
    tests = []
    for measured in measures:
        clear = measured.overall.get("p_holm", 1.0) < CLEAR
        groups = [measured.of(group) for group in range(len(measured.names))]
        for first, second in combinations(range(len(measured.names)), 2):
            row = _pair(measured, groups, first, second)
            measured.pairs.append(row)
            if not (measured.large(first) and measured.large(second)):
                _say(row, f"a group of fewer than {measured.least} projects")
            elif not clear:
                _say(row, "not tested: all groups together do not differ clearly")
            else:
                tests.append(Test(row, measured, [first, second]))
    run(tests, known)
    correct(
        [row for measured in measures for row in measured.pairs], "pairs in the measures that differ clearly"
    )


def _pair(measured: Measured, groups: Sequence[Units], first: int, second: int) -> Row:
    one, other = groups[first], groups[second]
    together = measured.of(first, second).clusters if measured.mixed else one.clusters + other.clusters
    row: Row = {
        "row_kind": "pair",
        "first": measured.names[first],
        "second": measured.names[second],
        "n": one.n + other.n,
        "n_first": one.n,
        "n_second": other.n,
        "clusters": together,
        "clusters_first": one.clusters,
        "clusters_second": other.clusters,
        "n_censored": one.n_censored + other.n_censored,
    }
    effect = cluster_effect(one, other)
    if effect is not None:
        row |= {
            "cliffs_delta": effect.delta,
            "delta_low": effect.low,
            "delta_high": effect.high,
            "delta_least": effect.least,
            "delta_most": effect.most,
            "magnitude": size_word(effect.delta),
        }
    return row


def run(tests: Sequence[Test], known: Known) -> None:
    """Make the tests, on as many threads as there are cores, and fill their rows.

    Measures of the same projects in the same groups share their draws. The random seed depends on the compared data, so
    equal data give the same p everywhere.
    """
    import numpy as np

    whole: dict[tuple[bytes, int, bytes], list[Test]] = {}
    tasks: list[Callable[[], None]] = []
    for test in tests:
        if test.measured.mixed:
            tasks.append(partial(_run_mixed, test, known))
            continue
        found = test.chosen()
        labels = np.zeros(found.units.clusters, np.int8)
        labels[found.units.projects] = found.groups
        whole.setdefault((found.owners, found.checksum, labels.tobytes()), []).append(test)
    tasks += [partial(_run_whole, *key, members, known) for key, members in whole.items()]
    # numpy releases the interpreter's lock while it draws and multiplies.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for done in [threads.submit(task) for task in tasks]:
            done.result()


def _run_whole(owners: bytes, checksum: int, labels: bytes, members: Sequence[Test], known: Known) -> None:
    import numpy as np

    # Tested together because their draws are the same; with many projects, some at a time.
    at_once = max(1, _SCORES_AT_ONCE // len(labels))
    for start in range(0, len(members), at_once):
        some = [(test.row, project_scores(test.chosen().units)) for test in members[start : start + at_once]]
        keys = [_digest(owners, labels, scores.tobytes()) for _, scores in some]
        new = {key: scores for key, (_, scores) in zip(keys, some, strict=True) if key not in known}
        if new:
            seed = (SEED, zlib.crc32(labels, checksum))
            found = permute_projects(
                np.stack(list(new.values()), axis=1), np.frombuffer(labels, np.int8), seed
            )
            known.update(zip(new, found, strict=True))
        for key, (row, _) in zip(keys, some, strict=True):
            _record(row, known[key], WHOLE)


def _run_mixed(test: Test, known: Known) -> None:
    found = test.chosen()
    groups = found.groups.tobytes()
    key = _digest(found.owners, groups, found.units.values.tobytes(), found.units.projects.tobytes())
    if key not in known:
        known[key] = permute_units(found.units, found.groups, (SEED, zlib.crc32(groups, found.checksum)))
    _record(test.row, known[key], MIXED)


def _digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _record(row: Row, found: Permuted | None, test: str) -> None:
    if found is None:
        _say(row, "all values are the same")
    else:
        row |= {
            "test": test,
            "statistic": found.statistic,
            "epsilon_squared": found.epsilon_squared,
            "p": found.p,
            "draws": found.draws,
        }


def _say(row: Row, reason: str) -> None:
    """Append the reason for a missing test to a row's note."""
    row["note"] = "; ".join(part for part in (row.get("note"), reason) if part)


def correct(rows: Sequence[Row], family: str) -> None:
    """Apply Holm's correction over the tested rows, which are one family."""
    tested = [row for row in rows if row.get("p") is not None]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row |= {"family": family, "family_tests": len(tested), "p_holm": p}
