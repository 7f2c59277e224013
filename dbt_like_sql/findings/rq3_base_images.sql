-- RQ3: the share of projects that use each base image, whatever its tag. What each reading counts: core.base_image_uses.
SELECT
    corpus,
    reading,
    category,
    item AS base_image,
    'project' AS unit_of_analysis,
    count(*) AS projects,
    any_value(n) AS n,
    count(*) / any_value(n) AS share
FROM core.base_image_uses
WHERE what = 'image'
GROUP BY corpus, reading, category, item
ORDER BY corpus, reading, category, projects DESC, base_image
