"""Images, as their documents describe them.

Here: references, manifests, configurations, platforms, media types. Not here: its layers' bytes (``layer``).
"""
