"""What is said and done about runs that failed.

Here: retries, failures, what was seen. Not here: what starts them (``automation``).
"""
