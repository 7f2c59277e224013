"""The corpus ``sample``: fourteen small projects written for this repository.

Here: the projects as data, and their images, assembled locally. Not here: other people's projects.
"""
