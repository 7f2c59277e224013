-- The rows of raw.rebuild_moves that are about listed projects.
SELECT found.*
FROM raw.rebuild_moves AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
