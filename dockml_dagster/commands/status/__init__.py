"""``dockml status``.

Here: how far each corpus is. Not here: bringing it further (``commands.study``).
"""
