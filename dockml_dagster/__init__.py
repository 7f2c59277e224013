"""dockml: the study of how machine-learning projects use Docker (EASE 2022), rerun as a graph of data assets.

The map, and the direction in which rooms may import each other (``tests/conventions/test_imports.py`` holds it)::

    cli → commands → definitions → defs → corpora → images, instance, report → clients, warehouse → catalog → settings
        → study, errors, progress, text

``study``      the method: pure functions on frozen types. Imports nothing else of ours, and no Dagster.
``settings``   what the environment says. ``catalog``: names that the machines sharing a lake lock.
``clients``    the network and other programs; one error tree that says whether a retry can help.
``warehouse``  DuckDB: opening, the writer's lock, idempotent writes, the SQL models, what is due, publishing.
``images``     images from anywhere, and their layers in worker processes.
``report``     figures and the HTML report.
``instance``   how Dagster runs: its home, its storage, runs on many workers.
``corpora``    where projects come from, a folder a corpus behind one small protocol.
``defs``       the graph: assets, automation, how runs are started, retried and pruned.
``commands``   a folder or module for each command of ``dockml``; ``cli`` holds what is common to them.

Here: the map. Not here: any code, so that importing one room costs only what that room needs.
"""
