-- The current labels of people: those of the newest listing of their corpus, and the last import of each rater
-- about a unit. An import replaces all earlier imports of the same rater about the same unit and question. Labels of
-- projects that left do not count.
WITH
    said AS (
        SELECT found.* EXCLUDE (row_hash, first_seen, last_seen)
        FROM raw.labels AS found
        JOIN staging.visits AS visit
            ON visit.corpus = found.corpus
            AND visit.project IS NULL
            AND visit.stage = 'labels'
            AND visit.observed_at = found.last_seen
        WHERE found.source <> 'dockml labels import'
        UNION ALL
        SELECT imported.* EXCLUDE (row_hash, first_seen, last_seen)
        FROM raw.labels AS imported
        WHERE imported.source = 'dockml labels import'
        QUALIFY imported.last_seen = max(imported.last_seen) OVER (
            PARTITION BY imported.corpus, imported.rater, imported.unit_kind, imported.unit, imported.code_system
        )
    )
SELECT said.*
FROM said
JOIN staging.listed_projects AS listed ON listed.project = said.project
