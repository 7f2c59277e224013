"""``dockml study``.

Here: bringing a corpus up to date by runs of Dagster. Not here: what a run does (``defs``).
"""
