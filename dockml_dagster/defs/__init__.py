"""The graph: everything that imports Dagster to define assets, jobs, sensors and runs. Nothing here acts at import time.

Here: thin shells that select, call, write and report. Not here: the work itself (``corpora``, ``warehouse``, ``study``),
Dagster's home and storage (``instance``).
"""
