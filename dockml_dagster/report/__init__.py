"""The report: figures, tables and sentences about one corpus, as one HTML file.

Here: what the report says (``sections``), how it is drawn (``charts``, ``drawing``) and set (``page``). Not here:
any computation of findings, which is SQL in ``dbt_like_sql/``; anything but the published file as input. A number that
cannot be asked of that file is not in the report.
"""
