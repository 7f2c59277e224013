"""Secrets in files of an image: which file holds one, never what it is.

Here: rules (``rules``), looking at one small file (``looking``), what an image makes of what its layers have (``image``).
Not here: names of variables (``study.secret_names``), catching files while a layer streams (``images.scanning.inside``).
"""
