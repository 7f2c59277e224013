"""Advice: what to change about a Dockerfile, an image or a project, why, on which evidence, and what it saves.

``model`` has the types and the rules (the seed ``recommendations.csv``); ``dockerfile``, ``image`` and ``project`` say
which rules apply to each of them; ``savings`` measures bytes over an image's layers; ``sarif`` writes the result for
code-scanning tools. Not here: judging practices (``study.dockerfile.practices``), reading layers (``study.layer``).
"""
