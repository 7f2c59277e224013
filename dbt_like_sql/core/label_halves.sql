-- How often a person gave each code to the units labelled first and to those labelled last: the counts behind coder drift.
-- The order is that of the units in the sheet; for imported labels, by time and line. Labels in several sheets of a corpus
-- have an order in each. A unit with the code `none` was labelled; one with "cannot tell" was not rated. The middle one of an
-- odd number of units is in the first half.
-- The same is counted among the units to which the machine gives the code, with the halves unchanged: the machine sees the
-- units' content and not their position, so a difference that remains is one of the coding.
WITH
    rated AS (
        SELECT DISTINCT corpus, rater, code_system, unit_kind, unit
        FROM core.labels
        WHERE rater_kind = 'person' AND code <> 'cannot tell'
    ),
    placed AS (
        SELECT
            corpus,
            rater,
            code_system,
            unit_kind,
            unit,
            CASE source WHEN 'dockml labels import' THEN source ELSE source_file END AS sheet,
            min((labelled_at, source_file, source_row)) AS place
        FROM staging.labels
        WHERE source_row IS NOT NULL
        GROUP BY ALL
    ),
    halves AS (
        SELECT
            corpus,
            rater,
            code_system,
            unit_kind,
            unit,
            sheet,
            ntile(2) OVER (PARTITION BY corpus, rater, code_system, unit_kind, sheet ORDER BY place) = 1 AS in_first
        FROM placed
        JOIN rated USING (corpus, rater, code_system, unit_kind, unit)
    ),
    given AS (
        SELECT
            halves.*,
            labels.code,
            bool_or(labels.rater_kind = 'person') AS by_rater,
            bool_or(labels.rater_kind = 'machine') AS by_machine
        FROM halves
        JOIN core.labels AS labels
            ON labels.corpus = halves.corpus
            AND labels.code_system = halves.code_system
            AND labels.unit_kind = halves.unit_kind
            AND labels.unit = halves.unit
        WHERE labels.rater = halves.rater OR labels.rater_kind = 'machine'
        GROUP BY ALL
    ),
    orders AS (
        SELECT
            corpus,
            code_system,
            unit_kind,
            rater,
            sheet,
            count(DISTINCT unit) FILTER (in_first) AS n_first,
            count(DISTINCT unit) FILTER (NOT in_first) AS n_second,
            bool_or(by_machine) AS machine_looked
        FROM given
        GROUP BY ALL
    ),
    counted AS (
        SELECT
            corpus,
            code_system,
            unit_kind,
            rater,
            sheet,
            code,
            count(*) FILTER (by_rater AND in_first) AS rater_first,
            count(*) FILTER (by_rater AND NOT in_first) AS rater_second,
            count(*) FILTER (by_machine AND in_first) AS machine_first,
            count(*) FILTER (by_machine AND NOT in_first) AS machine_second,
            count(*) FILTER (by_rater AND by_machine AND in_first) AS both_first,
            count(*) FILTER (by_rater AND by_machine AND NOT in_first) AS both_second
        FROM given
        GROUP BY ALL
    ),
    codes AS (
        SELECT 'category' AS code_system, name AS code FROM seeds.categories
        UNION ALL
        SELECT 'purpose', name FROM seeds.purposes
    ),
    -- A code that was never given has no row among the given ones.
    every AS (
        SELECT
            orders.*,
            codes.code,
            coalesce(counted.rater_first, 0) AS rater_first,
            coalesce(counted.rater_second, 0) AS rater_second,
            coalesce(counted.machine_first, 0) AS machine_first,
            coalesce(counted.machine_second, 0) AS machine_second,
            coalesce(counted.both_first, 0) AS both_first,
            coalesce(counted.both_second, 0) AS both_second
        FROM orders
        JOIN codes USING (code_system)
        LEFT JOIN counted USING (corpus, code_system, unit_kind, rater, sheet, code)
    )
SELECT
    corpus,
    code_system,
    unit_kind AS unit_of_analysis,
    rater,
    sheet,
    'every unit' AS among,
    code,
    n_first,
    n_second,
    rater_first AS units_first,
    rater_second AS units_second
FROM every
UNION ALL
SELECT
    corpus,
    code_system,
    unit_kind,
    rater,
    sheet,
    'labelled so by the machine',
    code,
    -- If the machine labelled no unit, it is unknown which ones would have the code.
    CASE WHEN machine_looked THEN machine_first END,
    CASE WHEN machine_looked THEN machine_second END,
    CASE WHEN machine_looked THEN both_first END,
    CASE WHEN machine_looked THEN both_second END
FROM every
ORDER BY ALL
