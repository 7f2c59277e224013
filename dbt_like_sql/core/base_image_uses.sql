-- One row per project, reading, category and base image or type of base image that a stage of the project starts from. Each
-- project counts under its own category and under All. as_published is the paper's count as reconstructed: a FROM has a type
-- (or an image) if its text contains one of the type's words anywhere, so nvidia/cuda:11-ubuntu20.04 is also an operating
-- system, and pypa/… is python. corrected uses the image that FROM names. n: all projects with a FROM in that reading,
-- whatever their category, because the paper's shares refer to those. Control cohorts are left out.
WITH
    used AS (
        SELECT 'type' AS what, 'as_published' AS reading, texts.corpus, texts.category, texts.project, words.base_image_type AS item
        FROM core.published_base_texts AS texts
        JOIN seeds.base_image_type_words_as_published AS words ON contains(texts.base_text, words.word)
        UNION ALL
        SELECT 'image' AS what, 'as_published' AS reading, texts.corpus, texts.category, texts.project, words.base_image
        FROM core.published_base_texts AS texts
        JOIN seeds.base_image_words_as_published AS words ON contains(texts.base_text, words.word)
        UNION ALL
        SELECT
            unnest(CASE WHEN images.base_kind = 'image' THEN ['type', 'image'] ELSE ['type'] END) AS what,
            'corrected' AS reading,
            images.corpus,
            coalesce(projects.category, 'unlabelled') AS category,
            images.project,
            unnest(
                CASE
                    WHEN images.base_kind = 'image'
                        THEN [coalesce(images.base_image_type, 'not classified'), images.base_name]
                    ELSE [coalesce(images.base_image_type, 'not classified')]
                END
            ) AS item
        FROM core.base_images AS images
        JOIN core.projects AS projects ON projects.project = images.project
        WHERE images.dockerfile_valid AND projects.cohort IS DISTINCT FROM 'control'
    ),
    denominators AS (
        SELECT 'as_published' AS reading, corpus, count(DISTINCT project) AS n
        FROM core.published_base_texts
        GROUP BY corpus
        UNION ALL
        SELECT 'corrected' AS reading, images.corpus, count(DISTINCT images.project) AS n
        FROM core.base_images AS images
        JOIN core.projects AS projects ON projects.project = images.project
        WHERE images.dockerfile_valid AND projects.cohort IS DISTINCT FROM 'control'
        GROUP BY images.corpus
    ),
    categorised AS (
        SELECT what, reading, corpus, unnest([category, 'All']) AS category, project, item
        FROM used
    )
SELECT DISTINCT
    categorised.what,
    categorised.corpus,
    categorised.reading,
    categorised.project,
    categorised.category,
    categorised.item,
    denominators.n
FROM categorised
JOIN denominators ON denominators.corpus = categorised.corpus AND denominators.reading = categorised.reading
