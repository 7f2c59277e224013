"""Folds of cross-validation: grouped by owner, and stratified by category as far as that allows.

Here: which project is in which fold. Not here: what is fitted or measured on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np


def owner_folds(
    owners: Sequence[str], codes: Sequence[Hashable], folds: int, seed: int
) -> tuple[tuple[int, ...], ...]:
    """The positions of the projects in each fold, in order. A fold is empty if there are fewer owners than folds.

    Owners with most projects are placed first, equal ones in an order drawn by ``seed``. Each owner goes to the fold with
    the fewest projects of the owner's categories; of equal folds, to the smaller one.
    """
    members: dict[str, list[int]] = {}
    for position, owner in enumerate(owners):
        members.setdefault(owner, []).append(position)
    names = sorted(members)
    np.random.default_rng(seed).shuffle(names)
    names.sort(key=lambda name: -len(members[name]))
    found: list[list[int]] = [[] for _ in range(folds)]
    counts: list[Counter[Hashable]] = [Counter() for _ in range(folds)]
    for name in names:
        of_owner = Counter(codes[position] for position in members[name])
        best = min(
            range(folds),
            key=lambda fold: (
                sum(counts[fold][code] * n for code, n in of_owner.items()),
                len(found[fold]),
                fold,
            ),
        )
        found[best] += members[name]
        counts[best] += of_owner
    return tuple(tuple(sorted(fold)) for fold in found)
