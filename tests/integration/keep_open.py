"""Keeps one connection to a published file open, asking it until standard input ends; prints what it saw.

Arguments: the file. A program of its own, because within a process DuckDB shares what is open already.
"""

import sys
import threading
from pathlib import Path

from dockml_dagster.warehouse.opening import connect

connection = connect(Path(sys.argv[1]), read_only=True)
asked_to_end = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), asked_to_end.set()), daemon=True).start()
print("open", flush=True)
seen: set[tuple[int, int]] = set()
while True:
    seen.update(
        connection.execute("SELECT min(publication), max(publication) FROM findings.numbers").fetchall()
    )
    if asked_to_end.wait(0.01):
        break
print(sorted(seen), flush=True)
