"""The method of the study as pure functions on frozen types.

Here: reading, judging, labelling, measuring and comparing what callers pass. Not here: I/O, Dagster, databases, and imports
from the rest of the package.
"""
