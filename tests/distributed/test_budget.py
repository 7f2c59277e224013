"""Two fleets' worth of workers against one server with a limit: the limit is kept, not met."""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

LIMIT, WINDOW = 25, 3.0
PROCESSES, THREADS, REQUESTS = 2, 8, 45


class Limited(BaseHTTPRequestHandler):
    """Counts by the clock in windows, says what is left, refuses what is beyond. ``windows``: window → requests."""

    windows: dict[int, int]
    lock: threading.Lock
    stated: bool

    def do_GET(self) -> None:
        window = int(time.time() / WINDOW)
        with self.lock:
            self.windows[window] = used = self.windows.get(window, 0) + 1
        self.send_response(200 if used <= LIMIT or not self.stated else 429)
        if self.stated:
            self.send_header("X-RateLimit-Limit", str(LIMIT))
            self.send_header("X-RateLimit-Remaining", str(max(LIMIT - used, 0)))
            # As servers do: in whole seconds, and not too early.
            self.send_header("X-RateLimit-Reset", str(int((window + 1) * WINDOW) + 1))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def limited():
    def serve(*, stated):
        handler = type("Handler", (Limited,), {"windows": {}, "lock": threading.Lock(), "stated": stated})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", handler

    servers: list[ThreadingHTTPServer] = []
    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(catalog, address, environment):
    script = Path(__file__).with_name("asker.py")
    command = [sys.executable, str(script), catalog, address, str(THREADS), str(REQUESTS)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(environment))
        for _ in range(PROCESSES)
    ]
    answers = [process.communicate(timeout=600)[0].strip() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    return [line for answer in answers for line in answer.splitlines() if line]


@pytest.fixture
def catalog(services, request):
    name = f"budget{abs(hash(request.node.nodeid)) % 10**9}"
    services.make_databases(name)
    return f"host=127.0.0.1 port={services.postgres.port} user=postgres dbname={name}"


def test_two_processes_keep_to_one_limit(catalog, limited, environment_of, tmp_path):
    address, server = limited(stated=True)
    refused = ask(catalog, address, environment_of(tmp_path))
    assert refused == []
    assert sum(server.windows.values()) == PROCESSES * REQUESTS, "each was asked once, and none refused"
    assert max(server.windows.values()) <= LIMIT


def test_each_by_itself_would_pass_it(limited, environment_of, tmp_path):
    address, server = limited(stated=True)
    ask("", address, environment_of(tmp_path))
    assert max(server.windows.values()) > LIMIT, "so the test above shows something"


def test_a_server_without_a_limit_is_not_held_up(catalog, limited, environment_of, tmp_path):
    address, server = limited(stated=False)
    assert ask(catalog, address, environment_of(tmp_path)) == []
    assert sum(server.windows.values()) == PROCESSES * REQUESTS
