"""Packages inside an image: what their databases say, and which files are whose.

Here: readers of package databases on bytes (``debian``, ``alpine``, ``rpm``, ``python``, ``languages``), which file is one
(``databases``), ownership and sums over an image (``ownership``, ``inventory``), package names of one thing
(``families``), bills of materials (``sbom``). Not here: catching databases while a layer streams (``images.scanning``).
"""
