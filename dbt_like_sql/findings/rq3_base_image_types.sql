-- RQ3: the share of projects that start at least one stage from a base image of each type. A project may count in
-- several. as_published is the paper's counting as it was reconstructed: a FROM is of a type when its text contains one
-- of the type's words, anywhere, so that nvidia/cuda:11-ubuntu20.04 is an operating system too; corrected classifies the
-- image that FROM names, by rules with evidence.
WITH
    typed AS (
        SELECT DISTINCT
            'as_published' AS reading, texts.corpus, texts.category, texts.project, words.base_image_type
        FROM core.published_base_texts AS texts
        JOIN seeds.base_image_type_words_as_published AS words ON contains(texts.base_text, words.word)
        UNION ALL
        SELECT DISTINCT
            'corrected' AS reading,
            images.corpus,
            coalesce(projects.category, 'unlabelled') AS category,
            images.project,
            coalesce(images.base_image_type, 'not classified') AS base_image_type
        FROM core.base_images AS images
        JOIN core.projects AS projects ON projects.project = images.project
        WHERE images.dockerfile_valid
    ),
    denominators AS (
        SELECT 'as_published' AS reading, corpus, count(DISTINCT project) AS n
        FROM core.published_base_texts
        GROUP BY corpus
        UNION ALL
        SELECT 'corrected' AS reading, corpus, count(DISTINCT project) AS n
        FROM core.base_images
        WHERE dockerfile_valid
        GROUP BY corpus
    ),
    categorised AS (
        SELECT * FROM typed
        UNION ALL
        SELECT DISTINCT reading, corpus, 'All' AS category, project, base_image_type FROM typed
    )
SELECT
    categorised.corpus,
    categorised.reading,
    categorised.category,
    categorised.base_image_type,
    'project' AS unit_of_analysis,
    count(*) AS projects,
    -- The paper's shares are of all projects, whatever their category.
    any_value(denominators.n) AS n,
    count(*) / any_value(denominators.n) AS share
FROM categorised
JOIN denominators ON denominators.corpus = categorised.corpus AND denominators.reading = categorised.reading
GROUP BY categorised.corpus, categorised.reading, categorised.category, categorised.base_image_type
ORDER BY categorised.corpus, categorised.reading, categorised.category, projects DESC
