"""Dockerfiles, from bytes to facts.

Here: the steps, in this order: ``names`` (is it a Dockerfile at all?) → ``reading`` (what BuildKit reads) →
``stages`` (what reaches the shipped image), ``base_images``, ``shell`` → ``run`` with ``managers`` (tasks and
packages) → ``practices`` and ``checks``. ``as_published`` has the study's own reading of the same bytes and compares
the two. ``model`` holds the types that all of them share.

Not here: anything that reads files, asks a network or writes tables. Callers pass bytes and the text of the
seed CSVs. Nothing is re-exported from this package, so that an import costs only what is used.

On every question of syntax BuildKit's own parser decides (moby/buildkit, ``frontend/dockerfile``), not the
prose of the reference manual.
"""
