-- How many repositories passed each step of the selection, how many each step excluded, and for how many it is unknown
-- whether they pass the next one, by cohort. A repository that was not asked about is excluded by no step.
WITH steps AS (
    SELECT
        corpus,
        coalesce(cohort, 'ml') AS cohort,
        step_number,
        step,
        count(DISTINCT name) AS n,
        count(DISTINCT name) FILTER (not_asked_because IS NOT NULL) AS not_asked
    FROM staging.candidates
    GROUP BY ALL
),
compared AS (
    SELECT
        *,
        lag(n - not_asked) OVER (PARTITION BY corpus, cohort ORDER BY step_number) - n AS fewer
    FROM steps
),
rounds AS (
    -- Names listed by hand in addition to a search belong to its cohort but to no round.
    SELECT
        corpus,
        coalesce(cohort, 'ml') AS cohort,
        max(search_round) AS search_round,
        max(searched_on) AS searched_on
    FROM staging.candidates
    GROUP BY ALL
)
SELECT
    steps.corpus,
    steps.cohort,
    steps.step_number,
    steps.step,
    'repository' AS unit_of_analysis,
    steps.n,
    CASE WHEN steps.fewer IS NOT NULL THEN greatest(steps.fewer, 0) END AS excluded,
    CASE WHEN steps.fewer IS NOT NULL THEN greatest(-steps.fewer, 0) END AS added,
    steps.not_asked,
    rounds.search_round,
    rounds.searched_on
FROM compared AS steps
JOIN rounds ON rounds.corpus = steps.corpus AND rounds.cohort = steps.cohort
ORDER BY steps.corpus, steps.cohort DESC, steps.step_number
