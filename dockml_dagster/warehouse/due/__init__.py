"""What is due.

Here: queries that compare what is wanted with what is stored. Not here: doing the work (``defs``).
"""
