"""Random draws of the groups' sums of scores under permutation of units.

Here: blocks of projects with the same number of units. Within a block, values are permuted within each project and, as a
whole, between projects; a block draws what it adds to the sum of each group. Not here: the statistic and its test
(``clusters``).

A block of up to ``MANY`` units is really permuted. For a larger one only the sums are drawn, at a cost that does not depend
on the size. If every project has one unit and there are few distinct scores, they come from the table of groups and scores
with fixed margins (R. A. Fisher, 1922: hypergeometric, exact). Otherwise they come from the normal distribution with the
mean and covariance of the sums under permutation (W. Hoeffding, Annals of Mathematical Statistics 22, 1951). If a group is
too small for the skewness of the scores (``_SKEWED``), they come from a table of scores rounded to ``_LEVELS`` levels, or,
for projects with several units, from real permutations. numpy is imported on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MANY = 500
"""Largest block, in units, that is really permuted. The study has 406 projects, and no block with more than 219 units."""
_CELLS = 4_000_000
"""Most numbers drawn at a time, over all draws: bounds the memory."""
_FEW = 16
"""Most distinct scores for which the exact table is drawn."""
_LEVELS = 100
"""With more distinct scores, a table is drawn of scores rounded to this many levels."""
_SKEWED = 0.2
"""If the squared skewness of the scores over a group's units exceeds this, the group's sum does not count as normal. For a
yes or no this is the rule of five expected cases."""


class Block(Protocol):
    """Some projects, and what they add to the sums of the groups."""

    @property
    def cells(self) -> int:
        """How many numbers one draw takes."""

    def draw(self, generator: np.random.Generator, batch: int) -> Array:
        """The groups' sums of ``batch`` permutations: a row for each permutation, a column for each group."""


def sum_blocks(scores: Array, sizes: Array, member: Array) -> list[Block]:
    """The blocks of projects with the same number of units. ``scores``: of units in the order of their projects. ``sizes``:
    the number of units of each project. ``member``: what a score at each place adds to each group's sum.
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
    """A large block; None: it must be permuted. ``scores``: a row for each project. ``adds``: the same, by groups."""
    import numpy as np

    values, codes = np.unique(scores, return_inverse=True)
    single = scores.shape[1] == 1
    if len(values) == 1 or ((len(values) > _FEW or not single) and _near_normal(scores, adds)):
        return _normal_block(scores, adds)
    if not single:
        return None
    if len(values) > _LEVELS:
        # Equidistant levels. Every score becomes the mean of its level. Scores lie between 0 and 1.
        least, most = values[0], values[-1]
        level = np.minimum((scores.ravel() - least) / (most - least) * _LEVELS, _LEVELS - 1).astype(np.int64)
        _, codes = np.unique(level, return_inverse=True)
        values = np.bincount(codes, scores.ravel()) / np.bincount(codes)
    codes = codes.ravel()
    # Places that add the same to every group share a row of the table.
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
    """Normally distributed sums: their means, and a square root of their covariance."""

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
    """Projects of one unit. ``counts``: of each of the ``values``. ``places``: of each kind of place; a row of ``adds`` is
    what a score at such a place adds to each group.
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
    """The draws over ``n`` items in batches of bounded memory."""
    most = max(1, _CELLS // n)
    while draws > 0:
        yield min(draws, most)
        draws -= most


def shuffled(generator: np.random.Generator, rows: tuple[int, ...], items: Array, most: int) -> Array:
    """Whole numbers from 0 to ``most`` in random order along the last axis, once for each of ``rows``.

    ``items``: one row for all of them, or a row for each. Random words with the numbers in their lowest bits are sorted.
    This is three times as fast as ``Generator.permuted``, which swaps, and does not hold the interpreter's lock. Words are
    so wide that less than one pair in a row is expected to be equal in the bits above.
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
    """Projects with the same number of units: their scores (a row for each project, as indexes into ``values``), and the
    places of their units.

    ``whole``: places whose units are all in one group, with what a mean score there adds to each group's sum. ``mixed``: the
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
        # Within a project of one group the order of units does not matter.
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
