"""OCI registries: ``client`` makes the requests, ``tokens`` and ``credentials`` handle logins,
``settings`` says which hosts are asked.
"""
