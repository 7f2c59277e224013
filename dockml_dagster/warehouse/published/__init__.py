"""The published file.

Here: putting it in place, asking it. Not here: what it holds (``models``).
"""
