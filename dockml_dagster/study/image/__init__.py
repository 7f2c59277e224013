"""An image by its documents.

Here: references, manifests, configurations, platforms, media types. Not here: its layers' bytes (``layer``).
"""
