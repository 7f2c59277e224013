-- The rows of raw.rebuild_years that are about listed projects.
SELECT found.*
FROM raw.rebuild_years AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
