-- RQ4: use and maintenance of the projects' repositories on Docker Hub, by the grade of the link to a project.
-- A repository counts once, with its best grade and Docker Hub's newest answer; no manifest is fetched.
WITH
    repository AS (
        SELECT
            corpus,
            repository,
            min(coalesce(list_position(['confirmed', 'likely', 'possible'], link_grade), 4)) AS rank,
            arg_max(pulls, said_at) AS pulls,
            arg_max(stars, said_at) AS stars,
            arg_max(tags, said_at) AS tags,
            date_diff('day', max(last_push_at), max(said_at)) AS days_since_push,
            date_diff('day', max(registered_at), max(said_at)) AS days_since_registration
        FROM core.hub_repositories
        GROUP BY corpus, repository
    ),
    levels (link_grade, worst) AS (VALUES ('confirmed', 1), ('likely', 2), ('possible', 3), ('any', 4)),
    measured AS (
        SELECT
            repository.corpus,
            levels.link_grade,
            levels.worst,
            repository.pulls::DOUBLE AS pulls,
            repository.stars::DOUBLE AS stars,
            repository.tags::DOUBLE AS tags,
            repository.days_since_push::DOUBLE AS days_since_push,
            repository.days_since_registration::DOUBLE AS days_since_registration
        FROM repository
        JOIN levels ON repository.rank <= levels.worst
    ),
    long AS (
        UNPIVOT measured
        ON pulls, stars, tags, days_since_push, days_since_registration
        INTO NAME metric VALUE value
    )
SELECT
    corpus,
    'corrected' AS reading,
    'repository' AS unit_of_analysis,
    link_grade,
    metric,
    CASE WHEN metric LIKE 'days%' THEN 'day' ELSE 'count' END AS unit,
    count(*) AS n,
    median(value) AS median,
    quantile_cont(value, 0.25) AS q25,
    quantile_cont(value, 0.75) AS q75,
    max(value) AS maximum
FROM long
GROUP BY corpus, link_grade, worst, metric
ORDER BY corpus, metric, worst
