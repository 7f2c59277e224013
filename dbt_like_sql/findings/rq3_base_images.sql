-- RQ3: the share of projects that use each base image. as_published looks for words anywhere in the text of FROM (so
-- python counts for pypa/…); corrected goes by the image's own name, whatever its tag.
WITH
    used AS (
        SELECT DISTINCT 'as_published' AS reading, texts.corpus, texts.category, texts.project, words.base_image
        FROM core.published_base_texts AS texts
        JOIN seeds.base_image_words_as_published AS words ON contains(texts.base_text, words.word)
        UNION ALL
        SELECT DISTINCT
            'corrected' AS reading,
            images.corpus,
            coalesce(projects.category, 'unlabelled') AS category,
            images.project,
            images.base_name AS base_image
        FROM core.base_images AS images
        JOIN core.projects AS projects ON projects.project = images.project
        WHERE images.dockerfile_valid AND images.base_kind = 'image'
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
        SELECT * FROM used
        UNION ALL
        SELECT DISTINCT reading, corpus, 'All' AS category, project, base_image FROM used
    )
SELECT
    categorised.corpus,
    categorised.reading,
    categorised.category,
    categorised.base_image,
    'project' AS unit_of_analysis,
    count(*) AS projects,
    any_value(denominators.n) AS n,
    count(*) / any_value(denominators.n) AS share
FROM categorised
JOIN denominators ON denominators.corpus = categorised.corpus AND denominators.reading = categorised.reading
GROUP BY categorised.corpus, categorised.reading, categorised.category, categorised.base_image
ORDER BY categorised.corpus, categorised.reading, categorised.category, projects DESC, categorised.base_image
