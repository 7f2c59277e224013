-- Changes between two moments: how many units changed, how much, and in which direction.
SELECT
    corpus,
    'corrected' AS reading,
    corpus_before,
    earliest,
    latest,
    metric,
    unit_of_analysis,
    count(*) AS n,
    avg(before) AS mean_before,
    avg(after) AS mean_after,
    avg(after - before) AS mean_difference,
    count(*) FILTER (WHERE after > before) AS rose,
    count(*) FILTER (WHERE after < before) AS fell,
    count(*) FILTER (WHERE is_changed) AS changed,
    count(*) FILTER (WHERE is_changed) / count(*) AS share_changed
FROM core.moment_states
GROUP BY corpus, corpus_before, earliest, latest, metric, unit_of_analysis
ORDER BY corpus, corpus_before, metric, unit_of_analysis
