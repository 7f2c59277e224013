"""Images from anywhere, and their layers.

Here: ``sources`` opens images; ``scanning`` reads layers in worker processes. Not here: what bytes mean (``study.layer``).
"""
