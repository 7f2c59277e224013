"""The method of the study as pure functions on frozen types: no I/O, no Dagster, nothing else of ours."""
