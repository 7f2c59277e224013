"""The corpora ``dataset:NAME``: sets of Dockerfiles, each described by a small TOML file.

Here: describing a set, reading it once into shards, and the corpus. Not here: collections of projects (``corpora.local``).
"""
