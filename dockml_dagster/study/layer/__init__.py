"""Layers and the image they make: what a container would see, read without unpacking anything.

A layer goes through ``inflate → tar_walk → scan``, which lists it once into a spool of rows (``spool``) and a
summary (``tally``). The spools of an image's layers go through ``union → image``. A table of contents (``toc``:
eStargz, zstd:chunked) gives the same rows from a few kilobytes.

Here: pure functions on bytes and open streams. Not here: where the bytes come from (``images.sources``), processes
(``images.scanning``), tables (``warehouse``). The modules that inflate or hash import their compiled libraries on
first use, so that importing this package is cheap.
"""
