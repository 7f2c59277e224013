-- Each unit at two moments: the first visit and the newest of one corpus; or a corpus that describes a fixed moment
-- (ease2022: 2021) and the newest visit of one that describes the present, for the projects in both. One row per unit and
-- metric that exist at both moments. Measures of core.unit_measures keep their names and refer to projects. Raw rows are
-- never deleted, so the state at a moment is the set of rows first seen at or before it and last seen at or after it. A
-- project that a later listing found unchanged was not visited again; it counts, with two equal states. A project that left
-- the corpus counts by its own visits.
WITH
    settled AS (
        SELECT DISTINCT corpus, project, stage, observed_at
        FROM raw.outcomes
        WHERE subject = '' AND project IS NOT NULL AND (NOT retryable OR status = 'collected')
    ),
    visited AS (
        SELECT
            settled.corpus,
            settled.project,
            settled.stage,
            min(settled.observed_at) AS first_visit,
            max(settled.observed_at) AS newest_visit,
            any_value(listed.project) IS NOT NULL AS is_listed
        FROM settled
        LEFT JOIN staging.listed_projects AS listed ON listed.project = settled.project
        GROUP BY settled.corpus, settled.project, settled.stage
    ),
    looked_again AS (
        SELECT corpus, max(listed_at) AS listed_at, arg_max_null(as_of, listed_at) AS as_of FROM raw.listings GROUP BY corpus
    ),
    pairs AS (
        SELECT
            visited.corpus AS corpus_before,
            visited.corpus,
            visited.stage,
            visited.project AS project_before,
            visited.project AS project_after,
            visited.first_visit AS moment_before,
            visited.newest_visit AS moment_after
        FROM visited
        JOIN looked_again
            ON looked_again.corpus = visited.corpus AND looked_again.listed_at > visited.first_visit
        WHERE visited.is_listed OR visited.newest_visit > visited.first_visit
        UNION ALL
        SELECT
            old.corpus,
            new.corpus,
            new.stage,
            old.project,
            new.project,
            old.newest_visit,
            new.newest_visit
        FROM visited AS old
        JOIN core.projects AS old_projects ON old_projects.project = old.project
        JOIN core.projects AS new_projects ON lower(new_projects.name) = lower(old_projects.name)
        JOIN visited AS new ON new.project = new_projects.project AND new.stage = old.stage
        JOIN looked_again AS fixed ON fixed.corpus = old.corpus AND fixed.as_of IS NOT NULL
        JOIN looked_again AS present ON present.corpus = new.corpus AND present.as_of IS NULL
    ),
    -- Both sides of every pair as rows, so that each state is computed once.
    sides AS (
        SELECT corpus_before, corpus, stage, project_after AS unit, 'before' AS side, project_before AS project, moment_before AS moment
        FROM pairs
        UNION ALL
        SELECT corpus_before, corpus, stage, project_after, 'after', project_after, moment_after
        FROM pairs
    ),
    texts AS (
        SELECT
            sides.corpus_before,
            sides.corpus,
            sides.unit,
            sides.side,
            files.path,
            files.sha256
        FROM sides
        LEFT JOIN raw.dockerfiles AS files
            ON files.project = sides.project AND sides.moment BETWEEN files.first_seen AND files.last_seen
        WHERE sides.stage = 'dockerfiles'
        GROUP BY ALL
    ),
    bases AS (
        SELECT DISTINCT
            sha256,
            coalesce(registry || '/', '') || repository AS base,
            coalesce(registry || '/', '') || repository || coalesce(':' || tag, '') || coalesce('@' || digest, '') AS pinned
        FROM raw.dockerfile_stages
        WHERE shipped AND repository IS NOT NULL
    ),
    violated AS (
        SELECT sha256, count(*) AS practices
        FROM raw.dockerfile_practices
        WHERE verdict = 'violated'
        GROUP BY sha256
    ),
    valid_texts AS (
        SELECT
            texts.corpus_before,
            texts.corpus,
            texts.unit,
            texts.side,
            texts.sha256,
            readings.instructions,
            readings.stages
        FROM texts
        JOIN raw.dockerfile_readings AS readings
            ON readings.sha256 = texts.sha256 AND readings.reading = 'corrected' AND readings.valid
    ),
    read_units AS (
        SELECT
            corpus_before,
            corpus,
            unit,
            side,
            max(stages) > 1 AS multi_stage,
            avg(stages) AS stages,
            avg(instructions) AS instructions
        FROM valid_texts
        GROUP BY ALL
    ),
    words AS (
        SELECT sha256, keyword, count(*) AS times
        FROM raw.dockerfile_instructions
        WHERE reading = 'corrected' AND known_keyword
        GROUP BY ALL
    ),
    said AS (
        SELECT
            texts.corpus_before,
            texts.corpus,
            texts.unit,
            texts.side,
            words.keyword,
            sum(words.times) AS times,
            sum(sum(words.times)) OVER (
                PARTITION BY texts.corpus_before, texts.corpus, texts.unit, texts.side
            ) AS of_all
        FROM valid_texts AS texts
        JOIN words ON words.sha256 = texts.sha256
        GROUP BY texts.corpus_before, texts.corpus, texts.unit, texts.side, words.keyword
    ),
    types AS (
        SELECT DISTINCT sha256, coalesce(base_image_type, 'not classified') AS base_image_type
        FROM raw.dockerfile_stages
        WHERE base_kind IN ('image', 'scratch', 'unresolved')
    ),
    started AS (
        SELECT DISTINCT
            texts.corpus_before,
            texts.corpus,
            texts.unit,
            texts.side,
            types.base_image_type
        FROM valid_texts AS texts
        JOIN types ON types.sha256 = texts.sha256
    ),
    judged AS (
        SELECT sha256, practice, verdict = 'followed' AS followed
        FROM raw.dockerfile_practices
        WHERE verdict IN ('followed', 'violated')
    ),
    measured AS (
        SELECT corpus_before, corpus, unit, side, measure, value
        FROM (
            UNPIVOT (
                SELECT
                    corpus_before,
                    corpus,
                    unit,
                    side,
                    multi_stage::INTEGER::DOUBLE AS multi_stage,
                    stages AS dockerfile_stages,
                    instructions AS dockerfile_instructions
                FROM read_units
            )
            ON multi_stage, dockerfile_stages, dockerfile_instructions
            INTO NAME measure VALUE value
        )
        UNION ALL
        SELECT
            units.corpus_before,
            units.corpus,
            units.unit,
            units.side,
            'instruction_share_' || lower(known.keyword),
            coalesce(said.times, 0) / units.of_all
        FROM (SELECT DISTINCT corpus_before, corpus, unit, side, of_all FROM said) AS units
        CROSS JOIN seeds.dockerfile_keywords AS known
        LEFT JOIN said
            ON said.corpus_before = units.corpus_before AND said.corpus = units.corpus AND said.unit = units.unit
            AND said.side = units.side AND said.keyword = known.keyword
        UNION ALL
        SELECT
            units.corpus_before,
            units.corpus,
            units.unit,
            units.side,
            'uses_base_image_' || regexp_replace(lower(kinds.base_image_type), '[^a-z0-9]+', '_', 'g'),
            (started.unit IS NOT NULL)::INTEGER::DOUBLE
        FROM (SELECT DISTINCT corpus_before, corpus, unit, side FROM started) AS units
        CROSS JOIN (SELECT DISTINCT base_image_type FROM started) AS kinds
        LEFT JOIN started
            ON started.corpus_before = units.corpus_before AND started.corpus = units.corpus
            AND started.unit = units.unit AND started.side = units.side
            AND started.base_image_type = kinds.base_image_type
        UNION ALL
        SELECT
            texts.corpus_before,
            texts.corpus,
            texts.unit,
            texts.side,
            'follows_' || regexp_replace(lower(judged.practice), '[^a-z0-9]+', '_', 'g'),
            avg(judged.followed::INTEGER)
        FROM valid_texts AS texts
        JOIN judged ON judged.sha256 = texts.sha256
        GROUP BY ALL
    ),
    states (corpus_before, corpus, unit_of_analysis, unit, side, metric, value, state) AS (
        SELECT
            corpus_before,
            corpus,
            'project',
            unit,
            side,
            'dockerfiles',
            count(path)::DOUBLE,
            string_agg(path || ' ' || sha256, ', ' ORDER BY path, sha256)
        FROM texts
        GROUP BY corpus_before, corpus, unit, side
        UNION ALL
        SELECT
            texts.corpus_before,
            texts.corpus,
            'project',
            texts.unit,
            texts.side,
            'base_images_shipped',
            count(DISTINCT bases.base)::DOUBLE,
            string_agg(DISTINCT bases.pinned, ', ' ORDER BY bases.pinned)
        FROM texts
        LEFT JOIN bases ON bases.sha256 = texts.sha256
        GROUP BY texts.corpus_before, texts.corpus, texts.unit, texts.side
        UNION ALL
        SELECT
            texts.corpus_before,
            texts.corpus,
            'project',
            texts.unit,
            texts.side,
            'practices_violated_a_dockerfile',
            avg(coalesce(violated.practices, 0)),
            avg(coalesce(violated.practices, 0))::VARCHAR
        FROM valid_texts AS texts
        LEFT JOIN violated ON violated.sha256 = texts.sha256
        GROUP BY texts.corpus_before, texts.corpus, texts.unit, texts.side
        UNION ALL
        SELECT corpus_before, corpus, 'project', unit, side, measure, value, value::VARCHAR
        FROM measured
        UNION ALL
        SELECT
            sides.corpus_before,
            sides.corpus,
            'image reference',
            sides.unit || ' ' || manifests.reference,
            sides.side,
            'images_behind_a_reference',
            count(DISTINCT manifests.config_digest)::DOUBLE,
            string_agg(DISTINCT manifests.config_digest, ', ' ORDER BY manifests.config_digest)
        FROM sides
        JOIN raw.manifests AS manifests
            ON manifests.project = sides.project AND sides.moment BETWEEN manifests.first_seen AND manifests.last_seen
        WHERE sides.stage = 'manifests' AND manifests.config_digest IS NOT NULL
        GROUP BY ALL
    ),
    spans AS (
        SELECT
            pairs.corpus_before,
            pairs.corpus,
            min(coalesce(fixed.as_of, pairs.moment_before)) AS earliest,
            max(pairs.moment_after) AS latest
        FROM pairs
        LEFT JOIN looked_again AS fixed ON fixed.corpus = pairs.corpus_before AND pairs.corpus <> pairs.corpus_before
        GROUP BY pairs.corpus_before, pairs.corpus
    )
SELECT
    old.corpus,
    old.corpus_before,
    spans.earliest,
    spans.latest,
    old.unit_of_analysis,
    old.unit,
    old.metric,
    old.value AS before,
    new.value AS after,
    old.state IS DISTINCT FROM new.state AS is_changed
FROM states AS old
JOIN states AS new
    ON new.corpus_before = old.corpus_before AND new.corpus = old.corpus AND new.metric = old.metric
    AND new.unit = old.unit AND new.side = 'after'
JOIN spans ON spans.corpus_before = old.corpus_before AND spans.corpus = old.corpus
WHERE old.side = 'before'
