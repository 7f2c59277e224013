-- One row a project and image (registry and path, without tag) that something ties to it: the best grade, and by what.
WITH
    named AS (
        SELECT DISTINCT corpus, project, repository
        FROM raw.image_reference_grades
        WHERE repository IS NOT NULL
    )
SELECT
    links.corpus,
    links.project,
    links.repository,
    list(DISTINCT links.reference ORDER BY links.reference) AS "references",
    arg_min(links.grade, list_position(['proved', 'likely', 'possible'], links.grade)) AS grade,
    list(DISTINCT links.kind ORDER BY links.kind) AS kinds,
    count(*) AS evidence,
    -- The first place of the best grade: where to look to see why.
    arg_min(
        links.path || coalesce(':' || links.line, ''),
        (list_position(['proved', 'likely', 'possible'], links.grade), links.path, links.line)
    ) FILTER (WHERE links.path IS NOT NULL) AS place,
    named.repository IS NOT NULL AS named_by_source
FROM raw.image_links AS links
JOIN core.projects AS projects ON projects.project = links.project
LEFT JOIN named
    ON named.corpus = links.corpus AND named.project = links.project AND named.repository = links.repository
GROUP BY links.corpus, links.project, links.repository, named.repository
