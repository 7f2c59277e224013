-- Every listed project is in core.projects. One that was answered for and is listed no more is not lost either: it
-- stays in raw, and its absence is told by no_project_left.
SELECT DISTINCT wanted.corpus, wanted.project
FROM raw.inputs AS wanted
WHERE
    NOT EXISTS (SELECT 1 FROM core.projects AS known WHERE known.project = wanted.project)
    -- A shard is there by its projects.
    AND NOT EXISTS (
        SELECT 1
        FROM staging.projects AS members
        JOIN core.projects AS known ON known.project = members.project
        WHERE members.shard = wanted.project
    )
