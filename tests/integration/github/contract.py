"""GitHub's own description of its interfaces, and checks of questions and answers against it.

Here: fetching ``@octokit/openapi`` and ``@octokit/graphql-schema`` with npm into ``build/`` (never into the repository),
JSON Schema checks of REST, the GraphQL schema. Not here: any server.
"""

import json
import re
import shutil
import subprocess
import tarfile
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[3]
FETCHED = ROOT / "build" / "octokit"
OPENAPI = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
GRAPHQL = ("@octokit/graphql-schema@15.26.1", "package/schema.graphql")
FIXTURES = ("@octokit/fixtures@23.1.2", "package/scenarios/api.github.com")


class NotFetchedError(Exception):
    """npm is not here or could not fetch the package; the text is one line."""


def fetched(package: str, member: str) -> Path:
    """A file or folder of an npm package, fetched once. Raises NotFetchedError."""
    target = FETCHED / re.sub(r"[^\w.-]+", "-", package)
    wanted = target / member
    if wanted.exists():
        return wanted
    if shutil.which("npm") is None:
        raise NotFetchedError(f"{package}: no npm here to fetch it with")
    target.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["npm", "pack", package, "--silent", "--pack-destination", str(target)],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    except subprocess.TimeoutExpired:
        raise NotFetchedError(f"{package}: npm pack took too long") from None
    archives = sorted(target.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        raise NotFetchedError(f"{package}: npm pack could not fetch it")
    with tarfile.open(archives[0]) as archive:
        chosen = [m for m in archive.getmembers() if m.name == member or m.name.startswith(member + "/")]
        archive.extractall(target, chosen, filter="data")
    for path in archives:
        path.unlink()
    return wanted


def _as_json_schema(node: object) -> object:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema says ``null``; everything else we use is the same."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_json_schema(value) for key, value in node.items() if key not in {"nullable", "example"}}
    if node.get("nullable") is not True:
        return plain
    return {"anyOf": [{"type": "null"}, plain]}


class RestContract:
    """GitHub's OpenAPI description. Every check raises AssertionError with what is wrong and where."""

    def __init__(self, path: Path) -> None:
        self._api = json.loads(path.read_text(encoding="utf-8"))
        self._validators: dict[str, object] = {}

    @cached_property
    def _schemas(self) -> dict:
        # Converted when first used: the whole description is 13 MB.
        return {"components": {"schemas": _as_json_schema(self._api["components"]["schemas"])}}

    @cached_property
    def _templates(self) -> list[tuple[re.Pattern, str]]:
        found = []
        # The most literal template first, as servers route.
        for template in sorted(self._api["paths"], key=lambda t: (t.count("{"), t)):
            parts = re.split(r"\{[^}]+\}", template)
            found.append((re.compile("([^/]+)".join(map(re.escape, parts)) + r"\Z"), template))
        return found

    def operation(self, method: str, path: str) -> tuple[str, dict]:
        for pattern, template in self._templates:
            if pattern.match(path) and method.lower() in self._api["paths"][template]:
                return template, self._api["paths"][template][method.lower()]
        raise AssertionError(f"{method} {path} is no operation of GitHub's interface")

    def check_question(self, method: str, path: str, query: dict[str, str]) -> None:
        template, operation = self.operation(method, path)
        known = {}
        for parameter in operation.get("parameters", ()):
            resolved = self._resolve(parameter)
            known[resolved["in"], resolved["name"]] = resolved
        for (place, name), parameter in known.items():
            if place == "query" and parameter.get("required"):
                assert name in query, f"{template} needs {name}"
        for name, text in query.items():
            assert ("query", name) in known, f"{template} knows no parameter {name}"
            schema = known["query", name]["schema"]
            value = int(text) if schema.get("type") == "integer" else unquote(text)
            if "enum" in schema:
                assert value in schema["enum"], f"{template}: {name}={value}"
            if name == "per_page":
                assert 1 <= value <= 100, f"{template}: per_page={value}"

    def check_answer(self, method: str, path: str, status: int, body: object) -> None:
        template, operation = self.operation(method, path)
        response = operation["responses"].get(str(status))
        # 301, 304, 401, 403, 422, 429, 451 and 5xx can come from every operation, whether its description names them or not.
        if response is None:
            assert status in {301, 304, 401, 403, 404, 409, 422, 429, 451, 500, 502, 503, 504}, (
                f"{template}: {status}"
            )
            return
        content = self._resolve(response).get("content", {}).get("application/json")
        if content is None:
            return
        key = f"{method} {template} {status}"
        if key not in self._validators:
            from jsonschema import Draft202012Validator

            schema = {**_as_json_schema(content["schema"]), **self._schemas}
            self._validators[key] = Draft202012Validator(schema)
        errors = [
            f"{template} {status}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in self._validators[key].iter_errors(body)
        ]
        if errors:
            raise AssertionError("; ".join(errors[:5]))

    def example(self, schema: str) -> object:
        """A smallest value of a schema: its required fields, each as plain as it may be."""
        return self._smallest(self._api["components"]["schemas"][schema])

    def _resolve(self, node: dict) -> dict:
        while "$ref" in node:
            found = self._api
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _smallest(self, schema: dict) -> object:
        schema = self._resolve(schema)
        if schema.get("nullable"):
            return None
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._smallest(schema[several][0])
        if "allOf" in schema:
            merged: dict = {}
            for part in schema["allOf"]:
                merged |= self._smallest(part)
            return merged
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            inner = schema.get("properties", {})
            return {name: self._smallest(inner[name]) for name in schema.get("required", ()) if name in inner}
        formats = {
            "uri": "https://example.com/",
            "date-time": "2026-01-01T00:00:00Z",
            "email": "a@example.com",
        }
        plain = {"string": formats.get(schema.get("format"), "x"), "integer": 1, "number": 1.0}
        return {"boolean": False, "array": [], **plain}.get(kind, {})


SUBSET = """
scalar DateTime
scalar URI
scalar GitObjectID
enum IssueState { OPEN CLOSED }
enum PullRequestState { OPEN CLOSED MERGED }
type Query { repository(owner: String!, name: String!): Repository }
interface GitObject { id: ID! }
type Language { name: String! }
type Topic { name: String! }
type RepositoryTopic { topic: Topic! }
type Topics { nodes: [RepositoryTopic] }
type Count { totalCount: Int! }
type Ref { name: String! target: GitObject }
type Commit implements GitObject { id: ID! history: Count! }
type Blob implements GitObject { id: ID! isBinary: Boolean isTruncated: Boolean! text: String }
type Repository {
  databaseId: Int nameWithOwner: String! description: String homepageUrl: URI diskUsage: Int stargazerCount: Int!
  forkCount: Int! isArchived: Boolean! isFork: Boolean! isPrivate: Boolean! createdAt: DateTime! updatedAt: DateTime!
  pushedAt: DateTime primaryLanguage: Language repositoryTopics(first: Int): Topics!
  issues(states: [IssueState!]): Count! pullRequests(states: [PullRequestState!]): Count! releases: Count!
  defaultBranchRef: Ref object(oid: GitObjectID): GitObject
}
"""
"""The fields we ask for, for machines where GitHub's whole schema cannot be fetched."""


def graphql_schema() -> tuple[object, bool]:
    """GitHub's schema, or the subset above, and whether it is GitHub's."""
    from graphql import build_schema

    try:
        text = fetched(*GRAPHQL).read_text(encoding="utf-8")
    except NotFetchedError:
        return build_schema(SUBSET), False
    # The published file is not strictly valid (a field defined twice); graphql-js's own users build it so too.
    return build_schema(text, assume_valid_sdl=True, assume_valid=True), True
