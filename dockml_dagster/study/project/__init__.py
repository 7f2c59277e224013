"""Facts about a project from its files.

Here: roles of files, dependencies, README, Compose. Not here: labels drawn from them (``labels``).
"""
