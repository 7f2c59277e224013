-- One row per project, reading, category and instruction keyword or RUN task: its number, and its share of all in the
-- project. Each project counts under its own category and under All; control cohorts are left out. as_published counts as
-- the paper did: every file whose name contains "dockerfile", read with dockerfile-parse; for tasks the words of its lists in
-- the value of every instruction. corrected counts valid Dockerfiles as BuildKit reads them, and each simple command of RUN
-- once, by the program that it starts.
WITH
    counted AS (
        SELECT 'instruction' AS what, corpus, reading, project, keyword AS item, count(*) AS occurrences
        FROM core.instructions
        WHERE
            CASE reading
                WHEN 'as_published' THEN project IN (SELECT project FROM core.projects WHERE in_published_sample)
                ELSE dockerfile_valid AND known_keyword
            END
        GROUP BY ALL
        UNION ALL
        SELECT 'RUN task' AS what, files.corpus, 'as_published' AS reading, files.project, words.task, sum(words.words)
        FROM core.dockerfiles AS files
        JOIN raw.dockerfile_word_counts AS words ON words.sha256 = files.sha256
        JOIN core.projects AS projects ON projects.project = files.project
        WHERE projects.in_published_word_counts
        GROUP BY ALL
        UNION ALL
        SELECT 'RUN task' AS what, corpus, 'corrected' AS reading, project, task, count(*)
        FROM core.run_commands
        -- A command inside another one's argument (bash -c '…') is counted there, and not a second time.
        WHERE dockerfile_valid AND task IS NOT NULL AND NOT nested
        GROUP BY ALL
    ),
    shares AS (
        SELECT
            *,
            CASE reading
                -- The paper rounds each share to hundredths of a per cent before it takes the median.
                WHEN 'as_published' THEN round(100 * occurrences / of_project, 2) / 100
                ELSE occurrences / of_project
            END AS share
        FROM (SELECT *, sum(occurrences) OVER (PARTITION BY what, corpus, reading, project) AS of_project FROM counted)
    )
SELECT
    shares.what,
    shares.corpus,
    shares.reading,
    shares.project,
    unnest([
        coalesce(
            CASE shares.reading WHEN 'as_published' THEN projects.category_as_published END,
            projects.category,
            'unlabelled'
        ),
        'All'
    ]) AS category,
    shares.item,
    shares.occurrences::BIGINT AS occurrences,
    shares.of_project::BIGINT AS of_project,
    shares.share
FROM shares
JOIN core.projects AS projects ON projects.project = shares.project
WHERE projects.cohort IS DISTINCT FROM 'control'
