"""Facts about a project from its files.

Here: roles of files, dependencies, README, manifests, Compose. Not here: labels that rest on these facts (``labels``).
"""
