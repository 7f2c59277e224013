"""``dockml diff-image``.

Here: images read and compared, and what is printed. Not here: reading (``scan_image.scan``), comparing
(``study.difference``).
"""
