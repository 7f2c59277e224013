"""Sums of scores over groups when units are permuted: drawn.

Here: a block of projects of equally many units, in which values are permuted within each project and, as a whole, between
projects; what it adds to the sum of each group, drawn as often as asked. Not here: the statistic and its test
(``clusters``).

A block of up to ``MANY`` units is permuted as it says. Of a larger one the sums alone are drawn, which costs the same at any
size. Where every project has one unit and there are few different scores, from the table of groups and scores with its
margins held (R. A. Fisher, 1922: hypergeometric, exact). Else from the normal distribution with the mean and covariance
that the sums have under permutation (W. Hoeffding, Annals of Mathematical Statistics 22, 1951), unless a group is too
small for how skewed the scores are (``_SKEWED``): then again from a table, of scores rounded to ``_LEVELS`` levels; of
projects of several units, by permuting. Import is light: numpy loads on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MANY = 500
"""Units up to which a block is permuted unit by unit. The study has 406 projects, and no block of more than 219 units."""
_CELLS = 4_000_000
"""Numbers drawn at a time, over all draws: bounds the memory."""
_FEW = 16
"""So many different scores are drawn from their table."""
_LEVELS = 100
"""So many levels are scores rounded to where a table is drawn of more."""
_SKEWED = 0.2
"""Squared skewness of the scores over a group's units above which the group's sum is not taken as normal. Of a yes or no
that is the rule of five expected cases."""


class Block(Protocol):
    """What some projects add to the sums of the groups."""

    @property
    def cells(self) -> int:
        """Numbers that one draw takes."""

    def draw(self, generator: np.random.Generator, batch: int) -> Array:
        """The groups' sums of ``batch`` permutations: a row a permutation, a column a group."""


def sum_blocks(scores: Array, sizes: Array, member: Array) -> list[Block]:
    """The blocks of projects of equally many units. ``scores``: of units in the order of their projects; ``sizes``: units of
    each project; ``member``: what a score at each place adds to each group's sum.
    """
    import numpy as np

    ends = np.cumsum(sizes)
    values, codes = np.unique(scores, return_inverse=True)
    small, codes = values.astype(np.float32), codes.astype(np.uint32)
    blocks: list[Block] = []
    for size in np.unique(sizes):
        places = ends[sizes == size][:, None] - size + np.arange(size)
        large = None if places.size <= MANY else _large_block(scores[places], member[places])
        blocks.append(large or _block(places, small, codes, member))
    return blocks


def _large_block(scores: Array, adds: Array) -> Block | None:
    """The sums of many units; None: they have to be permuted. ``scores``: a row a project; ``adds``: the same by groups."""
    import numpy as np

    values, codes = np.unique(scores, return_inverse=True)
    single = scores.shape[1] == 1
    if len(values) == 1 or ((len(values) > _FEW or not single) and _near_normal(scores, adds)):
        return _normal_block(scores, adds)
    if not single:
        return None
    if len(values) > _LEVELS:
        # Levels equally far apart, every score in the place of its level's mean: scores lie between 0 and 1.
        least, most = values[0], values[-1]
        level = np.minimum((scores.ravel() - least) / (most - least) * _LEVELS, _LEVELS - 1).astype(np.int64)
        _, codes = np.unique(level, return_inverse=True)
        values = np.bincount(codes, scores.ravel()) / np.bincount(codes)
    codes = codes.ravel()
    # Places that add the same to every group are one row of the table.
    rows, row = np.unique(adds[:, 0], axis=0, return_inverse=True)
    return _TableBlock(values, np.bincount(codes), rows, np.bincount(row.ravel()))


def _near_normal(scores: Array, adds: Array) -> bool:
    import numpy as np

    centred = scores - scores.mean()
    squared_skewness = float((centred**3).mean() ** 2 / (centred**2).mean() ** 3)
    units = (adds > 0).sum(axis=(0, 1))
    units = np.minimum(units, scores.size - units)
    return bool((squared_skewness <= _SKEWED * units[units > 0]).all())


def _normal_block(scores: Array, adds: Array) -> _NormalBlock:
    import numpy as np

    projects, size = scores.shape
    means, places = scores.mean(axis=1), adds.mean(axis=1)
    between = (places - places.mean(axis=0)).T @ (places - places.mean(axis=0))
    covariance = size**2 * between * means.var() * projects / (projects - 1)
    if size > 1:
        inside = (adds - places[:, None]).reshape(-1, adds.shape[2])
        covariance += inside.T @ inside * ((scores - means[:, None]) ** 2).sum() / projects / (size - 1)
    lengths, directions = np.linalg.eigh(covariance)
    root = directions * np.sqrt(np.maximum(lengths, 0))
    return _NormalBlock(adds.sum(axis=(0, 1)) * scores.mean(), root)


@dataclass(frozen=True, slots=True)
class _NormalBlock:
    """Sums of normal distribution: their means, and a root of their covariance."""

    means: Array
    root: Array

    @property
    def cells(self) -> int:
        return len(self.means)

    def draw(self, generator: np.random.Generator, batch: int) -> Array:
        import numpy as np

        return np.asarray(self.means + generator.standard_normal((batch, len(self.means))) @ self.root.T)


@dataclass(frozen=True, slots=True)
class _TableBlock:
    """Projects of one unit: ``counts`` of each of the ``values``, and of each kind of place (a row of ``adds``: what a score
    there adds to each group) how many ``places`` there are.
    """

    values: Array
    counts: Array
    adds: Array
    places: Array

    @property
    def cells(self) -> int:
        return len(self.values) * len(self.places)

    def draw(self, generator: np.random.Generator, batch: int) -> Array:
        import numpy as np

        left = np.tile(self.counts, (batch, 1))
        sums = np.zeros((batch, self.adds.shape[1]))
        for add, places in zip(self.adds[:-1], self.places[:-1], strict=True):
            wanted = np.full(batch, places)
            later = left.sum(axis=1)
            total = np.zeros(batch)
            for number, value in enumerate(self.values[:-1]):
                here = left[:, number]
                later = later - here
                drawn = generator.hypergeometric(here, later, wanted)
                left[:, number] = here - drawn
                wanted = wanted - drawn
                total += drawn * value
            left[:, -1] -= wanted
            sums += (total + wanted * self.values[-1])[:, None] * add
        return np.asarray(sums + (left @ self.values)[:, None] * self.adds[-1])


def batches(draws: int, n: int) -> Iterator[int]:
    """Parts of so many draws over ``n`` things, each of bounded memory."""
    most = max(1, _CELLS // n)
    while draws > 0:
        yield min(draws, most)
        draws -= most


def shuffled(generator: np.random.Generator, rows: tuple[int, ...], items: Array, most: int) -> Array:
    """Whole numbers from 0 to ``most`` in random order along the last axis, once for each of ``rows``.

    ``items``: one row for all of them, or a row for each. Random words that carry the numbers in their lowest bits are
    sorted: three times as fast as ``Generator.permuted``, which swaps, and without the interpreter's lock. Words are wide
    enough that less than one pair of a row is expected to be equal above these bits.
    """
    import numpy as np

    bits, size = max(most.bit_length(), 1), items.shape[-1]
    kind: type[np.unsignedinteger[Any]] = np.uint32 if 32 - bits >= 2 * size.bit_length() else np.uint64
    low = kind((1 << bits) - 1)
    words = generator.integers(0, np.iinfo(kind).max, (*rows, size), dtype=kind, endpoint=True)
    words &= ~low
    words |= items.astype(kind, copy=False)
    words.sort(axis=-1)
    words &= low
    return words


@dataclass(frozen=True, slots=True)
class _PermutedBlock:
    """The projects of equally many units: their scores (a row a project, as places in ``values``), and where units lie.

    ``whole``: places whose units are all of one group, with what a mean score there adds to each group's sum; ``mixed``: the
    others, with what a score at each place adds.
    """

    values: Array
    codes: Array
    whole: Array
    adds_whole: Array
    mixed: Array
    adds_mixed: Array

    @property
    def cells(self) -> int:
        return self.codes.size

    def draw(self, generator: np.random.Generator, batch: int) -> Array:
        """The groups' sums of ``batch`` permutations."""
        import numpy as np

        projects = len(self.codes)
        rows = shuffled(generator, (batch,), np.arange(projects), projects - 1)
        # Inside a project of one group the order of its units changes nothing.
        sums = self.values[self.codes].sum(axis=1)[rows[:, self.whole]] @ self.adds_whole
        if self.mixed.any():
            chosen = self.codes[rows[:, self.mixed]]
            drawn = self.values[shuffled(generator, chosen.shape[:2], chosen, len(self.values) - 1)]
            sums = sums + drawn.reshape(batch, -1) @ self.adds_mixed
        return np.asarray(sums)


def _block(places: Array, values: Array, codes: Array, member: Array) -> _PermutedBlock:
    import numpy as np

    adds = member[places].astype(np.float32)
    whole = ((adds > 0) == (adds[:, :1] > 0)).all(axis=(1, 2))
    into_mixed = adds[~whole].reshape(-1, member.shape[1])
    return _PermutedBlock(values, codes[places], whole, adds[whole][:, 0], ~whole, into_mixed)
