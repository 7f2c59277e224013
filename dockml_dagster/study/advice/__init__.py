"""Advice: what to change about a Dockerfile, an image or a project, why, on which evidence, and what it saves.

Here: the types and the rules of the seed ``recommendations.csv`` (``model``); which rules apply to a Dockerfile, an image
or a project (modules of these names); bytes saved in an image's layers (``savings``); changes that a program can make
(``fixes``, ``pins``, ``edits``); comments that switch advice off (``ignoring``). Not here: judging practices
(``dockerfile.practices``), reading layers (``layer``), SARIF and other output (``commands.advise``).
"""
