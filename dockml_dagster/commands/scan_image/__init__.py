"""``dockml scan-image``.

Here: images read and shown without a study. Not here: scanning itself (``images.scanning``).
"""
