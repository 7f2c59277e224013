-- Each unit at two moments: the first visit and the newest of one corpus, or ease2022 (2021) and the newest visit of github
-- for the projects in both. One row a unit and metric that both moments have. Raw rows stay for good, so the state at a moment is the rows that a visit at or
-- before it saw first and one at or after it saw last. A project that a later listing found unchanged was not visited again;
-- it counts, and its two states are the same.
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
            max(settled.observed_at) AS newest_visit
        FROM settled
        JOIN core.projects AS projects ON projects.project = settled.project
        GROUP BY settled.corpus, settled.project, settled.stage
    ),
    looked_again AS (
        SELECT corpus, max(listed_at) AS listed_at FROM raw.listings GROUP BY corpus
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
        WHERE old.corpus = 'ease2022' AND new.corpus = 'github'
    ),
    -- Both sides of every pair, one under the other, so that each state is computed once.
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
    states (corpus_before, corpus, unit_of_analysis, unit, side, metric, value, state) AS (
        SELECT
            corpus_before,
            corpus,
            'project',
            unit,
            side,
            'dockerfiles',
            count(path)::DOUBLE,
            coalesce(string_agg(path || ' ' || sha256, chr(10) ORDER BY path, sha256), '')
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
            coalesce(string_agg(DISTINCT bases.pinned, chr(10) ORDER BY bases.pinned), '')
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
        FROM texts
        JOIN raw.dockerfile_readings AS readings
            ON readings.sha256 = texts.sha256 AND readings.reading = 'corrected' AND readings.valid
        LEFT JOIN violated ON violated.sha256 = texts.sha256
        GROUP BY texts.corpus_before, texts.corpus, texts.unit, texts.side
        UNION ALL
        SELECT
            sides.corpus_before,
            sides.corpus,
            'image reference',
            sides.unit || ' ' || manifests.reference,
            sides.side,
            'images_behind_a_reference',
            count(DISTINCT manifests.config_digest)::DOUBLE,
            string_agg(DISTINCT manifests.config_digest, chr(10) ORDER BY manifests.config_digest)
        FROM sides
        JOIN raw.manifests AS manifests
            ON manifests.project = sides.project AND sides.moment BETWEEN manifests.first_seen AND manifests.last_seen
        WHERE sides.stage = 'manifests' AND manifests.config_digest IS NOT NULL
        GROUP BY ALL
    ),
    spans AS (
        SELECT corpus_before, corpus, min(moment_before) AS earliest, max(moment_after) AS latest
        FROM pairs
        GROUP BY corpus_before, corpus
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
    old.state IS DISTINCT FROM new.state AS changed
FROM states AS old
JOIN states AS new
    ON new.corpus_before = old.corpus_before AND new.corpus = old.corpus AND new.metric = old.metric
    AND new.unit = old.unit AND new.side = 'after'
JOIN spans ON spans.corpus_before = old.corpus_before AND spans.corpus = old.corpus
WHERE old.side = 'before'
