"""The corpus ``local``: the user's directories and git repositories.

Here: finding them and reading their content. Not here: running git (``clients.git``).
"""
