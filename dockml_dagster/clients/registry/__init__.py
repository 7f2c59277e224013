"""OCI registries.

Here: making the requests (``client``), logins (``tokens``, ``credentials``), which hosts are asked (``settings``). Not
here: walking an image (``images.sources``), what a manifest means (``study.image``).
"""
