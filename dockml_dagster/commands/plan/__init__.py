"""``dockml plan``.

Here: what a run would cost. Not here: the run.
"""
