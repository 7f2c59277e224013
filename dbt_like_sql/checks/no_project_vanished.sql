-- Listed projects that are missing from core.projects. A project that is no longer listed is not lost: it stays in raw, and
-- no_project_left reports it.
SELECT DISTINCT wanted.corpus, wanted.project
FROM raw.inputs AS wanted
WHERE
    NOT EXISTS (SELECT 1 FROM core.projects AS known WHERE known.project = wanted.project)
    -- A shard counts as present if its projects are.
    AND NOT EXISTS (
        SELECT 1
        FROM staging.projects AS members
        JOIN core.projects AS known ON known.project = members.project
        WHERE members.shard = wanted.project
    )
