"""The commands of ``dockml``, one module each (``show`` and ``sql`` together): options in, one call, printing, exit code.

Here: what a command takes and how it speaks. Not here: any work. Imports of what does the work are late on
purpose: ``--help``, ``show``, ``sql`` and the commands that need no study must not wait for Dagster.
"""
