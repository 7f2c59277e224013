"""``dockml labels``.

Here: rounds of annotation by people. Not here: the labels that the machine gives (``study.labels``).
"""
