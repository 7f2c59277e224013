-- One row per project and Docker Hub repository of its images: Docker Hub's facts about it, and the grade of its link to the
-- project.
WITH
    tags AS (
        SELECT
            corpus,
            repository,
            max(pushed_at) AS last_push_at,
            median(tag_bytes) AS median_tag_bytes,
            count(*) FILTER (WHERE len(platforms) > 1) AS tags_of_several_platforms,
            list_sort(list_distinct(flatten(list(platforms)))) AS platforms
        FROM core.hub_tags
        GROUP BY corpus, repository
    )
SELECT
    hub.corpus,
    hub.project,
    hub.repository,
    links.link_grade,
    hub.pulls,
    hub.stars,
    hub.description,
    hub.full_description,
    hub.registered_at,
    hub.updated_at,
    hub.tags,
    hub.tags_listed,
    tags.last_push_at,
    tags.median_tag_bytes,
    tags.tags_of_several_platforms,
    tags.platforms,
    hub.censored,
    hub.said_at
FROM staging.hub_repositories AS hub
JOIN core.projects AS projects ON projects.project = hub.project
LEFT JOIN tags ON tags.corpus = hub.corpus AND tags.repository = hub.repository
LEFT JOIN core.image_links AS links
    ON links.corpus = hub.corpus AND links.project = hub.project AND links.repository = hub.repository
