-- Watched figures that moved by more than a fifth since the last build, if that many units cannot do so by chance.
WITH
    last_build AS (
        SELECT corpus, figure, arg_max_null(value, built_at) AS value, arg_max(n, built_at) AS n
        FROM raw.figures
        GROUP BY corpus, figure
    )
SELECT now.corpus, now.figure, last_build.value AS before, now.value AS after, last_build.n AS n_before, now.n AS n_after
FROM findings.watched_figures AS now
JOIN last_build ON last_build.corpus = now.corpus AND last_build.figure = now.figure
WHERE
    least(now.n, last_build.n) >= 30
    AND (
        (now.value IS NULL) <> (last_build.value IS NULL)
        OR abs(now.value - last_build.value) > 0.2 * abs(last_build.value)
    )
UNION ALL
SELECT last_build.corpus, last_build.figure, last_build.value, NULL, last_build.n, 0
FROM last_build
WHERE
    last_build.n >= 30
    AND NOT EXISTS (
        SELECT 1
        FROM findings.watched_figures AS now
        WHERE now.corpus = last_build.corpus AND now.figure = last_build.figure
    )
