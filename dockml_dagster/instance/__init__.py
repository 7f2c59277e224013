"""Runs on many workers: Celery passes a batch of projects to a machine, which runs it as ``dockml study`` would.

Here: what only a fleet needs: starting and monitoring runs on workers (``launcher``), Dagster's storage (``postgres``),
the worker (``worker``), sending and waiting (``sending``), and the lock that shows that a run is being worked on
(``run_names``); and what every home needs (``home``, ``event_log``). Not here: what a run does (``defs``), what workers
share (``catalog``, ``warehouse.shared_layers``, ``clients.http.shared_budget``).

``launcher`` imports Dagster and Celery, ``postgres`` Dagster and SQLAlchemy. Dagster loads them by their names in
``dagster.yaml``; nothing else imports them at start-up.
"""
