"""Layers and the image they make: what a container would see, read without unpacking anything.

A layer goes ``stream → inflate → tar_walk → scan_layer``, which lists it once into a spool of rows and a
summary; the rows of an image's layers go ``spools → union → image summary``. Tables of contents (eStargz,
zstd:chunked) give the same rows from a few kilobytes.

Here: pure functions on bytes and open streams. Not here: where the bytes come from (``clients``), processes
(``images/scanning/pool``), tables (``warehouse``). The modules that inflate or hash import their compiled
libraries when they are first used, so that importing this package costs nothing.
"""
