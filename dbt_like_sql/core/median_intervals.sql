-- Medians with 95 % intervals, with the project as the cluster: Woodruff's method, which inverts the interval of the share
-- below the median (see core.share_intervals). weighting: every project weighs 1, or every unit; if each project is one unit,
-- there is only the first. A unit of two projects counts half in each, so that every unit counts once. Censored values count
-- as they are: is_censored rows are lower bounds. A variance below 1e-24 is rounding error of sums in varying order and counts
-- as zero. link_grade: medians of images are repeated for each least grade of the link to the project; `any` is all images.
WITH
    numbers AS (
        SELECT corpus, measure, unit_of_analysis, project, unit, category, link_grade, value
        FROM core.unit_measures
        WHERE kind <> 'yes or no' AND cohort <> 'control'
        UNION ALL
        SELECT
            spread.corpus,
            'image_' || spread.measure,
            'image',
            named.project,
            named.config_digest AS unit,
            projects.category,
            NULL AS link_grade,
            spread.value
        FROM (
            UNPIVOT (SELECT * EXCLUDE (is_censored) FROM core.image_concentration)
            ON COLUMNS(* EXCLUDE (corpus, config_digest))
            INTO NAME measure VALUE value
        ) AS spread
        JOIN (SELECT DISTINCT corpus, config_digest, project FROM core.project_image_configs) AS named
            ON named.corpus = spread.corpus AND named.config_digest = spread.config_digest
        JOIN core.projects AS projects ON projects.project = named.project
        WHERE projects.cohort IS DISTINCT FROM 'control'
    ),
    levels (link_grade, grades) AS (
        VALUES
            ('confirmed', ['confirmed']),
            ('likely', ['confirmed', 'likely']),
            ('possible', ['confirmed', 'likely', 'possible'])
    ),
    grouped AS (
        SELECT
            corpus, measure, unit_of_analysis, project, unit,
            coalesce(category, 'unlabelled') AS category, 'any' AS link_grade, value
        FROM numbers
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, unit, 'All' AS category, 'any' AS link_grade, value
        FROM numbers
        UNION ALL
        SELECT
            numbers.corpus, numbers.measure, numbers.unit_of_analysis, numbers.project, numbers.unit,
            'All' AS category, levels.link_grade, numbers.value
        FROM numbers
        JOIN levels ON list_contains(levels.grades, numbers.link_grade)
        WHERE numbers.unit_of_analysis = 'image'
    ),
    sized AS (
        SELECT *, count(*) OVER (PARTITION BY corpus, measure, category, link_grade, project) AS units FROM grouped
    ),
    shared AS (
        -- Images and layers alone may be of several projects.
        SELECT corpus, measure, category, link_grade, unit, count(*) AS projects
        FROM grouped
        WHERE unit_of_analysis IN ('image', 'layer')
        GROUP BY corpus, measure, category, link_grade, unit
        HAVING count(*) > 1
    ),
    weighted AS (
        SELECT
            corpus, measure, unit_of_analysis, project, category, link_grade, value,
            'project' AS weighting, 1.0 / units AS weight
        FROM sized
        UNION ALL
        SELECT
            sized.corpus, sized.measure, sized.unit_of_analysis, sized.project, sized.category, sized.link_grade, sized.value,
            'unit' AS weighting, 1.0 / coalesce(shared.projects, 1) AS weight
        FROM sized
        LEFT JOIN shared
            ON shared.corpus = sized.corpus
            AND shared.measure = sized.measure
            AND shared.category = sized.category
            AND shared.link_grade = sized.link_grade
            AND shared.unit = sized.unit
        WHERE sized.unit_of_analysis <> 'project'
    ),
    places AS (
        SELECT corpus, measure, unit_of_analysis, category, link_grade, weighting, value, sum(weight) AS weight
        FROM weighted
        GROUP BY ALL
    ),
    distribution AS (
        SELECT
            *,
            sum(weight) OVER (PARTITION BY corpus, measure, category, link_grade, weighting ORDER BY value)
            / sum(weight) OVER (PARTITION BY corpus, measure, category, link_grade, weighting) AS reached
        FROM places
    ),
    medians AS (
        SELECT
            corpus,
            measure,
            unit_of_analysis,
            category,
            link_grade,
            weighting,
            -- Half way between two values where exactly half of the weight is below.
            (
                min(value) FILTER (WHERE reached >= 0.5 - 1e-9)
                + coalesce(min(value) FILTER (WHERE reached > 0.5 + 1e-9), min(value) FILTER (WHERE reached >= 0.5 - 1e-9))
            ) / 2 AS median
        FROM distribution
        GROUP BY ALL
    ),
    projects AS (
        SELECT
            weighted.corpus,
            weighted.measure,
            weighted.category,
            weighted.link_grade,
            weighted.weighting,
            any_value(medians.median) AS median,
            count(*) AS units,
            sum(weighted.weight * ((weighted.value < medians.median)::INTEGER + 0.5 * (weighted.value = medians.median)::INTEGER))
                AS part,
            sum(weighted.weight) AS whole
        FROM weighted
        JOIN medians USING (corpus, measure, category, link_grade, weighting)
        GROUP BY
            weighted.corpus, weighted.measure, weighted.category, weighted.link_grade, weighted.weighting, weighted.project
    ),
    totals AS (
        SELECT
            corpus,
            measure,
            category,
            link_grade,
            weighting,
            -- Distinct units, of those that projects share too.
            if(weighting = 'unit', round(sum(whole)), sum(units))::BIGINT AS n,
            count(*) AS clusters,
            if(weighting = 'unit', max(whole) / sum(whole), max(units) / sum(units)) AS largest_cluster_share,
            sum(part) AS part,
            sum(whole) AS whole
        FROM projects
        GROUP BY corpus, measure, category, link_grade, weighting
    ),
    spread AS (
        SELECT
            totals.*,
            (count(*) - 1)
            * var_pop((totals.part - projects.part) / nullif(totals.whole - projects.whole, 0)) AS variance
        FROM projects
        JOIN totals USING (corpus, measure, category, link_grade, weighting)
        GROUP BY ALL
    ),
    effective AS (
        SELECT
            spread.*,
            CASE
                WHEN spread.clusters < 2 THEN NULL
                WHEN spread.variance <= 1e-24 THEN spread.clusters::DOUBLE
                ELSE least(0.25 / spread.variance, spread.n)
            END AS n_effective,
            critical.t
        FROM spread
        LEFT JOIN core.critical_values AS critical ON critical.clusters = spread.clusters
    ),
    ends AS (
        SELECT
            *,
            t * sqrt(0.25 / n_effective + t * t / (4 * n_effective * n_effective)) / (1 + t * t / n_effective) AS half_width
        FROM effective
    )
SELECT
    medians.corpus,
    medians.measure,
    medians.unit_of_analysis,
    medians.category,
    medians.link_grade,
    medians.weighting,
    any_value(ends.n) AS n,
    any_value(ends.clusters) AS clusters,
    any_value(ends.largest_cluster_share) AS largest_cluster_share,
    any_value(medians.median) AS median,
    min(distribution.value) FILTER (WHERE distribution.reached >= 0.5 - ends.half_width - 1e-9) AS low,
    min(distribution.value) FILTER (WHERE distribution.reached >= 0.5 + ends.half_width - 1e-9) AS high,
    any_value(ends.n_effective) AS n_effective
FROM medians
JOIN ends USING (corpus, measure, category, link_grade, weighting)
JOIN distribution USING (corpus, measure, category, link_grade, weighting)
GROUP BY
    medians.corpus, medians.measure, medians.unit_of_analysis, medians.category, medians.link_grade, medians.weighting
