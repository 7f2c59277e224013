"""``dockml status``.

Here: the state of each corpus. Not here: bringing it up to date (``commands.study``).
"""
