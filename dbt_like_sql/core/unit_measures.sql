-- Every measure in which groups are compared, in the corrected reading: one row per unit (project, Dockerfile, image, layer)
-- and measure. censored: the true value is at least the given one, because a limit stopped the reading. An image or layer of
-- projects in two categories has rows for both. A yes or no is 1 or 0.
WITH
    projects AS (
        SELECT
            corpus,
            project,
            coalesce(cohort, 'ml') AS cohort,
            category,
            label_source,
            commits,
            contributors,
            forks,
            stars,
            releases,
            repository_bytes
        FROM core.projects
    ),
    valid_files AS (
        SELECT * FROM core.dockerfiles WHERE valid
    ),
    profile AS (
        UNPIVOT (
            SELECT
                projects.corpus,
                projects.project,
                projects.project AS unit,
                projects.commits::DOUBLE AS commits,
                projects.contributors::DOUBLE AS contributors,
                projects.forks::DOUBLE AS forks,
                projects.stars::DOUBLE AS stars,
                projects.releases::DOUBLE AS releases,
                projects.repository_bytes::DOUBLE AS repository_bytes,
                -- In a project that was read, no row means that nothing valid was found: the count is 0.
                CASE WHEN visits.project IS NOT NULL THEN coalesce(files.dockerfiles, 0) END::DOUBLE AS dockerfiles
            FROM projects
            LEFT JOIN (
                SELECT project, count(*) AS dockerfiles FROM valid_files GROUP BY project
            ) AS files ON files.project = projects.project
            LEFT JOIN staging.visits AS visits
                ON visits.project = projects.project AND visits.stage = 'dockerfiles'
        )
        ON commits, contributors, forks, stars, releases, repository_bytes, dockerfiles
        INTO NAME measure VALUE value
    ),
    keywords AS (
        SELECT corpus, project, keyword, count(*) AS instructions
        FROM core.instructions
        WHERE reading = 'corrected' AND dockerfile_valid AND known_keyword
        GROUP BY ALL
    ),
    instruction_shares AS (
        SELECT
            totals.corpus,
            totals.project,
            totals.project AS unit,
            'instruction_share_' || lower(known.keyword) AS measure,
            coalesce(keywords.instructions, 0) / totals.instructions AS value
        FROM (
            SELECT corpus, project, sum(instructions) AS instructions FROM keywords GROUP BY ALL
        ) AS totals
        CROSS JOIN seeds.dockerfile_keywords AS known
        LEFT JOIN keywords ON keywords.project = totals.project AND keywords.keyword = known.keyword
    ),
    commands AS (
        SELECT corpus, project, task, count(*) AS commands
        FROM core.run_commands
        WHERE dockerfile_valid AND task IS NOT NULL AND NOT nested
        GROUP BY ALL
    ),
    task_shares AS (
        SELECT
            totals.corpus,
            totals.project,
            totals.project AS unit,
            'run_task_share_' || regexp_replace(lower(tasks.task), '[^a-z0-9]+', '_', 'g') AS measure,
            coalesce(commands.commands, 0) / totals.commands AS value
        FROM (
            SELECT corpus, project, sum(commands) AS commands FROM commands GROUP BY ALL
        ) AS totals
        CROSS JOIN (SELECT DISTINCT task FROM commands) AS tasks
        LEFT JOIN commands ON commands.project = totals.project AND commands.task = tasks.task
    ),
    based AS (
        SELECT DISTINCT corpus, project, coalesce(base_image_type, 'not classified') AS base_image_type
        FROM core.base_images
        WHERE dockerfile_valid
    ),
    base_image_types AS (
        SELECT
            projects.corpus,
            projects.project,
            projects.project AS unit,
            'uses_base_image_' || regexp_replace(lower(types.base_image_type), '[^a-z0-9]+', '_', 'g') AS measure,
            (used.project IS NOT NULL)::INTEGER::DOUBLE AS value
        FROM (SELECT DISTINCT corpus, project FROM based) AS projects
        CROSS JOIN (SELECT DISTINCT base_image_type FROM based) AS types
        LEFT JOIN based AS used
            ON used.project = projects.project AND used.base_image_type = types.base_image_type
    ),
    dockerfile_sizes AS (
        UNPIVOT (
            SELECT
                files.corpus,
                files.project,
                files.project || '/' || files.path AS unit,
                files.instructions::DOUBLE AS dockerfile_instructions,
                files.stages::DOUBLE AS dockerfile_stages,
                (files.stages > 1)::INTEGER::DOUBLE AS multi_stage
            FROM valid_files AS files
        )
        ON dockerfile_instructions, dockerfile_stages, multi_stage
        INTO NAME measure VALUE value
    ),
    practices AS (
        SELECT
            corpus,
            project,
            project || '/' || path AS unit,
            'follows_' || regexp_replace(lower(rule), '[^a-z0-9]+', '_', 'g') AS measure,
            (verdict = 'followed')::INTEGER::DOUBLE AS value
        FROM core.dockerfile_findings
        WHERE source = 'dockml' AND dockerfile_valid AND verdict IN ('followed', 'violated')
    ),
    named AS (
        SELECT
            corpus,
            config_digest,
            project,
            -- The grade of the image's link to this project: the best over its names in the project.
            min(list_position(['confirmed', 'likely', 'possible', 'none'], link_grade)) AS link_rank
        FROM core.project_image_configs
        GROUP BY corpus, config_digest, project
    ),
    image_values AS (
        UNPIVOT (
            SELECT
                corpus,
                config_digest,
                censored IS NOT NULL AS censored,
                CASE WHEN config_known THEN config_bytes END::DOUBLE AS image_config_bytes,
                env_count::DOUBLE AS image_environment_variables,
                rootfs_layers::DOUBLE AS image_layers,
                compressed_bytes::DOUBLE AS image_compressed_bytes,
                (user_name NOT IN ('', '0', 'root'))::INTEGER::DOUBLE AS image_user_not_root,
                files::DOUBLE AS image_files,
                directories::DOUBLE AS image_directories,
                max_depth::DOUBLE AS image_max_depth,
                bytes::DOUBLE AS image_bytes,
                wasted_bytes::DOUBLE AS image_wasted_bytes,
                duplicate_bytes::DOUBLE AS image_duplicate_bytes,
                removable_bytes::DOUBLE AS image_removable_bytes
            FROM core.images
        )
        ON
            image_config_bytes, image_environment_variables, image_layers, image_compressed_bytes, image_user_not_root,
            image_files, image_directories, image_max_depth, image_bytes, image_wasted_bytes, image_duplicate_bytes,
            image_removable_bytes
        INTO NAME measure VALUE value
    ),
    images AS (
        SELECT
            image_values.corpus,
            named.project,
            named.link_rank,
            image_values.config_digest AS unit,
            measure,
            value,
            -- A limit on reading layers censors only the measures of their content.
            censored
            AND measure IN (
                'image_files', 'image_directories', 'image_max_depth', 'image_bytes', 'image_wasted_bytes',
                'image_duplicate_bytes', 'image_removable_bytes'
            ) AS censored
        FROM image_values
        JOIN named ON named.corpus = image_values.corpus AND named.config_digest = image_values.config_digest
    ),
    layer_owners AS (
        SELECT listed.corpus, listed.layer_digest, named.project, min(named.link_rank) AS link_rank
        FROM staging.image_layers AS listed
        JOIN named ON named.corpus = listed.corpus AND named.config_digest = listed.config_digest
        GROUP BY listed.corpus, listed.layer_digest, named.project
    ),
    layer_values AS (
        UNPIVOT (
            SELECT
                corpus,
                layer_digest,
                censored IS NOT NULL AS censored,
                compressed_bytes::DOUBLE AS layer_compressed_bytes,
                files::DOUBLE AS layer_files,
                directories::DOUBLE AS layer_directories,
                bytes::DOUBLE AS layer_bytes,
                max_depth::DOUBLE AS layer_max_depth
            FROM core.layers
        )
        ON layer_compressed_bytes, layer_files, layer_directories, layer_bytes, layer_max_depth
        INTO NAME measure VALUE value
    ),
    layers AS (
        SELECT
            layer_values.corpus,
            layer_owners.project,
            layer_owners.link_rank,
            layer_values.layer_digest AS unit,
            measure,
            value,
            -- The compressed size is in the manifest; a limit on reading the archive does not affect it.
            censored AND measure <> 'layer_compressed_bytes' AS censored
        FROM layer_values
        JOIN layer_owners
            ON layer_owners.corpus = layer_values.corpus AND layer_owners.layer_digest = layer_values.layer_digest
    ),
    every (corpus, project, unit, measure, value, rq, unit_of_analysis, kind, censored, link_rank) AS (
        SELECT corpus, project, unit, measure, value, 'rq1', 'project', 'number', false, NULL FROM profile
        UNION ALL
        SELECT corpus, project, unit, measure, value, 'rq3', 'project', 'share', false, NULL FROM instruction_shares
        UNION ALL
        SELECT corpus, project, unit, measure, value, 'rq3', 'project', 'share', false, NULL FROM task_shares
        UNION ALL
        SELECT corpus, project, unit, measure, value, 'rq3', 'project', 'yes or no', false, NULL FROM base_image_types
        UNION ALL
        SELECT
            corpus, project, unit, measure, value, 'rq3', 'Dockerfile',
            CASE measure WHEN 'multi_stage' THEN 'yes or no' ELSE 'number' END, false, NULL
        FROM dockerfile_sizes
        UNION ALL
        SELECT corpus, project, unit, measure, value, 'rq3', 'Dockerfile', 'yes or no', false, NULL FROM practices
        UNION ALL
        SELECT
            corpus, project, unit, measure, value, 'rq4', 'image',
            CASE measure WHEN 'image_user_not_root' THEN 'yes or no' ELSE 'number' END, censored, link_rank
        FROM images
        UNION ALL
        SELECT corpus, project, unit, measure, value, 'rq4', 'layer', 'number', censored, link_rank FROM layers
    ),
    shipped AS (
        -- The type of the shipped stage's base image; of several such FROM, the last.
        SELECT project || '/' || path AS unit, arg_max(base_image_type, line) AS base_image_type
        FROM core.base_images
        WHERE dockerfile_valid AND reaches_shipped
        GROUP BY ALL
    )
SELECT
    every.corpus,
    every.rq,
    every.measure,
    every.kind,
    every.unit_of_analysis,
    every.project,
    every.unit,
    projects.cohort,
    projects.category,
    projects.label_source,
    shipped.base_image_type,
    ['confirmed', 'likely', 'possible', 'none'][every.link_rank] AS link_grade,
    every.value,
    every.censored AS is_censored
FROM every
JOIN projects ON projects.project = every.project
-- One equality: a condition on the left side alone would make this join compare every row with every row.
LEFT JOIN shipped ON shipped.unit = CASE WHEN every.unit_of_analysis = 'Dockerfile' THEN every.unit END
