"""Runs on many workers: Celery brings a batch of projects to a machine, which runs it as ``dockml study`` would itself.

Here: what only a fleet has: how a run is sent and looked after (``launcher``), where runs are kept (``storage``),
the worker (``worker``), sending and waiting (``sending``), and the name by which a run is known to be worked on
(``run_names``). Not here: what a run does (``defs``), what workers share (``catalog``, ``warehouse.shared_layers``,
``clients.shared_budget``).

``launcher`` imports Dagster and Celery, ``storage`` Dagster and SQLAlchemy; Dagster loads them by their names in
``dagster.yaml``, and nothing else does at start-up.
"""
