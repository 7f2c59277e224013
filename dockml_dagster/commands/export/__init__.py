"""``dockml export``.

Here: the dataset as files, with their descriptions. Not here: what the tables mean (``dbt_like_sql``).
"""
