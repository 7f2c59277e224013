"""GPU code in the files of an image: how many bytes for which architecture, and which of it a given GPU can load.

Here: NVIDIA's and AMD's containers (``nvidia``, ``amd``), reading them while a file streams by (``reading``), static
libraries (``archives``), what a GPU loads (``loading``), sums for an image (``image``). Not here: picking files out of a
layer (``images.scanning.inside``).
"""
