-- A few figures of every corpus that should not change much from one build to the next; each build stores them in
-- raw.figures, and the check distributions_did_not_jump compares.
SELECT corpus, 'projects' AS figure, 'project' AS unit_of_analysis, count(*)::DOUBLE AS value, count(*) AS n
FROM core.projects
GROUP BY corpus
UNION ALL
SELECT corpus, 'valid share of Dockerfiles', 'Dockerfile', avg(valid::INTEGER), count(valid)
FROM core.dockerfiles
GROUP BY corpus
UNION ALL
SELECT corpus, 'pooled share of ' || keyword, unit_of_analysis, pooled_share, n
FROM findings.rq3_instruction_mix
WHERE reading = 'corrected' AND category = 'All' AND keyword IN ('RUN', 'COPY', 'ENV', 'FROM')
UNION ALL
SELECT corpus, 'share of projects on ' || base_image_type, unit_of_analysis, share, n
FROM findings.rq3_base_image_types
WHERE reading = 'corrected' AND category = 'All'
UNION ALL
SELECT corpus, 'median layers of an image', 'image', median(rootfs_layers)::DOUBLE, count(rootfs_layers)
FROM core.images
GROUP BY corpus
HAVING count(rootfs_layers) > 0
UNION ALL
SELECT corpus, 'median bytes of a layer', 'layer', median(bytes)::DOUBLE, count(bytes)
FROM core.layers
GROUP BY corpus
HAVING count(bytes) > 0
