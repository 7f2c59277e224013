"""The method of the study as pure functions on frozen types: no I/O, no Dagster, no import from the rest of the package."""
