"""``dockml diff-image``.

Here: which images are compared, and the output. Not here: reading (``scan_image.scan``), comparing
(``study.difference``).
"""
