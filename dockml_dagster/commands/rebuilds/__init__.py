"""``dockml rebuilds``.

Here: one repository's history, walked and shown without a study or a build. Not here: the rules
(``study.rebuilds``), git (``clients.git_history``).
"""
