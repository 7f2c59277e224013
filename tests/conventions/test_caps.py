"""Every cap has a place where users see that it was hit: ``caps.toml`` lists the places by module.

Here: whether the list is complete. Not here: whether a cap is reported (the tests beside each reader).
"""

import ast
import re
import tomllib
from pathlib import Path

import dockml_dagster

PACKAGE = Path(dockml_dagster.__file__).parent
PROJECTS = PACKAGE / "corpora" / "sample" / "projects"
LISTED = tomllib.loads(Path(__file__).with_name("caps.toml").read_text(encoding="utf-8"))
A_CAP = re.compile(
    r"_?(?:MAX|MOST|LONGEST|LARGEST)(?:_|$)|_(?:MAX|MOST|LIMIT|CAP)$|SECONDS$|_BUDGET$|_STEPS$"
)


def _caps(path: Path) -> list[str]:
    """The names of a module's constants that are caps."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Name) and target.id.isupper() and A_CAP.search(target.id):
            found.append(target.id)
    return found


def test_every_module_with_a_cap_says_where_it_is_seen() -> None:
    modules = {
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if not path.is_relative_to(PROJECTS) and _caps(path)
    }
    listed = [module for kind in LISTED.values() for module in kind]
    assert sorted(modules - set(listed)) == [], "say in caps.toml where it is seen that the cap was hit"
    assert sorted(set(listed) - modules) == [], "there is no cap any more"
    assert len(listed) == len(set(listed))
