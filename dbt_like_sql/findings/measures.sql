-- Every number of the findings that the paper also prints, as one long table with the paper's names and units, for
-- comparison. One row per corpus, reading, metric and category; clusters: the projects behind n units. Only
-- machine-learning projects: a control cohort has no part in the paper's numbers.
WITH
    funnel AS (
        SELECT
            corpus,
            'funnel' AS rq,
            CASE step
                WHEN 'found by search' THEN 'repositories_found'
                WHEN 'has a Dockerfile' THEN 'with_dockerfile'
                WHEN 'at least 100 commits' THEN 'with_100_commits'
                WHEN 'at least 1 release' THEN 'with_1_release'
                WHEN 'not archived' THEN 'meeting_all_criteria'
                WHEN 'candidate image on Docker Hub' THEN 'with_image_candidate'
                WHEN 'usable image' THEN 'with_usable_image'
            END AS metric,
            'All' AS category,
            n AS value,
            n
        FROM findings.funnel
        WHERE cohort = 'ml'
    ),
    removed AS (
        SELECT
            corpus,
            'funnel' AS rq,
            'removed_by_criteria' AS metric,
            'All' AS category,
            max(n) FILTER (WHERE step = 'has a Dockerfile') - max(n) FILTER (WHERE step = 'not archived') AS value,
            max(n) FILTER (WHERE step = 'has a Dockerfile') AS n
        FROM findings.funnel
        WHERE cohort = 'ml'
        GROUP BY corpus
    ),
    both_readings AS (
        SELECT readings.reading, funnel.*
        FROM (SELECT * FROM funnel UNION ALL SELECT * FROM removed) AS funnel
        CROSS JOIN (VALUES ('as_published'), ('corrected')) AS readings (reading)
    ),
    architectures AS (
        SELECT
            images.corpus,
            categories.category,
            count(DISTINCT images.architecture) AS architectures,
            count(DISTINCT images.os) AS operating_systems,
            count(*) AS n
        FROM core.images AS images
        JOIN core.image_categories AS categories
            ON categories.corpus = images.corpus AND categories.config_digest = images.config_digest
        WHERE images.config_known AND categories.category <> 'All'
        GROUP BY images.corpus, categories.category
    ),
    -- The paper's statements "more than so many": how many units exceed the number, and in how many projects. The paper's own
    -- way adds up all images of a project. For depth and variables it does not say how many projects exceed them.
    judged AS (
        SELECT
            images.corpus,
            'environment_variables_exceeded' AS metric,
            images.config_digest AS unit,
            named.project,
            images.env_count > 5 AS exceeds
        FROM core.images AS images
        LEFT JOIN core.project_image_configs AS named
            ON named.corpus = images.corpus AND named.config_digest = images.config_digest
        UNION ALL
        SELECT corpus, 'files_over_50000_project_share', image, project, files > 50000
        FROM core.image_file_totals
        UNION ALL
        SELECT
            layers.corpus,
            unnest(['files_over_50000_layer_share', 'max_depth_exceeded_by_most']),
            layers.layer_digest,
            named.project,
            unnest([layers.files > 50000, coalesce(layers.max_depth, layers.max_published_level) > 16])
        FROM core.layers AS layers
        LEFT JOIN core.image_layers AS placed
            ON placed.corpus = layers.corpus AND placed.layer_digest = layers.layer_digest
        LEFT JOIN core.project_image_configs AS named
            ON named.corpus = placed.corpus AND named.config_digest = placed.config_digest
    ),
    exceeding (corpus, reading, metric, value, n, clusters) AS (
        SELECT
            judged.corpus,
            'corrected',
            judged.metric,
            100 * count(DISTINCT judged.unit) FILTER (judged.exceeds) / count(DISTINCT judged.unit),
            count(DISTINCT judged.unit),
            count(DISTINCT judged.project)
        FROM judged
        LEFT JOIN core.projects AS projects ON projects.project = judged.project
        WHERE judged.exceeds IS NOT NULL AND projects.cohort IS DISTINCT FROM 'control'
        GROUP BY judged.corpus, judged.metric
        UNION ALL
        SELECT corpus, 'as_published', 'files_over_50000_project_share', 100 * avg((files > 50000)::INTEGER), count(*), count(*)
        FROM (
            SELECT totals.corpus, totals.project, sum(totals.files) AS files
            FROM core.image_file_totals AS totals
            JOIN core.projects AS projects ON projects.project = totals.project
            WHERE projects.cohort IS DISTINCT FROM 'control'
            GROUP BY totals.corpus, totals.project
        )
        GROUP BY corpus
        UNION ALL
        SELECT corpus, 'corrected', 'rare_instruction_share_below', 100 * avg((share < 0.001)::INTEGER), count(*), count(*)
        FROM (
            SELECT
                corpus,
                project,
                coalesce(sum(share) FILTER (item IN ('LABEL', 'SHELL', 'MAINTAINER')), 0) AS share
            FROM core.project_shares
            WHERE reading = 'corrected' AND category = 'All' AND what = 'instruction'
            GROUP BY corpus, project
        )
        GROUP BY corpus
    ),
    every (corpus, reading, rq, metric, category, value, n) AS (
        SELECT corpus, reading, rq, metric, category, value, n FROM both_readings
        UNION ALL
        SELECT corpus, reading, CASE metric WHEN 'rare_instruction_share_below' THEN 'rq3' ELSE 'rq4' END, metric, 'All', value, n
        FROM exceeding
        UNION ALL
        SELECT corpus, reading, 'funnel', 'projects_studied', 'All', sum(projects), sum(projects)
        FROM findings.rq1_categories
        GROUP BY corpus, reading
        UNION ALL
        SELECT corpus, reading, 'rq1', 'projects', category, projects, n FROM findings.rq1_categories
        UNION ALL
        SELECT corpus, reading, 'rq1', 'projects', 'All', sum(projects), sum(projects)
        FROM findings.rq1_categories
        GROUP BY corpus, reading
        UNION ALL
        SELECT corpus, reading, 'rq1', metric, category, 100 * share, n
        FROM findings.rq1_categories
        CROSS JOIN (VALUES ('project_share'), ('project_share_in_introduction')) AS printed (metric)
        UNION ALL
        SELECT corpus, reading, 'rq1', 'categories', 'All', count(DISTINCT category), sum(projects)
        FROM findings.rq1_categories
        GROUP BY corpus, reading
        UNION ALL
        SELECT
            corpus,
            reading,
            'rq1',
            'median_' || metric,
            category,
            -- In KiB, as GitHub states it and the paper prints it.
            CASE metric WHEN 'repository_bytes' THEN median / 1024 ELSE median END,
            n
        FROM findings.rq1_project_profile
        UNION ALL
        SELECT corpus, reading, 'rq3', 'median_instruction_share_' || lower(keyword), category, 100 * median_share, n
        FROM findings.rq3_instruction_mix
        UNION ALL
        SELECT corpus, reading, 'rq3', 'projects_using_instruction_' || lower(keyword), category, projects_using, n
        FROM findings.rq3_instruction_mix
        WHERE category = 'All'
        UNION ALL
        SELECT corpus, reading, 'rq3', 'run_instruction_share', category, 100 * pooled_share, n
        FROM findings.rq3_instruction_mix
        WHERE category = 'All' AND keyword = 'RUN'
        UNION ALL
        SELECT
            corpus,
            reading,
            'rq3',
            'median_run_task_share_' || regexp_replace(lower(task), '[^a-z0-9]+', '_', 'g'),
            category,
            100 * median_share,
            n
        FROM findings.rq3_run_tasks
        UNION ALL
        SELECT
            corpus,
            reading,
            'rq3',
            'projects_using_run_task_' || regexp_replace(lower(task), '[^a-z0-9]+', '_', 'g'),
            category,
            projects_using,
            n
        FROM findings.rq3_run_tasks
        WHERE category = 'All'
        UNION ALL
        SELECT corpus, reading, 'rq3', 'run_task_classes', 'All', count(DISTINCT task), max(n)
        FROM findings.rq3_run_tasks
        GROUP BY corpus, reading
        UNION ALL
        SELECT
            corpus,
            reading,
            'rq3',
            'base_image_type_share_' || regexp_replace(lower(base_image_type), '[^a-z0-9]+', '_', 'g'),
            category,
            100 * share,
            n
        FROM findings.rq3_base_image_types
        UNION ALL
        SELECT corpus, reading, 'rq3', 'base_image_types', 'All', count(DISTINCT base_image_type), max(n)
        FROM findings.rq3_base_image_types
        WHERE base_image_type <> 'not classified'
        GROUP BY corpus, reading
        UNION ALL
        SELECT
            corpus,
            reading,
            'rq3',
            'base_image_share_' || split_part(base_image, '/', -1),
            category,
            100 * sum(share),
            max(n)
        FROM findings.rq3_base_images
        -- The paper writes {}/cuda for cuda of any namespace; by name, the official images are meant.
        WHERE base_image IN (
            'ubuntu', 'alpine', 'python', '{}/cuda', '{}/tensorflow', '{}/pytorch',
            'nvidia/cuda', 'tensorflow/tensorflow', 'pytorch/pytorch'
        )
        GROUP BY corpus, reading, base_image, category
        UNION ALL
        SELECT
            corpus,
            reading,
            'rq4',
            -- The table's "max level" counts the file name; without it, it is a depth.
            CASE
                WHEN reading = 'as_published' AND metric = 'max_published_level' THEN 'median_max_depth'
                ELSE 'median_' || metric
            END,
            category,
            -- Table 2 divides bytes by 1,024 and calls the result MB.
            CASE metric WHEN 'config_bytes' THEN median / 1024 ELSE median END,
            n
        FROM findings.rq4_image_properties
        UNION ALL
        SELECT corpus, reading, 'rq4', 'config_bytes_typical', 'All', median / 1024, n
        FROM findings.rq4_image_properties
        WHERE metric = 'config_bytes' AND category = 'All'
        UNION ALL
        SELECT corpus, 'corrected', 'rq4', 'architectures', category, architectures, n FROM architectures
        UNION ALL
        SELECT corpus, 'corrected', 'rq4', 'operating_systems', category, operating_systems, n FROM architectures
    ),
    -- The projects behind the units; for measures of projects, their number.
    placed AS (
        SELECT corpus, category, count(DISTINCT named.project) AS clusters
        FROM (
            SELECT projects.corpus, unnest([coalesce(projects.category, 'unlabelled'), 'All']) AS category, projects.project
            FROM core.projects AS projects
            WHERE projects.cohort IS DISTINCT FROM 'control'
        ) AS projects
        JOIN core.project_image_configs AS named USING (corpus, project)
        GROUP BY corpus, category
    ),
    named AS (
        SELECT
            every.*,
            CASE
                WHEN every.rq <> 'rq4' THEN CASE WHEN every.rq <> 'funnel' THEN every.n END
                WHEN every.reading = 'as_published' THEN every.n
                ELSE coalesce(exceeding.clusters, properties.clusters, placed.clusters)
            END AS clusters
        FROM every
        LEFT JOIN findings.rq4_image_properties AS properties
            ON every.rq = 'rq4'
            AND properties.corpus = every.corpus
            AND properties.reading = every.reading
            AND properties.category = every.category
            AND every.metric IN ('median_' || properties.metric, properties.metric || '_typical')
        LEFT JOIN exceeding
            ON every.rq = 'rq4'
            AND exceeding.corpus = every.corpus
            AND exceeding.reading = every.reading
            AND exceeding.metric = every.metric
        LEFT JOIN placed ON placed.corpus = every.corpus AND placed.category = every.category
    )
SELECT
    corpus,
    reading,
    rq,
    metric,
    category,
    value::DOUBLE AS value,
    n::BIGINT AS n,
    clusters::BIGINT AS clusters
FROM named
WHERE metric IS NOT NULL
