"""``dockml read-dockerfile``.

Here: Dockerfiles read and shown without a study. Not here: reading itself (``study.dockerfile``).
"""
