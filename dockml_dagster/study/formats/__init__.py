"""Readers of untrusted YAML, JSON and TOML: the only modules that call a parser of these formats.

Here: bounds on bytes, nodes, depth and expansion, applied before anything is built; one error for what is refused. Not
here: what a document means. ``tests/conventions/test_parsers.py`` finds calls of a parser elsewhere.
"""
