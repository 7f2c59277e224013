-- One row per project and image (registry and path, without tag) linked to it by evidence: the best grade, and the evidence.
WITH
    named AS (
        SELECT DISTINCT corpus, project, repository
        FROM staging.image_reference_grades
    )
SELECT
    links.corpus,
    links.project,
    links.repository,
    list(DISTINCT links.reference ORDER BY links.reference) AS image_references,
    arg_min(links.link_grade, list_position(['confirmed', 'likely', 'possible'], links.link_grade)) AS link_grade,
    list(DISTINCT links.kind ORDER BY links.kind) AS kinds,
    count(*) AS evidence_count,
    -- The first place with the best grade, as the evidence to look at.
    arg_min(
        links.path || coalesce(':' || links.line, ''),
        (list_position(['confirmed', 'likely', 'possible'], links.link_grade), links.path, links.line)
    ) AS place,
    named.repository IS NOT NULL AS named_by_source
FROM staging.image_links AS links
LEFT JOIN named
    ON named.corpus = links.corpus AND named.project = links.project AND named.repository = links.repository
GROUP BY links.corpus, links.project, links.repository, named.repository
