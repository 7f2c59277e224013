-- RQ3: the share of each instruction among a project's instructions. As in the paper's figure, the median is over the
-- projects that use the instruction; what each reading counts: core.project_shares.
WITH
    totals AS (
        SELECT corpus, reading, category, count(DISTINCT project) AS n, sum(occurrences) AS instructions
        FROM core.project_shares
        WHERE what = 'instruction'
        GROUP BY corpus, reading, category
    )
SELECT
    shares.corpus,
    shares.reading,
    shares.category,
    shares.item AS keyword,
    'project' AS unit_of_analysis,
    count(*) AS projects_using,
    any_value(totals.n) AS n,
    median(shares.share) AS median_share,
    quantile_cont(shares.share, 0.25) AS q25_share,
    quantile_cont(shares.share, 0.75) AS q75_share,
    sum(shares.occurrences)::BIGINT AS instructions,
    sum(shares.occurrences) / any_value(totals.instructions) AS pooled_share
FROM core.project_shares AS shares
JOIN totals
    ON totals.corpus = shares.corpus AND totals.reading = shares.reading AND totals.category = shares.category
JOIN seeds.dockerfile_keywords AS keywords ON keywords.keyword = shares.item
WHERE shares.what = 'instruction'
GROUP BY shares.corpus, shares.reading, shares.category, shares.item
ORDER BY shares.corpus, shares.reading, shares.category, pooled_share DESC
