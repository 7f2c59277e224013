-- RQ2: the purposes for which projects use Docker: how many projects (and Dockerfiles) of each category have each purpose, by
-- the labels of people, of the machine, and final. A unit may have several, so shares do not add up to 1; n counts the labelled
-- units, including those without any purpose. The paper printed no count or share of a purpose, so published_share is
-- intentionally empty. The interval of projects is Wilson's, at 95 % (JASA 22, 1927); for Dockerfiles the project is the
-- cluster (core.share_intervals).
WITH
    labelled AS (
        SELECT
            purposes.corpus,
            purposes.source,
            CASE purposes.unit_kind WHEN 'dockerfile' THEN 'Dockerfile' ELSE 'project' END AS unit_of_analysis,
            purposes.unit,
            purposes.purpose,
            purposes.label_source,
            coalesce(projects.category, 'unlabelled') AS category
        FROM core.purposes AS purposes
        JOIN core.projects AS projects ON projects.project = purposes.project
        WHERE projects.cohort IS DISTINCT FROM 'control'
    ),
    categorised AS (
        SELECT * FROM labelled
        UNION ALL
        SELECT * REPLACE ('All' AS category) FROM labelled
    ),
    totals AS (
        SELECT corpus, source, unit_of_analysis, category, count(DISTINCT unit) AS n
        FROM categorised
        GROUP BY ALL
    ),
    counted AS (
        SELECT
            totals.corpus,
            totals.source,
            totals.unit_of_analysis,
            totals.category,
            codes.name AS purpose,
            codes.side,
            count(DISTINCT found.unit) AS units,
            count(DISTINCT found.unit) FILTER (WHERE found.label_source <> 'machine') AS labelled_by_people,
            totals.n
        FROM totals
        CROSS JOIN seeds.purposes AS codes
        LEFT JOIN categorised AS found
            ON found.corpus = totals.corpus
            AND found.source = totals.source
            AND found.unit_of_analysis = totals.unit_of_analysis
            AND found.category = totals.category
            AND found.purpose = codes.name
        GROUP BY ALL
    ),
    shares AS (
        SELECT *, units / n AS share, 1.959963984540054::DOUBLE AS z FROM counted
    ),
    centred AS (
        SELECT
            *,
            (share + z * z / (2 * n)) / (1 + z * z / n) AS centre,
            z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n) AS half_width
        FROM shares
    )
SELECT
    centred.corpus,
    centred.category,
    centred.purpose,
    centred.side,
    centred.unit_of_analysis,
    centred.source AS label_source,
    centred.units,
    centred.labelled_by_people,
    centred.n,
    coalesce(pooled.clusters, centred.n) AS clusters,
    centred.share,
    CASE
        WHEN centred.unit_of_analysis = 'Dockerfile' THEN pooled.low
        -- Exactly 0 and 1 at the ends, which rounding errors would miss.
        WHEN centred.units = 0 THEN 0.0
        ELSE centred.centre - centred.half_width
    END AS share_low,
    CASE
        WHEN centred.unit_of_analysis = 'Dockerfile' THEN pooled.high
        WHEN centred.units = centred.n THEN 1.0
        ELSE centred.centre + centred.half_width
    END AS share_high,
    per_project.share AS share_per_project,
    per_project.low AS per_project_low,
    per_project.high AS per_project_high,
    NULL::DOUBLE AS published_share
FROM centred
LEFT JOIN core.share_intervals AS pooled
    ON centred.unit_of_analysis = 'Dockerfile'
    AND pooled.corpus = centred.corpus
    AND pooled.category = centred.category
    AND pooled.measure = 'purpose by ' || centred.source || ' ' || centred.purpose
    AND pooled.weighting = 'unit'
LEFT JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.weighting = 'project'
ORDER BY
    centred.corpus, label_source, centred.unit_of_analysis, centred.category, centred.share DESC, centred.purpose
