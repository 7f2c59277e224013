"""Findings that SQL cannot compute.

Here: each computation and the list of them. Not here: the statistics (``study.statistics``), Dagster.
"""
