-- The purposes of each project and Dockerfile, by three sources: people (adjudicated, else given by more than half of the
-- people who labelled the unit), machine, and final (people's if there are any, else the machine's). A labelled unit without
-- any purpose has one row 'none', so that the units are the denominator.
WITH
    labels AS (
        SELECT *
        FROM core.labels
        WHERE code_system = 'purpose'
    ),
    adjudicated AS (
        SELECT corpus, project, unit_kind, unit, code, sub_codes, 1 AS raters
        FROM labels
        WHERE rater_kind = 'adjudication'
    ),
    looked AS (
        SELECT corpus, unit, count(DISTINCT rater) AS raters
        FROM labels
        WHERE rater_kind = 'person' AND code <> 'cannot tell'
        GROUP BY ALL
    ),
    agreed AS (
        SELECT
            labels.corpus,
            labels.project,
            labels.unit_kind,
            labels.unit,
            labels.code,
            list_distinct(flatten(list(labels.sub_codes))) AS sub_codes,
            any_value(looked.raters) AS raters
        FROM labels
        JOIN looked ON looked.corpus = labels.corpus AND looked.unit = labels.unit
        WHERE labels.rater_kind = 'person' AND labels.code NOT IN ('none', 'cannot tell')
        GROUP BY ALL
        HAVING count(DISTINCT labels.rater) > any_value(looked.raters) / 2
    ),
    majority AS (
        SELECT * FROM agreed
        UNION ALL
        SELECT DISTINCT
            labels.corpus,
            labels.project,
            labels.unit_kind,
            labels.unit,
            'none' AS code,
            []::VARCHAR[] AS sub_codes,
            looked.raters
        FROM labels
        JOIN looked ON looked.corpus = labels.corpus AND looked.unit = labels.unit
        WHERE
            labels.rater_kind = 'person'
            AND NOT EXISTS (SELECT 1 FROM agreed WHERE agreed.corpus = labels.corpus AND agreed.unit = labels.unit)
    ),
    people AS (
        SELECT *, 'adjudicated' AS label_source FROM adjudicated
        UNION ALL
        SELECT *, 'people' AS label_source
        FROM majority
        WHERE NOT EXISTS (
            SELECT 1 FROM adjudicated WHERE adjudicated.corpus = majority.corpus AND adjudicated.unit = majority.unit
        )
    ),
    machine AS (
        SELECT corpus, project, unit_kind, unit, code, sub_codes, probability
        FROM labels
        WHERE rater_kind = 'machine'
    ),
    every AS (
        SELECT 'people' AS source, people.*, NULL::DOUBLE AS probability FROM people
        UNION ALL BY NAME
        SELECT 'machine' AS source, machine.*, 'machine' AS label_source, 0 AS raters FROM machine
        UNION ALL BY NAME
        SELECT 'final' AS source, people.*, NULL::DOUBLE AS probability FROM people
        UNION ALL BY NAME
        SELECT 'final' AS source, machine.*, 'machine' AS label_source, 0 AS raters
        FROM machine
        WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.corpus = machine.corpus AND people.unit = machine.unit)
    )
SELECT
    corpus,
    project,
    unit_kind,
    unit,
    source,
    code AS purpose,
    sub_codes AS sub_purposes,
    label_source,
    raters,
    probability
FROM every
