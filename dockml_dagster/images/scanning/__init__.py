"""Layers read in worker processes.

Here: the pool, the worker, stored scans. Not here: what a layer's bytes mean (``study.layer``).
"""
