"""``dockml scan-image``.

Here: one image read and shown, without a study. Not here: scanning itself (``images.scanning``).
"""
