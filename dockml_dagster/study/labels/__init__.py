"""Labels of projects: category (RQ1) and purposes (RQ2).

Here: the codebook, labels by rule with evidence, people's labels, agreement. Not here: facts about a project (``project``).
"""
