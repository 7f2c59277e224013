"""The corpus ``github``: projects found by search or given by name, as they are on GitHub now.

Here: the sampling frame, the visit, stored results. Not here: requests to GitHub (``clients.github``).
"""
