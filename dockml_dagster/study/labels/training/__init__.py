"""Fitting the weights of the labellers.

Here: from labelled projects to seeds. Not here: labelling (``category``, ``purpose``).
"""
