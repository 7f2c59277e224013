"""Statistics of the findings.

Here: tests, intervals and effect sizes over plain arrays. Not here: which questions are asked (``warehouse.computed``).
"""
