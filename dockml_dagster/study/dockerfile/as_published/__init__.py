"""The reading ``as_published``: Dockerfiles as the study's own scripts read them.

Here: the scripts' parser and counting, and how the result differs from BuildKit's. Not here: BuildKit's (``reading``).
"""
