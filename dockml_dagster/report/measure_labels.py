"""What the measures of ``core.unit_measures`` and ``core.moment_states`` are called in the report.

Belongs here: their names for readers, and how many a figure shows. Does not: any section.
"""

MEASURE = """
    CASE
        WHEN starts_with(measure, 'follows_') THEN 'practice ' || replace(measure[9:], '_', '-')
        WHEN starts_with(measure, 'instruction_share_') THEN 'share of ' || upper(measure[19:])
        WHEN starts_with(measure, 'run_task_share_') THEN 'share of RUN for ' || replace(measure[16:], '_', ' ')
        WHEN starts_with(measure, 'uses_base_image_') THEN 'base image: ' || replace(measure[17:], '_', ' ')
        WHEN measure = 'multi_stage' THEN 'more than one FROM'
        ELSE replace(replace(measure, '_kib', ' (KiB)'), '_', ' ')
    END
"""
"""What a measure is called, as a column of a SELECT."""

SHOWN = 20
"""Measures in a figure: those that differ most. Its table has all."""
