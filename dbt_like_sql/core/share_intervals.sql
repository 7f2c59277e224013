-- Shares with 95 % intervals, with the project as the cluster: Wilson's interval with the effective sample size, the number
-- of independent units with the same information (jackknife: one project left out at a time), and Student's t with one degree
-- of freedom fewer than projects. weighting: every project weighs 1, or every unit. If no project has two units it is Wilson's
-- own interval. The share of units may depend on the largest project: see largest_cluster_share.
-- study.statistics.intervals computes the same.
WITH
    parts AS (
        SELECT corpus, measure, unit_of_analysis, category, counted, units FROM core.share_parts
        UNION ALL
        SELECT corpus, measure, unit_of_analysis, 'All' AS category, counted, units FROM core.share_parts
    ),
    weighted AS (
        SELECT *, 'unit' AS weighting, counted::DOUBLE AS part, units::DOUBLE AS whole FROM parts
        UNION ALL
        SELECT *, 'project' AS weighting, counted / units AS part, 1.0 AS whole FROM parts
    ),
    totals AS (
        SELECT
            corpus,
            measure,
            unit_of_analysis,
            category,
            weighting,
            sum(counted)::BIGINT AS counted,
            sum(units)::BIGINT AS n,
            count(*) AS clusters,
            max(units) / sum(units) AS largest_cluster_share,
            sum(part) AS part,
            sum(whole) AS whole
        FROM weighted
        GROUP BY ALL
    ),
    spread AS (
        SELECT
            totals.corpus,
            totals.measure,
            totals.unit_of_analysis,
            totals.category,
            totals.weighting,
            -- (C - 1) / C times the sum of squares of the shares without each project.
            (count(*) - 1) * var_pop((totals.part - weighted.part) / nullif(totals.whole - weighted.whole, 0)) AS variance
        FROM weighted
        JOIN totals USING (corpus, measure, unit_of_analysis, category, weighting)
        GROUP BY ALL
    ),
    effective AS (
        SELECT
            totals.*,
            totals.part / totals.whole AS share,
            CASE
                WHEN totals.n = totals.clusters THEN totals.n::DOUBLE
                WHEN totals.clusters < 2 THEN NULL
                WHEN totals.part <= 0 OR totals.part >= totals.whole OR spread.variance <= 1e-24 THEN totals.clusters::DOUBLE
                ELSE least(totals.part / totals.whole * (1 - totals.part / totals.whole) / spread.variance, totals.n)
            END AS n_effective,
            CASE WHEN totals.n = totals.clusters THEN 1.959963984540054::DOUBLE ELSE critical.t END AS t
        FROM totals
        JOIN spread USING (corpus, measure, unit_of_analysis, category, weighting)
        LEFT JOIN core.critical_values AS critical ON critical.clusters = totals.clusters
    ),
    centred AS (
        SELECT
            *,
            (share + t * t / (2 * n_effective)) / (1 + t * t / n_effective) AS centre,
            t * sqrt(greatest(share * (1 - share), 0) / n_effective + t * t / (4 * n_effective * n_effective))
            / (1 + t * t / n_effective) AS half_width
        FROM effective
    )
SELECT
    corpus,
    measure,
    unit_of_analysis,
    category,
    weighting,
    counted,
    n,
    clusters,
    largest_cluster_share,
    share,
    -- Exactly 0 and 1 at the ends, which rounding errors would miss.
    CASE WHEN part <= 0 AND n_effective IS NOT NULL THEN 0.0 ELSE centre - half_width END AS low,
    CASE WHEN part >= whole AND n_effective IS NOT NULL THEN 1.0 ELSE centre + half_width END AS high,
    n_effective,
    n / n_effective AS design_effect
FROM centred
