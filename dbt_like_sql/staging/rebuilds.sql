-- The rows of raw.rebuilds that are about listed projects.
SELECT found.*
FROM raw.rebuilds AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
