"""HTTP for all clients of dockml.

Here: one client with deadlines, retries, budgets, allowed hosts and typed errors. Not here: any single service.
"""
