"""Code for GPUs in files of an image: how many bytes for which architecture, and what of it a given GPU can load.

Here: containers of NVIDIA (``nvidia``) and AMD (``amd``), reading them as a file passes (``reading``), what a GPU loads
(``loading``), sums of an image (``image``). Not here: catching files while a layer streams (``images.scanning.inside``).
"""
