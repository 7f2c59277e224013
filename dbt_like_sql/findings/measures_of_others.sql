-- Numbers of papers other than the rerun one, computed their way (as_published) or soundly, in the printed unit: one
-- row a paper, corpus, reading and metric. A control cohort has no part in them; clusters: the projects behind n units.
WITH
    files AS (
        SELECT files.corpus, files.project, files.path, files.sha256
        FROM core.dockerfiles AS files
        JOIN core.projects AS projects ON projects.project = files.project
        WHERE projects.cohort IS DISTINCT FROM 'control'
    ),
    -- binnacle: the mean over rules of the share of places that violate each; soundly, of Dockerfiles.
    kept_rules AS (
        SELECT
            again.corpus,
            again.rule,
            again.share_violated AS share_of_places,
            coalesce(sound.share_violated, again.dockerfiles_violating / again.dockerfiles) AS share_of_files
        FROM findings.rule_violations AS again
        LEFT JOIN findings.rule_violations AS sound
            ON sound.corpus = again.corpus AND sound.rule = again.rule AND sound.reading = 'corrected'
        WHERE again.reading = 'as_published' AND again.kept_by_binnacle
    ),
    ruled AS (
        SELECT
            files.corpus,
            sum(found.matches) AS places,
            count(DISTINCT (files.project, files.path)) AS dockerfiles,
            count(DISTINCT files.project) AS projects
        FROM files
        JOIN core.rule_matches AS found ON found.project = files.project AND found.path = files.path
        JOIN kept_rules ON kept_rules.corpus = files.corpus AND kept_rules.rule = found.rule
        GROUP BY ALL
    ),
    violation_rates AS (
        SELECT
            kept_rules.corpus,
            100 * avg(kept_rules.share_of_places) AS of_places,
            100 * avg(kept_rules.share_of_files) AS of_files,
            any_value(ruled.places) AS places,
            any_value(ruled.dockerfiles) AS dockerfiles,
            any_value(ruled.projects) AS projects
        FROM kept_rules
        JOIN ruled ON ruled.corpus = kept_rules.corpus
        GROUP BY ALL
    ),
    applying AS (
        SELECT
            corpus,
            count(*) FILTER (of_binnacle) AS rules,
            count(*) FILTER (of_binnacle AND n >= 50) AS with_support,
            count(*) FILTER (of_binnacle AND n >= 50 AND share_violated <= 0.25) AS kept,
            count(*) FILTER (of_parfum AND violations > 0) AS smells,
            any_value(asked.projects) AS projects
        FROM findings.rule_violations
        JOIN (SELECT corpus, count(DISTINCT project) AS projects FROM files GROUP BY corpus) AS asked USING (corpus)
        WHERE reading = 'as_published'
        GROUP BY corpus
    ),
    -- Shipwright: files in which a static tool reports something that may break a build.
    flagged AS (
        SELECT
            files.corpus,
            files.project,
            breaking.path IS NOT NULL AS by_binnacle,
            -- For hadolint, only texts that it has linted; a refused text does not count.
            CASE WHEN linted.sha256 IS NOT NULL THEN linted.breaking END AS by_hadolint
        FROM files
        LEFT JOIN (
            SELECT DISTINCT found.project, found.path
            FROM core.rule_matches AS found
            JOIN seeds.published_rules AS rules ON rules.rule = found.rule
            WHERE rules.breaks_build AND found.violations > 0
        ) AS breaking ON breaking.project = files.project AND breaking.path = files.path
        LEFT JOIN (
            SELECT sha256, bool_or(rule IN ('DL3006', 'DL3007', 'DL3014', 'DL3016', 'DL3028')) AS breaking
            FROM raw.dockerfile_lint
            GROUP BY sha256
            HAVING NOT bool_or(rule = 'refused')
        ) AS linted ON linted.sha256 = files.sha256
    ),
    image_sizes AS (
        SELECT images.corpus, avg(images.bytes) / 1e9 AS gigabytes, count(*) AS images, any_value(placed.projects) AS projects
        FROM core.images AS images
        LEFT JOIN (
            SELECT named.corpus, count(DISTINCT named.project) AS projects
            FROM core.project_image_configs AS named
            JOIN core.projects AS projects ON projects.project = named.project
            WHERE projects.cohort IS DISTINCT FROM 'control'
            GROUP BY named.corpus
        ) AS placed ON placed.corpus = images.corpus
        WHERE images.bytes IS NOT NULL AND images.censored IS NULL
        GROUP BY images.corpus
    ),
    others (paper, corpus, reading, rq, metric, value, n, clusters) AS (
        SELECT
            printed.paper,
            files.corpus,
            unnest(['as_published', 'corrected']),
            printed.rq,
            printed.metric,
            unnest([count(*), count(DISTINCT files.sha256)]),
            unnest([count(*), count(DISTINCT files.sha256)]),
            count(DISTINCT files.project)
        FROM files
        JOIN seeds.published_values AS printed
            ON printed.of_corpus = files.corpus
            AND printed.paper <> 'ease2022'
            AND printed.metric IN (
                'dockerfiles_distinct', 'gold_dockerfiles_distinct', 'dockerfiles_broken', 'ground_truth_dockerfiles'
            )
        GROUP BY printed.paper, files.corpus, printed.rq, printed.metric
        UNION ALL
        SELECT
            'binnacle',
            corpus,
            unnest(['as_published', 'corrected', 'as_published', 'corrected']),
            'rules',
            unnest(['violation_rate_gold', 'violation_rate_gold', 'violation_rate_github', 'violation_rate_github']),
            unnest([of_places, of_files, of_places, of_files]),
            unnest([places, dockerfiles, places, dockerfiles]),
            projects
        FROM violation_rates
        UNION ALL
        SELECT
            'binnacle',
            corpus,
            'as_published',
            'rules',
            unnest(['gold_rules', 'gold_rules_with_support', 'gold_rules_kept', 'gold_rules_kept_share']),
            unnest([rules, with_support, kept, 100 * kept / rules]),
            rules,
            projects
        FROM applying
        WHERE rules > 0
        UNION ALL
        SELECT 'parfum', corpus, 'as_published', 'smells', 'smells', smells, NULL, projects FROM applying
        UNION ALL
        SELECT
            'shipwright', corpus, 'as_published', 'static tools', 'flagged_by_binnacle',
            100 * avg(by_binnacle::INTEGER), count(*), count(DISTINCT project)
        FROM flagged
        GROUP BY corpus
        UNION ALL
        SELECT
            'shipwright', corpus, 'as_published', 'static tools', 'flagged_by_hadolint',
            100 * avg(by_hadolint::INTEGER), count(*), count(DISTINCT project)
        FROM flagged
        WHERE by_hadolint IS NOT NULL
        GROUP BY corpus
        UNION ALL
        SELECT 'ml-in-a-box', corpus, 'corrected', 'images', 'mean_image_size', gigabytes, images, projects FROM image_sizes
        UNION ALL
        SELECT
            'ml-in-a-box',
            corpus,
            'corrected',
            'rebuilds',
            CASE figure
                WHEN 'rebuilds' THEN 'commits_that_rebuild'
                WHEN 'because of context files' THEN 'rebuilds_by_context'
                ELSE 'redundant_work'
            END,
            100 * share_per_project,
            n,
            clusters
        FROM findings.rebuilds
        WHERE
            period = 'all'
            AND category = 'All'
            AND (unit_of_analysis, figure) IN (
                ('commit', 'rebuilds'),
                ('rebuilding commit', 'because of context files'),
                ('missed instruction', 'without a cause of its own')
            )
    )
SELECT
    paper,
    corpus,
    reading,
    rq,
    metric,
    'All' AS category,
    value::DOUBLE AS value,
    n::BIGINT AS n,
    clusters::BIGINT AS clusters
FROM others
