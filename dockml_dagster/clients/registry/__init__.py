"""OCI registries: ``client`` asks, ``tokens`` and ``credentials`` open doors,
``settings`` says where to go.
"""
