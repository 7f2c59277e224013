"""``dockml advise``.

Here: what is advised on (a project, an image, a directory), the formats of the answer.
Not here: the rules (``study.advice``).
"""
