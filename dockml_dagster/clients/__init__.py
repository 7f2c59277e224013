"""Adapters to the outside: GitHub, Docker Hub, OCI registries, git and other programs.

Here: fetching, and typed errors. Not here: what the answers mean (``corpora``, ``study``), images that are files
(``images``).
"""
