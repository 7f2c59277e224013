-- The rows of raw.dockerfile_changes that are about listed projects.
SELECT found.*
FROM raw.dockerfile_changes AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
