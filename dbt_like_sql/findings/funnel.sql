-- How many repositories passed each step of the selection, and how many each step excluded, by cohort.
WITH steps AS (
    SELECT corpus, coalesce(cohort, 'ml') AS cohort, step_number, step, count(DISTINCT name) AS n
    FROM staging.candidates
    GROUP BY ALL
)
SELECT
    corpus,
    cohort,
    step_number,
    step,
    'repository' AS unit_of_analysis,
    n,
    lag(n) OVER (PARTITION BY corpus, cohort ORDER BY step_number) - n AS excluded
FROM steps
ORDER BY corpus, cohort DESC, step_number
