"""dockml: the study of how machine-learning projects use Docker (EASE 2022), rerun as a graph of data assets.

The map, and the direction in which modules may import each other (held by ``tests/conventions``)::

    defs, cli, commands  →  corpora, report  →  clients, warehouse, study

``study``      the method: pure functions on frozen types. Imports nothing else of ours, and no Dagster.
``clients``    adapters to GitHub, Docker Hub and OCI registries; one error tree that says whether a retry can help.
``warehouse``  DuckDB: connections, the writer's lock, idempotent writes, the SQL models, publishing.
``corpora``    where projects come from, one module a corpus behind one small interface.
``report``     figures and the HTML report.
``defs``       everything that imports Dagster, but for
``fleet``      runs on many workers: sending them, the worker, knowing that one is worked on.
``cli``        the ``dockml`` command; ``commands`` has a module for each of its commands.

``errors``, ``settings``, ``shared_catalog``, ``warehouse_location`` and ``progress`` stand beside them; everything but
``study`` may import those.
"""
