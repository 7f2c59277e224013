-- RQ3: the share of each instruction among a project's instructions. As in the paper's figure, the median is over the
-- projects that use the instruction. as_published reads every file whose name contains "dockerfile" with
-- dockerfile-parse; corrected reads valid Dockerfiles as BuildKit does.
WITH
    counted AS (
        SELECT corpus, reading, project, keyword, count(*) AS instructions
        FROM core.instructions
        WHERE
            CASE reading
                WHEN 'as_published' THEN project IN (SELECT project FROM core.projects WHERE in_published_sample)
                ELSE dockerfile_valid AND known_keyword
            END
        GROUP BY ALL
    ),
    shares AS (
        SELECT
            *,
            CASE reading
                -- The paper rounds each share to hundredths of a per cent before it takes the median.
                WHEN 'as_published' THEN round(100 * instructions / of_project, 2) / 100
                ELSE instructions / of_project
            END AS share
        FROM (
            SELECT *, sum(instructions) OVER (PARTITION BY corpus, reading, project) AS of_project
            FROM counted
        )
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
        SELECT corpus, reading, category, count(DISTINCT project) AS n, sum(instructions) AS instructions
        FROM categorised
        GROUP BY ALL
    )
SELECT
    categorised.corpus,
    categorised.reading,
    categorised.category,
    categorised.keyword,
    'project' AS unit_of_analysis,
    count(*) AS projects_using,
    any_value(totals.n) AS n,
    median(categorised.share) AS median_share,
    quantile_cont(categorised.share, 0.25) AS q25_share,
    quantile_cont(categorised.share, 0.75) AS q75_share,
    sum(categorised.instructions)::BIGINT AS instructions,
    sum(categorised.instructions) / any_value(totals.instructions) AS pooled_share
FROM categorised
JOIN totals
    ON totals.corpus = categorised.corpus
    AND totals.reading = categorised.reading
    AND totals.category = categorised.category
JOIN seeds.dockerfile_keywords AS keywords ON keywords.keyword = categorised.keyword
GROUP BY categorised.corpus, categorised.reading, categorised.category, categorised.keyword
ORDER BY categorised.corpus, categorised.reading, categorised.category, pooled_share DESC
