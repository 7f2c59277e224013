"""Splitting scripts into commands, by the rules of the shell that runs them.

Here: bash by a grammar, PowerShell and cmd by their separators. Not here: what a command does (``run``).
"""
