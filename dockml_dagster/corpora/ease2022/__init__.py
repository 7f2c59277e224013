"""The corpus ``ease2022``: the study's own package of 2021.

Here: reading the package. Not here: evaluating it (``dbt_like_sql``).
"""
