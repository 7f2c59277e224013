-- The category of each project: adjudicated, else given by more than half of the people who could tell, else the
-- machine's. Further columns have the category by each of the three alone.
WITH
    labels AS (
        SELECT *
        FROM core.labels
        WHERE unit_kind = 'project' AND code_system = 'category'
    ),
    adjudicated AS (
        SELECT corpus, project, any_value(code) AS category
        FROM labels
        WHERE rater_kind = 'adjudication'
        GROUP BY ALL
    ),
    votes AS (
        SELECT corpus, project, code, count(DISTINCT rater) AS votes
        FROM labels
        WHERE rater_kind = 'person' AND code NOT IN ('cannot tell', 'none')
        GROUP BY ALL
    ),
    majority AS (
        SELECT
            corpus,
            project,
            sum(votes)::BIGINT AS raters,
            max(votes) AS agreeing,
            CASE WHEN max(votes) > sum(votes) / 2 THEN arg_max(code, votes) END AS category
        FROM votes
        GROUP BY ALL
    ),
    written AS (
        SELECT corpus, project, any_value(written_codes[1]) AS label, any_value(rater) AS rater
        FROM labels
        WHERE rater_kind = 'person'
        GROUP BY ALL
        HAVING count(DISTINCT rater) = 1
    ),
    machine AS (
        SELECT
            corpus,
            project,
            nullif(code, 'cannot tell') AS category,
            likeliest,
            probability
        FROM staging.machine_labels
        WHERE unit_kind = 'project' AND code_system = 'category'
    ),
    -- The category that the study published, whatever was imported since.
    published AS (
        SELECT labels.corpus, labels.project, mapping.category
        FROM staging.labels AS labels
        JOIN seeds.category_labels AS mapping ON mapping.label = labels.code
        WHERE labels.code_system = 'category' AND labels.rater = 'openja2022' AND labels.source <> 'dockml labels import'
        QUALIFY row_number() OVER (
            PARTITION BY labels.corpus, labels.project
            ORDER BY list_position(['labeling2', 'filtered2'], split_part(labels.source_file, '#', 2)), labels.source_row
        ) = 1
    ),
    projects AS (
        SELECT DISTINCT corpus, project FROM labels WHERE project IS NOT NULL
    )
SELECT
    projects.corpus,
    projects.project,
    coalesce(adjudicated.category, majority.category, machine.category) AS category,
    CASE
        WHEN adjudicated.category IS NOT NULL THEN 'adjudicated'
        WHEN majority.category IS NOT NULL THEN 'people'
        WHEN machine.category IS NOT NULL THEN 'machine'
        ELSE 'none'
    END AS label_source,
    coalesce(majority.raters, 0) AS raters,
    coalesce(majority.agreeing, 0) AS raters_agreeing,
    adjudicated.category AS category_adjudicated,
    majority.category AS category_of_people,
    machine.category AS category_of_machine,
    machine.likeliest AS likeliest_of_machine,
    machine.probability AS machine_probability,
    published.category AS category_as_published,
    written.label,
    written.rater
FROM projects
LEFT JOIN adjudicated USING (corpus, project)
LEFT JOIN majority USING (corpus, project)
LEFT JOIN machine USING (corpus, project)
LEFT JOIN published USING (corpus, project)
LEFT JOIN written USING (corpus, project)
