"""Dockerfiles, from bytes to facts.

The way through: ``names`` (is it a Dockerfile at all?) → ``reading`` (what BuildKit reads) → ``stages`` (what
reaches the shipped image), ``base_images``, ``shell`` → ``run_tasks`` and ``packages`` → ``practices``;
``published`` is the study's own reading of the same bytes, ``difference`` compares the two, ``document`` is
the JSON form. ``model`` holds the types that all of them share.

Not here: anything that reads files, asks a network or writes tables. Callers pass bytes and the text of the
seed CSVs. Nothing is re-exported from this package, so that an import costs only what is used.

The judge of every question of syntax is BuildKit's own parser (moby/buildkit, ``frontend/dockerfile``),
not the prose of the reference manual.
"""
