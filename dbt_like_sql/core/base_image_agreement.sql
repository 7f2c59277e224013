-- One row per base image that the study typed by hand, compared with the Dockerfile. The sheet identifies a FROM by its
-- text, not by its line, so a row agrees when any FROM of the file names the image. Values that a build passes from outside
-- (Compose, CI) are not in the file and are not used. The seed explains each kind and what it counts as.
WITH
    typed AS (
        SELECT
            corpus,
            project,
            source_row,
            ltrim(dockerfile_path, '/') AS path,
            list_filter(regexp_split_to_array(trim(base_text), '\s+'), lambda word: NOT starts_with(word, '--'))[1] AS word,
            version AS version_typed
        FROM staging.base_image_labels
    ),
    named AS (
        SELECT
            *,
            contains(word, '$') OR contains(word, '{') AS is_variable,
            nullif(regexp_extract(split_part(word, '@', 1), ':([^:/]*)$', 1), '') AS typed_tag,
            -- Docker Hub's host and its namespace of official images are left out, as people omit them.
            regexp_replace(
                regexp_replace(split_part(word, '@', 1), ':[^:/]*$', ''), '^(?:(?:index\.)?docker\.io/)?(?:library/)?', ''
            ) AS typed_name
        FROM typed
    ),
    compared AS (
        SELECT
            named.corpus,
            named.source_row,
            any_value(named.project) AS project,
            any_value(named.path) AS path,
            any_value(named.word) AS word,
            any_value(named.is_variable) AS is_variable,
            any_value(named.typed_tag) AS typed_tag,
            count(stages.build_stage) AS stages,
            bool_or(stages.base_text = named.word AND stages.base_kind = 'stage') AS is_stage,
            bool_or(stages.base_text = named.word AND stages.base_kind = 'unresolved') AS is_unresolved,
            bool_or(stages.base_text = named.word AND stages.base_kind = 'image') AS is_resolved,
            bool_or(stages.base_kind = 'unresolved') AS any_unresolved,
            bool_or(stages.base_name = named.typed_name) AS same_name,
            bool_or(
                stages.base_name = named.typed_name
                AND (
                    stages.tag IS NOT DISTINCT FROM named.typed_tag
                    -- Some rows have the tag in the next column.
                    OR (named.typed_tag IS NULL AND stages.tag = named.version_typed)
                )
            ) AS same_image,
            list(DISTINCT coalesce(stages.base_name || coalesce(':' || stages.tag, ''), stages.base_text))
                FILTER (WHERE stages.base_kind <> 'stage') AS file_images,
            flatten(list(stages.unresolved) FILTER (WHERE stages.unresolved IS NOT NULL)) AS variables
        FROM named
        LEFT JOIN core.stages AS stages ON stages.project = named.project AND stages.path = named.path
        GROUP BY named.corpus, named.source_row
    )
SELECT
    corpus,
    project,
    path,
    source_row,
    word AS typed_text,
    list_sort(file_images) AS file_images,
    list_sort(list_distinct(variables)) AS variables,
    CASE
        WHEN stages = 0 THEN 'file not read'
        WHEN word = 'scratch' THEN 'scratch'
        WHEN is_stage THEN 'stage of the file'
        WHEN is_unresolved THEN 'variable, unresolved'
        WHEN is_variable AND is_resolved THEN 'variable, resolved'
        WHEN is_variable THEN 'variable, not in the file'
        WHEN same_image THEN 'same image'
        WHEN any_unresolved THEN 'typed for an unresolved FROM'
        WHEN same_name AND typed_tag IS NULL THEN 'same name, no tag typed'
        WHEN same_name THEN 'same name, another tag'
        ELSE 'another image'
    END AS kind
FROM compared
ORDER BY corpus, source_row
