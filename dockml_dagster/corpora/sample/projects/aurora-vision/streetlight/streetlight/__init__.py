"""Finds broken street lamps in dash-camera footage."""

__version__ = "1.6.2"
