"""``dockml labels``.

Here: rounds of annotation by people. Not here: machine labels (``study.labels``).
"""
