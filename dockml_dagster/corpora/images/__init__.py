"""Images as all corpora collect them.

Here: choosing, reading and storing the images of a project. Not here: opening images
(``images.sources``), reading layers (``images.scanning``).
"""
