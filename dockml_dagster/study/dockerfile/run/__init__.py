"""What RUN instructions do.

Here: tasks, package managers, packages. Not here: splitting a script into commands (``shell``).
"""
