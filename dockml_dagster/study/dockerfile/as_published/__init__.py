"""The reading ``as_published``: Dockerfiles as the study's own scripts read them.

Here: its parser and counting, and where it differs from the other reading. Not here: what is right (``reading``).
"""
