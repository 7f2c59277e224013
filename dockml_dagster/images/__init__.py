"""Images from anywhere, and their layers.

Here: ``sources``, where an image is; ``scanning``, reading layers in processes. Not here: what bytes mean (``study.layer``).
"""
