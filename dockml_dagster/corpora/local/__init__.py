"""The corpus ``local``: directories and git repositories of the user.

Here: which there are and what they hold. Not here: running git (``clients.git``).
"""
