"""Images as all corpora collect them.

Here: choosing, reading and storing the images of a project. Not here: where images
are (``images.sources``), how layers are read (``images.scanning``).
"""
