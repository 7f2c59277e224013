"""A process that asks a server as hard as it can: ``asker.py CATALOG ADDRESS THREADS REQUESTS``; prints what was refused."""

import sys
from concurrent.futures import ThreadPoolExecutor

from dockml_dagster.clients.http.client import HttpClient, HttpSettings
from dockml_dagster.clients.http.errors import FetchError
from dockml_dagster.clients.http.hosts import HostPolicy, Origin
from dockml_dagster.clients.http.retry import RetryPolicy
from dockml_dagster.clients.http.shared_budget import budget_for

catalog, address, threads, requests = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
policy = HostPolicy(configured=frozenset({Origin.of(address)}))
http = HttpClient(policy, HttpSettings(retry=RetryPolicy(longest_obeyed=60.0)), budget_for(catalog or None))


def ask(_: int) -> str:
    try:
        with http.request("GET", f"{address}/v2/a/manifests/b"):
            return ""
    except FetchError as error:
        return str(error)


with ThreadPoolExecutor(threads) as pool:
    refused = [said for said in pool.map(ask, range(requests)) if said]
print("\n".join(refused))
