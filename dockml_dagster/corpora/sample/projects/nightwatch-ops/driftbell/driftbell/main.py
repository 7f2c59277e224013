"""One pass: read the window, compare, publish the metrics, ring once per incident."""

import logging
import os

import duckdb
from prometheus_client import Gauge, push_to_gateway, REGISTRY

from driftbell.distance import stability_index

logging.basicConfig(level=os.environ.get("DRIFTBELL_LOG_LEVEL", "INFO"))
log = logging.getLogger("driftbell")
drift = Gauge("driftbell_psi", "Population stability index", ["model", "feature"])


def main() -> None:
    warehouse = duckdb.connect(os.environ["DRIFTBELL_WAREHOUSE"], read_only=True)
    for model, feature, trained, seen in warehouse.execute(
        "select model, feature, list(trained), list(seen) from windows group by all"
    ).fetchall():
        value = stability_index(trained, seen)
        drift.labels(model, feature).set(value)
        if value > 0.25:
            log.warning("drift of %s in %s: %.2f", feature, model, value)
    push_to_gateway(os.environ.get("DRIFTBELL_GATEWAY", "gateway:9091"), job="driftbell", registry=REGISTRY)
