"""A GitHub of our own on loopback: REST and GraphQL over real git repositories, with limits, ETags and misbehaviour.

Here: the server. It counts what GitHub counts (``service``). What GitHub's description says against it is collected
in ``violations``. Not here: the description itself (``contract``).
"""

import base64
import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from dockml_dagster.clients.github.store import git_blob_hash
from tests.integration.github import service

LARGE = 50_000_000
"""What a file is said to be long that a partial clone does not have."""


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    status: int = 0
    resource: str = "core"
    who: str | None = None
    """The token that it was asked with."""

    @property
    def counted(self) -> bool:
        """Whether GitHub counts it: not a 304 to a token, not the question about the limits."""
        return (self.status != 304 or self.who is None) and self.path != "/rate_limit"


@dataclass
class Repository:
    """A repository. ``fields``: what REST says beyond the smallest answer. ``state``: ok, gone, private (to us the same),
    withheld, allow list (its organisation refuses tokens from here, and lets everybody read).
    """

    id: int
    name: str
    git: Path | None
    fields: dict = field(default_factory=dict)
    commits: int = 0
    releases: int = 0
    contributors: int | None = 3
    """None: too many to list, as GitHub says of the largest repositories."""
    state: str = "ok"
    old_names: list[str] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    """What was committed here, by git's name: a query asks for hundreds, and git is a process for each."""


class Reply(Exception):
    """An answer, also one that ends the handling of a question early."""

    def __init__(self, status: int, body: object = None, headers: dict | None = None) -> None:
        self.status, self.body, self.headers = status, body, headers or {}


def error(status: int, message: str, **headers: str) -> Reply:
    document = {
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }
    return Reply(status, document, {name.replace("_", "-"): value for name, value in headers.items()})


class FakeGithub:
    """``url``: where it is. ``asked``: every question. ``before``: sees each first, and may raise a ``Reply``.

    ``token``: the one that is good. ``answers_at_once``: repositories or contents that one query of GraphQL gets answered,
    the rest being nulls with errors. ``out_until``: until then (unix time) it answers 502. ``more_headers``: of each.
    """

    def __init__(self, folder: Path, contract, schema, *, token: str) -> None:
        self.folder, self.contract, self.schema, self.token = folder, contract, schema, token
        folder.mkdir(parents=True)
        self.repositories: list[Repository] = []
        self.asked: list[Asked] = []
        self.violations: list[str] = []
        self.clock = service.Clock(folder.parent / "clock")
        self.sleeps = self.clock.sleeps
        self.budgets = service.Budgets(self.clock)
        self.answers_at_once: int | None = None
        self.out_until = 0.0
        self.more_headers: dict[str, str] = {}
        self.truncate_at = 100_000
        self.blob_seconds = 0.0
        self.graphql_capacity = 10_000
        self.before: Callable[[Asked], None] = lambda asked: None
        self.search: Callable[[dict[str, str]], dict] = lambda query: {
            "total_count": 0, "incomplete_results": False, "items": [],
        }  # fmt: skip
        self._templates: dict[str, dict] = {}
        self._refusals = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What is on it

    def add(self, name: str, files: dict[str, object] | None, **more: object) -> Repository:
        """A repository with one commit of ``files``: path → bytes, ``("symlink", target)`` or ``("submodule", sha)``.

        ``files`` None: no commit at all. ``commits``, ``releases`` are what it claims to have; the rest are fields.
        """
        git = self.folder / f"{1000 + len(self.repositories)}.git"
        subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(git)], check=True)
        commits = more.pop("commits", 150)
        repository = self.add_clone(name, git, commits=commits if files is not None else 0, **more)
        if files is not None:
            self.commit(repository, files)
        return repository

    def add_clone(self, name: str, git: Path, **more: object) -> Repository:
        """A repository that lies in ``git`` already, as anybody's clone does; it is read and never written."""
        commits, releases = more.pop("commits", 150), more.pop("releases", 2)
        fields = {"size": 100, "stargazers_count": 10, "forks_count": 12, **more}
        repository = Repository(1000 + len(self.repositories), name, git, fields, commits, releases)
        self.repositories.append(repository)
        return repository

    def commit(self, repository: Repository, files: dict[str, object]) -> None:
        """One more commit that leaves exactly ``files``, by git's own fast-import."""
        stream = [b"commit refs/heads/main\ncommitter T <t@example.com> 1767225600 +0000\ndata 1\nx"]
        stream.append(b"\ndeleteall\n")
        for path, content in files.items():
            name = _quoted(path)
            if isinstance(content, tuple) and content[0] == "submodule":
                stream.append(b"M 160000 %s %s\n" % (content[1].encode(), name))
                continue
            mode, data = (
                (b"120000", content[1].encode()) if isinstance(content, tuple) else (b"100644", content)
            )
            repository.contents[git_blob_hash(data)] = data
            stream.append(b"M %s inline %s\ndata %d\n" % (mode, name, len(data)))
            stream += [data, b"\n"]
        command = ["git", "-C", str(repository.git), "fast-import", "--quiet", "--force"]
        subprocess.run(command, input=b"".join(stream), check=True, capture_output=True)

    def counted(self, *, path: str = "") -> int:
        return sum(asked.counted for asked in self.asked if path in asked.path)

    def forget(self) -> None:
        """Start counting anew."""
        self.asked.clear()

    # The server

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                with server._lock:
                    reply = server._reply(asked)
                    asked.status = reply.status
                    server.asked.append(asked)
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                if reply.status == 304:
                    body = b""
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815 - http.server's names

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _reply(self, asked: Asked) -> Reply:
        asked.resource = {"/graphql": "graphql", "/search/repositories": "search"}.get(asked.path, "core")
        asked.who = asked.headers.get("authorization")
        try:
            self._check_question(asked)
            if self.clock.now() < self.out_until:
                raise error(502, "Server Error")
            self.before(asked)
            self._authorise(asked)
            self._spend(asked)
            body = self._graphql(asked) if asked.path == "/graphql" else self._rest(asked)
            reply = body if isinstance(body, Reply) else Reply(200, body)
        except Reply as early:
            reply = early
        except Exception as wrong:  # a mistake of the stand-in must be seen
            self.violations.append(f"{asked.method} {asked.path}: {wrong!r}")
            reply = Reply(500, {"message": repr(wrong)})
        self._check_answer(asked, reply)
        if reply.status == 200 and asked.method == "GET" and asked.path != "/rate_limit":
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            # An ETag is of one answer to one token; what is not modified is free for who sent one.
            etag = f'W/"{hashlib.sha256(body + (asked.who or "").encode()).hexdigest()}"'
            reply.headers["ETag"] = etag
            if asked.headers.get("if-none-match") == etag:
                reply = Reply(304, b"", {"ETag": etag})
                self.budgets.spend(asked.who, asked.resource, -(asked.who is not None))
        reply.headers = {
            **self.budgets.headers(asked.who, asked.resource),
            **self.more_headers,
            "Content-Type": "application/json; charset=utf-8",
            **reply.headers,
        }
        return reply

    def _authorise(self, asked: Asked) -> None:
        if asked.who is not None and asked.who != f"Bearer {self.token}":
            raise error(401, "Bad credentials")
        if asked.who is None and asked.path == "/graphql":
            raise error(401, "This endpoint requires you to be authenticated.")
        if not asked.headers.get("user-agent", "").startswith("dockml/"):
            raise error(
                403, "Request forbidden by administrative rules. Please make sure you have a User-Agent"
            )

    def _spend(self, asked: Asked) -> None:
        if asked.path == "/rate_limit":
            return
        count = service.points(asked.body) if asked.path == "/graphql" else 1
        if not self.budgets.spend(asked.who, asked.resource, count):
            raise self._limited(asked)

    def _limited(self, asked: Asked) -> Reply:
        """GraphQL says it with status 200, REST with 403; both by turns in another of their forms."""
        said = "API rate limit exceeded for user ID 1."
        self._refusals += 1
        if asked.path == "/graphql" and self._refusals % 2:
            return Reply(200, {"errors": [{"type": "RATE_LIMITED", "message": said}]})
        return error(403 if self._refusals % 2 else 429, said)

    def _check_question(self, asked: Asked) -> None:
        if self.contract is None or asked.path == "/graphql" or asked.path.startswith("/repositories/"):
            # The numbered paths are where renamed repositories' 301 lead; GitHub documents them in words only.
            return
        try:
            self.contract.check_question(asked.method, unquote(asked.path), asked.query)
        except AssertionError as wrong:
            self.violations.append(f"our question: {wrong}")

    def _check_answer(self, asked: Asked, reply: Reply) -> None:
        if self.contract is None or asked.path == "/graphql" or isinstance(reply.body, bytes):
            return
        path = re.sub(r"^/repositories/\d+", "/repos/owner/name", asked.path)
        body = reply.body
        if asked.path == "/search/repositories" and reply.status == 200 and len(body["items"]) > 4:
            # Items of one page are made alike; the ends stand for all of them.
            body = {**body, "items": [*body["items"][:2], *body["items"][-2:]]}
        if "/git/trees/" in path and reply.status == 200 and len(body["tree"]) > 200:
            body = {**body, "tree": [*body["tree"][:100], *body["tree"][-100:]]}
        try:
            self.contract.check_answer(asked.method, unquote(path), reply.status, body)
        except AssertionError as wrong:
            self.violations.append(f"the stand-in's answer: {wrong}")

    # REST

    def _rest(self, asked: Asked) -> object:
        if asked.path == "/rate_limit":
            if self.budgets.limits is None:
                raise error(404, "Rate limiting is not enabled.")
            stated = {name: self.budgets.stated(asked.who, name) for name in self.budgets.limits}
            return {"resources": stated, "rate": stated["core"]}
        if asked.path == "/search/repositories":
            return self._search(asked)
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/.*)?", unquote(asked.path))
        by_id = re.fullmatch(r"/repositories/(\d+)(/.*)?", asked.path)
        if found:
            repository = self._named(found[1], asked, found[2] or "")
        elif by_id:
            repository = next((r for r in self.repositories if r.id == int(by_id[1])), None)
        else:
            raise error(404, "Not Found")
        if repository is None or repository.state in {"gone", "private"}:
            raise error(404, "Not Found")
        if repository.state == "allow list" and asked.who is not None:
            raise error(403, service.ALLOW_LIST.format(owner=repository.name.split("/")[0]))
        if repository.state == "withheld":
            raise Reply(451, {"message": "Repository access blocked", "block": {"reason": "dmca"}})
        return self._of_repository(repository, (found or by_id)[2] or "", asked)

    def _named(self, name: str, asked: Asked, rest: str) -> Repository | None:
        for repository in self.repositories:
            if repository.name.lower() == name.lower():
                return repository
            if name.lower() in repository.old_names:
                query = f"?{urlencode(asked.query)}" if asked.query else ""
                target = f"{self.url}/repositories/{repository.id}{rest}{query}"
                moved = {
                    "message": "Moved Permanently",
                    "url": target,
                    "documentation_url": "https://docs.github.com",
                }
                raise Reply(301, moved, {"Location": target})
        return None

    def _of_repository(self, repository: Repository, rest: str, asked: Asked) -> object:
        if not rest:
            return self._metadata(repository)
        if rest == "/contributors" and repository.contributors is None:
            raise error(
                403,
                "The history or contributor list is too large to list contributors for this repository via the API.",
            )
        if rest in {"/commits", "/releases", "/contributors"}:
            return self._counted_list(repository, rest[1:], asked)
        if repository.commits == 0:
            raise error(409, "Git Repository is empty.")
        kind, _, sha = rest.removeprefix("/git/").partition("/")
        if kind == "trees":
            return self._tree(repository, sha, recursive="recursive" in asked.query)
        if kind == "blobs":
            self.clock.sleep(self.blob_seconds)
            content = self._content(repository, sha)
            if content is None:
                raise error(404, "Not Found")
            if "raw" in asked.headers.get("accept", ""):
                return Reply(200, content, {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
            text = base64.b64encode(content).decode()
            base = {"sha": sha, "url": f"{self.url}/x", "node_id": "x"}
            return {**base, "size": len(content), "content": text, "encoding": "base64"}
        raise error(404, "Not Found")

    def _metadata(self, repository: Repository, schema: str = "full-repository") -> dict:
        owner, name = repository.name.split("/")
        body = json.loads(json.dumps(self._template(schema)))
        body["owner"] = {**self._template("simple-user"), "login": owner}
        body |= {"id": repository.id, "full_name": repository.name, "name": name, "default_branch": "main"}
        return {**body, **repository.fields}

    def _template(self, schema: str) -> dict:
        if schema not in self._templates:
            self._templates[schema] = self.contract.example(schema) if self.contract else {}
        return self._templates[schema]

    def _counted_list(self, repository: Repository, what: str, asked: Asked) -> object:
        count = getattr(repository, what)
        if what == "commits" and count == 0:
            raise error(409, "Git Repository is empty.")
        item = json.loads(json.dumps(self._template(what[:-1])))
        headers = {}
        if count > 1:
            address = f"{self.url}/repositories/{repository.id}/{what}?per_page=1"
            headers["Link"] = f'<{address}&page=2>; rel="next", <{address}&page={count}>; rel="last"'
        return Reply(200, [item] if count else [], headers)

    def _tree(self, repository: Repository, sha: str, *, recursive: bool) -> dict:
        flags = ["-r", "-t"] if recursive else []
        shown = subprocess.run(
            ["git", "-C", str(repository.git), "ls-tree", "-l", "-z", *flags, sha],
            capture_output=True,
            check=False,
        )
        if shown.returncode != 0:
            raise error(404, "Not Found")
        entries = []
        for line in shown.stdout.decode("utf-8", "replace").split("\0")[:-1]:
            facts, _, path = line.partition("\t")
            mode, kind, name, size = facts.split()
            entry = {"path": path, "mode": mode, "type": kind, "sha": name}
            # A partial clone lacks its largest files; their sizes are not known to it.
            bytes_long = LARGE if size == "BAD" else size
            entries.append({**entry, "size": int(bytes_long)} if kind == "blob" else entry)
        wanted = ["git", "-C", str(repository.git), "rev-parse", f"{sha}^{{tree}}"]
        own = subprocess.run(wanted, capture_output=True, check=True, text=True).stdout.strip()
        return {
            "sha": own,
            "url": f"{self.url}/repos/{repository.name}/git/trees/{own}",
            "tree": entries[: self.truncate_at],
            "truncated": len(entries) > self.truncate_at,
        }

    def _content(self, repository: Repository, sha: str) -> bytes | None:
        if sha in repository.contents:
            return repository.contents[sha]
        command = ["git", "-C", str(repository.git), "cat-file", "blob", sha]
        shown = subprocess.run(command, capture_output=True, check=False)
        return shown.stdout if shown.returncode == 0 else None

    def _search(self, asked: Asked) -> object:
        page, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 30))
        if page * size > 1000:
            raise error(422, "Only the first 1000 search results are available")
        found = self.search(asked.query)
        items = found["items"][(page - 1) * size : page * size]
        return {**found, "items": [self.search_item(item) for item in items]}

    def search_item(self, item: object) -> dict:
        """A search's item: a repository of this server, or the fields of one that is only ever searched for."""
        if isinstance(item, Repository):
            return {**self._metadata(item, "repo-search-result-item"), "score": 1.0}
        return {**self._template("repo-search-result-item"), **item}

    # GraphQL

    def _graphql(self, asked: Asked) -> object:
        from graphql import GraphQLError, graphql_sync

        question = json.loads(asked.body)
        if len(question["variables"]) > self.graphql_capacity:
            raise Reply(502, {"message": "Something went wrong"})

        def repository(_info: object, owner: str, name: str, **_: object) -> object:
            wanted = f"{owner}/{name}".lower()
            for one in self.repositories:
                if wanted in {one.name.lower(), *one.old_names} and one.state in {"ok", "allow list"}:
                    if one.state == "allow list":
                        raise GraphQLError(service.ALLOW_LIST.format(owner=owner))
                    return self._graphql_repository(one)
            raise GraphQLError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")

        result = graphql_sync(
            self.schema, question["query"], {"repository": repository}, variable_values=question["variables"]
        )
        document: dict = {"data": result.data}
        if result.errors:
            for wrong in result.errors:
                if wrong.path is None or not re.search("Could not resolve|allow list", wrong.message):
                    self.violations.append(f"GraphQL: {wrong.message[:300]}")
            document["errors"] = [
                {
                    "type": "FORBIDDEN" if "allow list" in wrong.message else "NOT_FOUND",
                    "path": wrong.path,
                    "message": wrong.message,
                }
                for wrong in result.errors
            ]
        if self.answers_at_once is not None:
            service.blank(document, self.answers_at_once)
        return document

    def _graphql_repository(self, repository: Repository) -> dict:
        rest = repository.fields

        def count(number: int) -> Callable[..., dict]:
            return lambda _info, **_arguments: {"totalCount": number}

        def content(_info: object, oid: str) -> dict | None:
            found = self._content(repository, oid)
            if found is None:
                return None
            binary = b"\0" in found
            text = None if binary else found.decode("utf-8", "replace")
            return {"__typename": "Blob", "isBinary": binary, "isTruncated": False, "text": text}

        head = {"name": "main", "target": {"__typename": "Commit", "history": count(repository.commits)}}
        topics = {"nodes": [{"topic": {"name": topic}} for topic in rest.get("topics", ())]}
        return {
            "databaseId": repository.id,
            "nameWithOwner": repository.name,
            "description": rest.get("description"),
            "homepageUrl": rest.get("homepage"),
            "diskUsage": rest.get("size"),
            "stargazerCount": rest["stargazers_count"],
            "forkCount": rest["forks_count"],
            "isArchived": rest.get("archived", False),
            "isFork": rest.get("fork", False),
            "isPrivate": False,
            "isEmpty": not repository.commits,
            "createdAt": rest.get("created_at", "2020-01-01T00:00:00Z"),
            "updatedAt": rest.get("updated_at", "2026-01-01T00:00:00Z"),
            "pushedAt": rest.get("pushed_at", "2026-01-01T00:00:00Z"),
            "primaryLanguage": {"name": rest["language"]} if rest.get("language") else None,
            "repositoryTopics": lambda _info, **_arguments: topics,
            "issues": count(3),
            "pullRequests": count(4),
            "releases": count(repository.releases),
            "defaultBranchRef": head if repository.commits else None,
            "object": content,
        }


def _quoted(path: str) -> bytes:
    """A path as fast-import takes it: bytes that are not UTF-8 come as lone surrogates."""
    raw = path.encode("utf-8", "surrogateescape")
    return (
        b'"' + b"".join(b"\\%03o" % c if c < 33 or c > 126 or c in b'"\\' else bytes([c]) for c in raw) + b'"'
    )


def pushing_workflow(image: str) -> bytes:
    """A workflow that builds and pushes an image."""
    return f"""
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: docker/build-push-action@v6
        with: {{push: true, tags: "{image}"}}
""".encode()
