"""DuckDB: connections, the writer's lock, idempotent writes, the SQL models, publishing. No Dagster."""
