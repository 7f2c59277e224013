-- How many repositories passed each step of the selection, and how many each step excluded.
WITH steps AS (
    SELECT corpus, step_number, step, count(DISTINCT name) AS n
    FROM staging.candidates
    GROUP BY corpus, step_number, step
)
SELECT
    corpus,
    step_number,
    step,
    'repository' AS unit_of_analysis,
    n,
    lag(n) OVER (PARTITION BY corpus ORDER BY step_number) - n AS excluded
FROM steps
ORDER BY corpus, step_number
