"""``dockml ui``.

Here: starting the Dagster UI with the right home. Not here: the home (``instance``).
"""
