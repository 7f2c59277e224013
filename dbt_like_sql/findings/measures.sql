-- Every number of the findings that the paper prints too, as one long table: named, and in the unit printed, so that
-- they can stand side by side. One row a corpus, reading, metric and category; clusters: the projects behind n units.
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
        WHERE images.config_known
        GROUP BY images.corpus, categories.category
    ),
    every (corpus, reading, rq, metric, category, value, n) AS (
        SELECT corpus, reading, rq, metric, category, value, n FROM both_readings
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
            -- As GitHub gives it and the paper prints it: in KiB.
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
    -- The projects behind the units: of measures of projects as many as there are.
    placed AS (
        SELECT corpus, category, count(DISTINCT named.project) AS clusters
        FROM (
            SELECT projects.corpus, unnest([coalesce(projects.category, 'unlabelled'), 'All']) AS category, projects.project
            FROM core.projects AS projects
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
                ELSE coalesce(properties.clusters, placed.clusters)
            END AS clusters
        FROM every
        LEFT JOIN findings.rq4_image_properties AS properties
            ON every.rq = 'rq4'
            AND properties.corpus = every.corpus
            AND properties.reading = every.reading
            AND properties.category = every.category
            AND every.metric IN ('median_' || properties.metric, properties.metric || '_typical')
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
