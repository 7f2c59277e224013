"""The files of the `sample` corpus are complete, agree with each other, and contain what other tests rely on.

Here: the tree under ``corpora/sample/projects``. How the corpus reads it is tested beside the corpus. The
features are cases in ``sample_features.toml``: adding one needs no Python.
"""

import re
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

import dockml_dagster

ROOT = Path(dockml_dagster.__file__).parent / "corpora" / "sample" / "projects"
SHEET = yaml.safe_load((ROOT / "projects.yaml").read_text(encoding="utf-8"))
PROJECTS = {project["name"]: project for project in SHEET["projects"]}
CANDIDATES = {candidate["name"]: candidate for candidate in SHEET["candidates"]}
FEATURES = tomllib.loads((Path(__file__).parent / "features.toml").read_text(encoding="utf-8"))["case"]

# The paper's Table 1.
CATEGORIES = {"Application System", "MLOps/AIOps", "Toolkit", "DL Framework", "Model", "Documentation"}
# The paper's figure of purposes (RQ2): 21, two of them with sub-purposes.
SUB_PURPOSES = {
    "Model management": {
        "training",
        "testing",
        "evaluation",
        "export",
        "storage and serving",
        "prediction/inference",
    },
    "Data management": {
        "migration",
        "exchange/sharing",
        "storage and persistence",
        "processing",
        "visualisation",
        "parallelism",
    },
}
PURPOSES = {
    "Manage services",
    "Manage user",
    "Task scheduling",
    "Hosting",
    "Simulation",
    "Build and packaging",
    "Tool integration",
    "CI/CD",
    "Environment variables",
    "Network management",
    "Dependencies management and distribution",
    "Cloud-based development",
    "Interactive development",
    "Security",
    "Denoising and evaluating workflows",
    "Logging/monitoring",
    "Tutorials and documentation",
    "Software testing",
    "Code quality",
    *SUB_PURPOSES,
}

COUNTS = {"commits", "contributors", "releases", "repository_size_kib", "stars", "forks"}
SHARED_KEYS = {"name", "description", "topics", "language", "archived", "created_at", "updated_at"} | COUNTS
PROJECT_COUNTS = COUNTS | {"issues", "pulls", "open_issues"}
PROJECT_KEYS = SHARED_KEYS | PROJECT_COUNTS | {"homepage", "category", "purposes", "images"}
CANDIDATE_KEYS = SHARED_KEYS | {"dockerfiles", "excluded_at"}


def files() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*") if not path.is_dir() and "__pycache__" not in path.parts)


def exclusion(dockerfiles: int, commits: int, releases: int, archived: bool) -> str:
    """The first step of the funnel that the numbers do not pass; what passes all can only lack an image."""
    if dockerfiles == 0:
        return "no_dockerfile"
    if commits < 100:
        return "commits"
    if releases < 1:
        return "release"
    return "archived" if archived else "image"


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_every_project_has_its_folder_and_its_entry() -> None:
    folders = {f"{path.parent.name}/{path.name}" for path in ROOT.glob("*/*") if path.is_dir()}
    assert folders == set(PROJECTS)
    assert len(PROJECTS) == len(SHEET["projects"]) == 14
    assert not set(PROJECTS) & set(CANDIDATES)
    assert all((ROOT / name / "README.md").is_file() for name in PROJECTS)


def test_small_and_portable() -> None:
    sizes = {path: path.stat().st_size for path in files()}
    assert sum(sizes.values()) < 300_000
    assert all(size < 20_000 for path, size in sizes.items() if path.parent != ROOT)
    assert not [path for path in sizes if path.is_symlink()]
    # A git-ignore file in a project would hide its files from this repository too.
    assert not [path for path in sizes if path.name in {".gitignore", ".gitattributes", ".gitmodules"}]
    relative = [path.relative_to(ROOT).as_posix() for path in sizes]
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", path) for path in relative)
    assert len({path.lower() for path in relative}) == len(relative)


@pytest.mark.parametrize("name", [*PROJECTS, *CANDIDATES])
def test_names_and_metadata(name: str) -> None:
    row = PROJECTS.get(name) or CANDIDATES[name]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*", name)
    assert set(row) == (PROJECT_KEYS if name in PROJECTS else CANDIDATE_KEYS)
    assert all(type(row[key]) is int and row[key] >= 0 for key in COUNTS)
    assert row["forks"] >= 1
    assert row["stars"] >= 2
    assert type(row["archived"]) is bool
    assert isinstance(row["description"], str)
    assert isinstance(row["language"], str)
    assert row["topics"]
    assert all(isinstance(topic, str) and topic == topic.lower() for topic in row["topics"])
    assert moment(row["created_at"]) < moment(row["updated_at"])


@pytest.mark.parametrize("name", PROJECTS)
def test_projects_pass_the_funnel(name: str) -> None:
    row = PROJECTS[name]
    assert exclusion(1, row["commits"], row["releases"], row["archived"]) == "image"
    assert all(type(row[key]) is int and row[key] >= 0 for key in PROJECT_COUNTS)
    # GitHub counts open pull requests as open issues.
    assert row["open_issues"] <= row["issues"] + row["pulls"]
    assert row["homepage"] is None or row["homepage"].endswith(".example")


@pytest.mark.parametrize("name", CANDIDATES)
def test_candidates_are_excluded_where_their_numbers_say(name: str) -> None:
    row = CANDIDATES[name]
    assert row["excluded_at"] == exclusion(
        row["dockerfiles"], row["commits"], row["releases"], row["archived"]
    )


def test_the_funnel_has_every_step() -> None:
    excluded = Counter(row["excluded_at"] for row in CANDIDATES.values())
    assert set(excluded) == {"no_dockerfile", "commits", "release", "archived", "image"}
    assert min(excluded.values()) >= 2
    assert len(CANDIDATES) == len(SHEET["candidates"])


def test_categories_and_purposes_are_the_papers_and_all_covered() -> None:
    categories = Counter(project["category"] for project in PROJECTS.values())
    assert set(categories) == CATEGORIES
    assert all(n >= 2 for category, n in categories.items() if category != "Documentation")
    seen = [purpose for project in PROJECTS.values() for purpose in project["purposes"]]
    assert len(PURPOSES) == 21
    assert {purpose["purpose"] for purpose in seen} == PURPOSES
    for name in PURPOSES:
        subs = {purpose.get("sub_purpose") for purpose in seen if purpose["purpose"] == name}
        assert subs == SUB_PURPOSES.get(name, {None})


@pytest.mark.parametrize("name", PROJECTS)
def test_evidence_points_at_a_line(name: str) -> None:
    assert PROJECTS[name]["purposes"]
    for purpose in PROJECTS[name]["purposes"]:
        assert set(purpose) in ({"purpose", "evidence"}, {"purpose", "sub_purpose", "evidence"})
        path, _, line = purpose["evidence"].rpartition(":")
        lines = (ROOT / name / path).read_bytes().splitlines()
        assert 1 <= int(line) <= len(lines), purpose
        assert lines[int(line) - 1].strip(), purpose


def test_images() -> None:
    references = [image["reference"] for project in PROJECTS.values() for image in project["images"]]
    assert len(set(references)) == len(references)
    for name, project in PROJECTS.items():
        for image in project["images"]:
            assert set(image) == {"reference", "role"}
            slug = re.escape(name.replace("/", "-"))
            assert re.fullmatch(rf"oci:{slug}(-[a-z0-9]+)*:[\w.-]+", image["reference"]), image
            assert isinstance(image["role"], str)
    numbers = Counter(len(project["images"]) for project in PROJECTS.values())
    assert numbers[0] == 1, "one project without an image"
    assert sum(n for images, n in numbers.items() if images > 1) >= 5, "several projects with several images"


def test_exactly_one_project_has_no_dockerfile() -> None:
    named = {
        "/".join(path.relative_to(ROOT).parts[:2]) for path in files() if "dockerfile" in path.name.lower()
    }
    assert set(PROJECTS) - named == {"cinder-models/tiny-ocr"}


@pytest.mark.parametrize("case", FEATURES, ids=[f"{case['feature']} ({case['file']})" for case in FEATURES])
def test_feature(case: dict[str, str]) -> None:
    assert set(case) <= {"feature", "file", "has", "has_not"}
    content = (ROOT / case["file"]).read_bytes()
    assert re.search(case["has"].encode("latin-1"), content, re.MULTILINE)
    if "has_not" in case:
        assert not re.search(case["has_not"].encode("latin-1"), content, re.MULTILINE)


def test_only_the_latin_1_file_is_not_utf_8() -> None:
    def is_utf_8(path: Path) -> bool:
        try:
            path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    assert [path.relative_to(ROOT).as_posix() for path in files() if not is_utf_8(path)] == [
        "saltmarsh-audio/birdline/Dockerfile"
    ]


def test_the_readme_has_a_line_a_project_and_names_files_that_exist() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = dict(re.findall(r"^\| `([^`]+/[^`]+)` \| [^|]+ \| (.+) \|$", "\n".join(lines), re.MULTILINE))
    assert set(rows) == set(PROJECTS)
    for name, shows in rows.items():
        named = re.findall(r"→ `([^`]+)`", shows)
        assert named, name
        assert [path for path in named if not (ROOT / name / path).is_file()] == [], name
        assert f"| `{name}` | {PROJECTS[name]['category']} |" in "\n".join(lines)
