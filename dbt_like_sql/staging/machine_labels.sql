-- The rows of raw.machine_labels that are about listed projects.
SELECT found.*
FROM raw.machine_labels AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
