"""The assets.

Here: each selects what is due, calls, writes and reports. Not here: what they compute (``study``, ``warehouse``).
"""
