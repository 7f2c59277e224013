"""``dockml export``.

Here: the dataset as files with its description. Not here: what the tables mean (``dbt_like_sql``).
"""
