"""Layers read in worker processes.

Here: the pool, the worker, what is kept of a scan. Not here: what a layer's bytes mean (``study.layer``).
"""
