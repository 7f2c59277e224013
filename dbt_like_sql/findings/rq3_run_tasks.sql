-- RQ3: what RUN is used for, in the paper's five classes. as_published counts the words of the paper's lists in the
-- value of every instruction; corrected counts each simple command of RUN once, by the program it starts.
WITH
    hits AS (
        SELECT files.corpus, 'as_published' AS reading, files.project, words.task, sum(words.words) AS hits
        FROM core.dockerfiles AS files
        JOIN raw.dockerfile_word_counts AS words ON words.sha256 = files.sha256
        JOIN core.projects AS projects ON projects.project = files.project
        WHERE projects.in_published_word_counts
        GROUP BY ALL
        UNION ALL
        SELECT corpus, 'corrected' AS reading, project, task, count(*) AS hits
        FROM core.run_commands
        -- A command inside another one's argument (bash -c '…') is counted there, not twice.
        WHERE dockerfile_valid AND task IS NOT NULL AND NOT nested
        GROUP BY ALL
    ),
    shares AS (
        SELECT
            *,
            CASE reading
                -- The paper rounds each share to hundredths of a per cent before it takes the median.
                WHEN 'as_published' THEN round(100 * hits / of_project, 2) / 100
                ELSE hits / of_project
            END AS share
        FROM (SELECT *, sum(hits) OVER (PARTITION BY corpus, reading, project) AS of_project FROM hits)
    ),
    categorised AS (
        SELECT
            shares.*,
            coalesce(
                CASE shares.reading WHEN 'as_published' THEN projects.category_as_published END,
                projects.category,
                'unlabelled'
            ) AS category
        FROM shares
        JOIN core.projects AS projects ON projects.project = shares.project
        UNION ALL
        SELECT *, 'All' AS category
        FROM shares
    ),
    totals AS (
        SELECT corpus, reading, category, count(DISTINCT project) AS n, sum(hits) AS hits
        FROM categorised
        GROUP BY ALL
    )
SELECT
    categorised.corpus,
    categorised.reading,
    categorised.category,
    categorised.task,
    'project' AS unit_of_analysis,
    count(*) AS projects_using,
    any_value(totals.n) AS n,
    median(categorised.share) AS median_share,
    quantile_cont(categorised.share, 0.25) AS q25_share,
    quantile_cont(categorised.share, 0.75) AS q75_share,
    sum(categorised.hits)::BIGINT AS hits,
    sum(categorised.hits) / any_value(totals.hits) AS pooled_share
FROM categorised
JOIN totals
    ON totals.corpus = categorised.corpus
    AND totals.reading = categorised.reading
    AND totals.category = categorised.category
GROUP BY categorised.corpus, categorised.reading, categorised.category, categorised.task
ORDER BY categorised.corpus, categorised.reading, categorised.category, pooled_share DESC
