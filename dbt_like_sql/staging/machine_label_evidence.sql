-- The rows of raw.machine_label_evidence that are about listed projects.
SELECT found.*
FROM raw.machine_label_evidence AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
