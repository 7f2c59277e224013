"""Scripts split into commands, by the shell that runs them.

Here: bash by a grammar, Windows by lines. Not here: what a command does (``run``).
"""
