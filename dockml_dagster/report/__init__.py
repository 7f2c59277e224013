"""The report: figures, tables and sentences about one corpus, as one HTML file.

Here: what the report says (``sections``), how it is drawn (``charts``, ``drawing``) and laid out (``page``). Not here:
computing findings, which is SQL in ``dbt_like_sql/``; any input but the published file. A number that
cannot be queried from that file is not in the report.
"""
