"""The corpus ``sample``: fourteen small projects written for this repository.

Here: the projects as data, and their images, assembled on the spot. Not here: any project of anybody else.
"""
