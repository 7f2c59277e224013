"""The assets.

Here: one module per asset; each selects what is due, calls, writes and reports. Not here: the computing (``study``,
``warehouse``).
"""
