"""Readers of the formats in which strangers write: the only places that call a parser of YAML, JSON or TOML.

Here: bytes, nodes, depth and expansion, bounded before anything is built; one error for what is refused. Not here: what a
document means. ``tests/conventions/test_parsers.py`` finds a call of a parser outside its reader.
"""
