"""HTTP as every client of ours speaks it.

Here: one client with deadlines, retries, budgets, the hosts it may ask, and the errors it ends with. Not here: any service.
"""
