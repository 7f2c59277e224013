-- RQ3: the share of projects that start at least one stage from a base image of each type. A project may count in
-- several. What each reading counts: core.base_image_uses. The interval is Wilson's, at 95 % (JASA 22, 1927).
WITH
    counted AS (
        SELECT
            corpus,
            reading,
            category,
            item AS base_image_type,
            'project' AS unit_of_analysis,
            count(*) AS projects,
            any_value(n) AS n,
            count(*) / any_value(n) AS share,
            1.959963984540054::DOUBLE AS z
        FROM core.base_image_uses
        WHERE what = 'type'
        GROUP BY corpus, reading, category, item
    ),
    centred AS (
        SELECT
            *,
            (share + z * z / (2 * n)) / (1 + z * z / n) AS centre,
            z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n) AS half_width
        FROM counted
    )
SELECT
    * EXCLUDE (z, centre, half_width),
    centre - half_width AS share_low,
    -- Exactly 1 at the end, which rounding errors would miss.
    CASE WHEN projects = n THEN 1.0 ELSE centre + half_width END AS share_high
FROM centred
ORDER BY corpus, reading, category, projects DESC, base_image_type
