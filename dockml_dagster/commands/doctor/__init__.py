"""``dockml doctor``.

Here: what is looked at and how it is said. Not here: mending anything but what ``--repair`` names.
"""
