"""What starts runs by itself.

Here: conditions, schedules, sensors and the pure decisions behind them. Not here: the runs (``runs``).
"""
