"""``dockml read-dockerfile``.

Here: one Dockerfile read and shown, without a study. Not here: reading itself (``study.dockerfile``).
"""
