"""Automation: what starts runs without a user.

Here: conditions, schedules, sensors and the pure decisions behind them. Not here: the runs (``runs``).
"""
