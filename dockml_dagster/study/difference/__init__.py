"""Two images compared: where the difference in bytes comes from, and what several images share.

Here: arithmetic on the layers and files of images (``comparing``, ``sharing``). Not here: reading them.
"""
