"""``dockml doctor``.

Here: the checks and their output. Not here: repairs, except what ``--compact`` asks for.
"""
