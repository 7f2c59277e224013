"""Packages inside an image: what their databases list, and which package owns which file.

Here: readers of package databases (``debian``, ``alpine``, ``rpm``, ``python``, ``languages``, ``golang``), which files are
databases (``databases``), ownership and sums over an image (``ownership``, ``inventory``), families of packages
(``families``), bills of materials (``sbom``). Not here: picking databases out of a layer (``images.scanning``).
"""
