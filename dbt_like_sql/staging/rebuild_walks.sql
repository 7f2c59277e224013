-- The rows of raw.rebuild_walks that are about listed projects.
SELECT found.*
FROM raw.rebuild_walks AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
