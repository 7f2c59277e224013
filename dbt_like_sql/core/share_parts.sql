-- The parts of every share: the number of units of each project that it counts. One row per measure, unit of analysis and
-- project with such units. Yes-or-no measures and thresholds are those of core.unit_measures; further ones are instructions
-- by keyword, commands of RUN by task, platforms of images, purposes of Dockerfiles, files that the paper's parser misreads,
-- violations of other papers' rules, and figures of histories. Only machine-learning projects: for the control cohort see
-- findings.cohort_differences.
WITH
    thresholds (measure, named, above, least, below) AS (
        VALUES
            ('image_environment_variables', 'image_environment_variables_above_5', 5.0, NULL, NULL),
            ('image_files', 'image_files_above_50000', 50000.0, NULL, NULL),
            ('image_max_depth', 'image_max_depth_above_16', 16.0, NULL, NULL),
            ('layer_max_depth', 'layer_max_depth_above_16', 16.0, NULL, NULL),
            ('layer_files', 'layer_files_above_50000', 50000.0, NULL, NULL),
            ('layer_files', 'layer_files_below_30', NULL, NULL, 30.0),
            ('layer_files', 'layer_files_of_one', NULL, 1.0, 2.0),
            ('layer_compressed_bytes', 'layer_compressed_bytes_below_4_mib', NULL, NULL, 4194304.0)
    ),
    yes_or_no AS (
        SELECT corpus, measure, unit_of_analysis, project, value
        FROM core.unit_measures
        WHERE kind = 'yes or no'
        UNION ALL
        SELECT corpus, measure, 'project' AS unit_of_analysis, project, max(value) AS value
        FROM core.unit_measures
        WHERE measure = 'multi_stage'
        GROUP BY corpus, measure, project
        UNION ALL
        SELECT
            units.corpus,
            thresholds.named,
            units.unit_of_analysis,
            units.project,
            (
                coalesce(units.value > thresholds.above, true)
                AND coalesce(units.value >= thresholds.least, true)
                AND coalesce(units.value < thresholds.below, true)
            )::INTEGER
        FROM core.unit_measures AS units
        JOIN thresholds ON thresholds.measure = units.measure
    ),
    said AS (
        SELECT what, corpus, project, item, occurrences
        FROM core.project_shares
        WHERE reading = 'corrected' AND category = 'All'
    ),
    written AS (
        -- Projects with other values of the measure are part of the denominator.
        SELECT
            totals.corpus,
            CASE totals.what WHEN 'instruction' THEN 'instruction ' ELSE 'RUN task ' END || items.item AS measure,
            CASE totals.what WHEN 'instruction' THEN 'instruction' ELSE 'command' END AS unit_of_analysis,
            totals.project,
            coalesce(said.occurrences, 0) AS counted,
            totals.units
        FROM (SELECT what, corpus, project, sum(occurrences) AS units FROM said GROUP BY ALL) AS totals
        JOIN (SELECT DISTINCT what, corpus, item FROM said) AS items
            ON items.what = totals.what AND items.corpus = totals.corpus
        LEFT JOIN said
            ON said.what = totals.what AND said.project = totals.project AND said.item = items.item
    ),
    placed AS (
        SELECT DISTINCT named.corpus, named.project, named.config_digest, named.platform
        FROM core.project_image_configs AS named
        WHERE named.platform IS NOT NULL
    ),
    platforms AS (
        SELECT
            totals.corpus,
            'platform ' || items.platform AS measure,
            'image' AS unit_of_analysis,
            totals.project,
            count(placed.config_digest) AS counted,
            any_value(totals.units) AS units
        FROM (SELECT corpus, project, count(DISTINCT config_digest) AS units FROM placed GROUP BY ALL) AS totals
        JOIN (SELECT DISTINCT corpus, platform FROM placed) AS items ON items.corpus = totals.corpus
        LEFT JOIN placed ON placed.project = totals.project AND placed.platform = items.platform
        GROUP BY totals.corpus, items.platform, totals.project
    ),
    coded AS (
        SELECT DISTINCT corpus, source, project, unit, purpose
        FROM core.purposes
        WHERE unit_kind = 'dockerfile'
    ),
    purposes AS (
        SELECT
            totals.corpus,
            'purpose by ' || totals.source || ' ' || codes.name AS measure,
            'Dockerfile' AS unit_of_analysis,
            totals.project,
            count(coded.unit) AS counted,
            any_value(totals.units) AS units
        FROM (SELECT corpus, source, project, count(DISTINCT unit) AS units FROM coded GROUP BY ALL) AS totals
        CROSS JOIN seeds.purposes AS codes
        LEFT JOIN coded
            ON coded.project = totals.project AND coded.source = totals.source AND coded.purpose = codes.name
        GROUP BY totals.corpus, totals.source, codes.name, totals.project
    ),
    misread AS (
        SELECT
            files.corpus,
            'misread ' || kinds.kind AS measure,
            'Dockerfile' AS unit_of_analysis,
            files.project,
            count(*) FILTER (
                WHERE list_contains(files.differences, kinds.kind) OR (kinds.kind = 'any' AND len(files.differences) > 0)
            ) AS counted,
            count(*) AS units
        FROM core.dockerfiles AS files
        CROSS JOIN seeds.reading_difference_kinds AS kinds
        WHERE files.differences IS NOT NULL
        GROUP BY files.corpus, kinds.kind, files.project
    ),
    ruled AS (
        -- Counted the other papers' way: in every file, valid or not.
        SELECT
            found.corpus,
            'rule ' || found.rule AS measure,
            rules.unit AS unit_of_analysis,
            found.project,
            sum(found.violations) AS counted,
            sum(found.matches) AS units
        FROM core.rule_matches AS found
        JOIN seeds.published_rules AS rules ON rules.rule = found.rule
        GROUP BY ALL
    ),
    every (corpus, measure, unit_of_analysis, project, counted, units) AS (
        SELECT corpus, measure, unit_of_analysis, project, sum(value), count(*) FROM yes_or_no GROUP BY ALL
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, counted, units FROM written
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, counted, units FROM platforms
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, counted, units FROM purposes
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, counted, units FROM misread
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, counted, units FROM ruled
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, project, counted, units FROM core.history_parts
    )
SELECT
    every.corpus,
    every.measure,
    every.unit_of_analysis,
    every.project,
    coalesce(projects.category, 'unlabelled') AS category,
    every.counted::BIGINT AS counted,
    every.units::BIGINT AS units
FROM every
JOIN core.projects AS projects ON projects.project = every.project
WHERE projects.cohort IS DISTINCT FROM 'control'
