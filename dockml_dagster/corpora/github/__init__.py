"""The corpus ``github``: projects found by search or named, as GitHub has them now.

Here: the sampling frame, the visit, what is stored. Not here: speaking to GitHub (``clients.github``).
"""
