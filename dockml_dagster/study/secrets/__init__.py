"""Secrets in files of an image: which file holds one, never its value.

Here: rules (``rules``), searching one small file (``looking``), which secrets of its layers an image shows or hides
(``image``). Not here: names of variables (``study.secret_names``), picking files out of a layer
(``images.scanning.inside``).
"""
