"""Fitting the weights of the labellers.

Here: weights from labelled projects, and measuring them by cross-validation. Not here: labelling (``labels.category``,
``labels.purpose``).
"""
