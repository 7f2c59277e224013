"""The corpora ``dataset:NAME``: sets of Dockerfiles, each described by a small TOML.

Here: what a set is, reading it once into shards, and the corpus. Not here: collections of projects (``corpora.local``).
"""
