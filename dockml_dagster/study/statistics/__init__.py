"""Statistics of the findings.

Here: tests, intervals and effect sizes over plain arrays. Not here: what is compared (``warehouse.computed``).
"""
