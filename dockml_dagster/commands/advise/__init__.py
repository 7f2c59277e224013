"""``dockml advise``.

Here: the targets of advice (a project, an image, a directory) and the output formats.
Not here: the rules (``study.advice``).
"""
