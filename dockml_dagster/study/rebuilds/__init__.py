"""Which instructions of a Dockerfile each commit rebuilds, computed from git history alone.

Here: the keys of BuildKit's cache as far as git objects determine them, hits and misses commit by commit, their causes,
what another order of instructions would have saved, and what history cannot tell. Not here: git itself
(``clients.git_history``), any build. The rules are BuildKit's. Buildah's differ; figures never mix the two.
"""
