"""What is due.

Here: questions that compare what is wanted with what is stored. Not here: doing it (``defs``).
"""
