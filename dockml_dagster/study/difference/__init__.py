"""Two images compared: where the difference in bytes comes from, and what several images share.

Here: arithmetic on layers and files of images that were read (``comparing``, ``sharing``). Not here: reading them.
"""
