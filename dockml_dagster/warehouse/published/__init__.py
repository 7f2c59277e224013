"""The published file.

Here: writing it, querying it, its data dictionary. Not here: its content (``models``).
"""
