-- One row per selected project: its metadata from the best of its sheets, and its category.
WITH
    metadata AS (
        SELECT *
        FROM staging.projects
        -- Table 1 was made from the sheet filtered2; notarchived has the missing projects; labeling2 has no metadata.
        QUALIFY row_number() OVER (
            PARTITION BY project
            ORDER BY list_position(['filtered2', 'notarchived', 'labeling2'], sheet), source_row
        ) = 1
    ),
    labelled_dockerfiles AS (
        SELECT project, max(dockerfiles) AS dockerfiles, bool_or(words_counted) AS words_counted
        FROM staging.projects
        WHERE sheet = 'labeling2'
        GROUP BY project
    )
SELECT
    metadata.project,
    metadata.corpus,
    metadata.name,
    metadata.owner,
    metadata.repository_id,
    metadata.tree_sha,
    label.category,
    label.label_source,
    -- The study's own label if there is one: the paper's tables are based on it, whatever was labelled since.
    label.category_as_published,
    label.label AS category_label,
    label.rater AS category_rater,
    metadata.cohort,
    metadata.description,
    metadata.topics,
    metadata.language,
    metadata.homepage,
    metadata.commits,
    metadata.contributors,
    metadata.issues,
    metadata.pulls,
    metadata.releases,
    metadata.repository_bytes,
    metadata.stars,
    metadata.forks,
    metadata.open_issues,
    metadata.archived,
    coalesce(labelled_dockerfiles.dockerfiles, metadata.dockerfiles) AS dockerfiles_as_listed,
    metadata.created_at,
    metadata.updated_at,
    -- Table 1 of the paper is based on 405 projects; the 406th is only in the label sheet.
    metadata.corpus <> 'ease2022' OR metadata.sheet = 'filtered2' AS in_published_sample,
    -- The paper's word counts leave out projects whose count is blank in the sheet.
    coalesce(labelled_dockerfiles.words_counted, true) AS in_published_word_counts,
    metadata.position
FROM metadata
LEFT JOIN core.categories AS label ON label.project = metadata.project
LEFT JOIN labelled_dockerfiles ON labelled_dockerfiles.project = metadata.project
