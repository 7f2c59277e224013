"""DuckDB: the one place that holds what was collected and computed.

Here: connections, the writer's lock, idempotent writes, the SQL models, what is due, publishing. Not here: Dagster
(``defs``), where rows come from (``corpora``).
"""
