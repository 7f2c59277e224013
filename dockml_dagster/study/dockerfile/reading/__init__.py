"""The reading ``corrected``: Dockerfiles as BuildKit reads them.

Here: from bytes to instructions, stages and evaluated values.
Not here: what a RUN does (``run``), judgements (``practices``).
"""
