"""What RUN instructions do: the task of each command, and what it installs.

Here: steps, tasks, packages, caches, configuration. Not here: splitting a script into commands (``shell``), the table of
package managers (``managers``).
"""
