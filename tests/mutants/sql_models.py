"""Which changes of the SQL models their cases do not notice.

    python tests/mutants/sql_models.py [core.projects findings.rq4_layers …]

Every change of ``sql_mutants`` is run against the cases of its model under ``tests/sql``, without anybody's data. Prints a
line a survivor (``schema.model:line kind: before → after``) and a count a model; ends with 1 if there are survivors.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.mutants.sql_mutants import mutants
from tests.sql.cases import CASES, Case, Types, read_types


def noticed(cases: Sequence[Case], sql: str) -> bool:
    """Whether one of ``cases`` fails with ``sql`` in its model's place."""
    for case in cases:
        try:
            case.check(sql)
        except (AssertionError, duckdb.Error):
            return True
    return False


def noticed_by_cases(model: str, sql: str, types: Types) -> bool:
    """Whether one of the cases of ``model`` fails with ``sql`` in its place."""
    with opened_cases(model, types) as cases:
        return noticed(cases, sql)


@contextmanager
def opened_cases(model: str, types: Types) -> Iterator[list[Case]]:
    """The cases of a model, each alone and beside another corpus."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(Case(folder, types, with_twin=with_twin))
            for folder in CASES
            if folder.parent.name == model
            for with_twin in (False, True)
        ]


def main(names: list[str]) -> int:
    """Try every change of the models named, or of all; 1 if any survived."""
    types = read_types()
    total = survived = 0
    for model in types.project.models:
        if names and model.name not in names:
            continue
        with opened_cases(model.name, types) as cases:
            assert not noticed(cases, model.sql), f"{model.name}: its cases fail as it is"
            tried = left = 0
            for mutant in mutants(model.sql):
                tried += 1
                if not noticed(cases, mutant.apply(model.sql)):
                    left += 1
                    before = model.sql[mutant.start : mutant.end]
                    print(
                        f"{model.name}:{mutant.line(model.sql)} {mutant.kind}: {before} → {mutant.replacement}"
                    )
        print(f"{model.name}: {left} of {tried} survived", flush=True)
        total, survived = total + tried, survived + left
    print(f"{survived} of {total} survived ({survived / max(total, 1):.0%})")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
