"""Failed runs: reporting them, and retries.

Here: retries, failures, what a run saw, running runs. Not here: what starts runs (``automation``).
"""
