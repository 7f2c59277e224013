-- RQ3: the share of projects that start at least one stage from a base image of each type. A project may count in
-- several. as_published is the paper's counting as it was reconstructed: a FROM is of a type when its text contains one
-- of the type's words, anywhere; corrected classifies the image that FROM names, by rules with evidence.
WITH
    published_texts AS (
        SELECT corpus, project, lower(base_text) AS base_text
        FROM staging.base_image_labels
        UNION
        SELECT stages.corpus, stages.project, lower(stages.base_text) AS base_text
        FROM core.stages AS stages
        -- Only the study's own corpus has the list that was typed by hand.
        WHERE NOT EXISTS (SELECT 1 FROM staging.base_image_labels AS typed WHERE typed.corpus = stages.corpus)
    ),
    typed AS (
        SELECT DISTINCT 'as_published' AS reading, texts.corpus, texts.project, words.base_image_type
        FROM published_texts AS texts
        JOIN seeds.base_image_type_words_as_published AS words ON contains(texts.base_text, words.word)
        UNION ALL
        SELECT DISTINCT 'corrected' AS reading, corpus, project, coalesce(base_image_type, 'not classified')
        FROM core.base_images
        WHERE dockerfile_valid
    ),
    denominators AS (
        SELECT 'as_published' AS reading, corpus, count(DISTINCT project) AS n
        FROM published_texts
        GROUP BY corpus
        UNION ALL
        SELECT 'corrected' AS reading, corpus, count(DISTINCT project) AS n
        FROM core.base_images
        WHERE dockerfile_valid
        GROUP BY corpus
    ),
    categorised AS (
        SELECT typed.*, coalesce(projects.category, 'unlabelled') AS category
        FROM typed
        JOIN core.projects AS projects ON projects.project = typed.project
        UNION ALL
        SELECT *, 'All' AS category
        FROM typed
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
GROUP BY ALL
ORDER BY categorised.corpus, categorised.reading, categorised.category, projects DESC
