"""GitHub, or a GitHub Enterprise server.

Here: facts about repositories, within its rate limits, no request spent twice. Not here: which repositories a study
wants (``corpora.github``).
"""
