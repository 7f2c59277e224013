"""``dockml plan``.

Here: the cost of a run, estimated. Not here: the run.
"""
