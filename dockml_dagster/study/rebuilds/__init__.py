"""Which instructions of a Dockerfile each commit builds again, told from history alone.

Here: the keys of BuildKit's cache as far as git objects tell them, hits and misses commit by commit, their causes, what an
order of instructions could have saved, and what history cannot tell. Not here: git itself (``clients.git_history``), any
build. The rules are BuildKit's; buildah's differ, and the two never meet in one figure.
"""
