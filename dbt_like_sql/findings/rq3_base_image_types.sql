-- RQ3: the share of projects that start at least one stage from a base image of each type. A project may count in
-- several. What each reading counts: core.base_image_uses.
SELECT
    corpus,
    reading,
    category,
    item AS base_image_type,
    'project' AS unit_of_analysis,
    count(*) AS projects,
    any_value(n) AS n,
    count(*) / any_value(n) AS share
FROM core.base_image_uses
WHERE what = 'type'
GROUP BY corpus, reading, category, item
ORDER BY corpus, reading, category, projects DESC
