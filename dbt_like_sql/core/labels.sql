-- Every current label, of people and of the machine, in the codes of the codebook: one row per rater, unit and code.
-- Categories in other words are mapped by the seed category_labels, the study's free-text purposes by purpose_codes. A
-- labelled unit without any code of the codebook has the code 'none'.
WITH
    -- Two sheets of the study have labels; labeling2 has one more project.
    said AS (
        SELECT *
        FROM staging.labels
        WHERE code_system IN ('category', 'purpose')
        QUALIFY source = 'dockml labels import'
            OR dense_rank() OVER (
                PARTITION BY corpus, unit, rater, code_system ORDER BY split_part(source_file, '#', 2) = 'filtered2'
            ) = 1
    ),
    coded AS (
        SELECT
            said.corpus,
            said.project,
            said.rater,
            said.unit_kind,
            said.unit,
            said.code_system,
            said.code AS written_code,
            CASE
                WHEN said.code = 'cannot tell' THEN said.code
                WHEN said.code_system = 'category' THEN mapping.category
                WHEN known.name IS NOT NULL THEN known.name
                ELSE meaning.purpose
            END AS code,
            CASE
                WHEN known.name IS NOT NULL THEN nullif(trim(substr(said.code, len(known.name) + 2)), '')
                ELSE meaning.sub_purpose
            END AS sub_code,
            said.codebook_version,
            said.evidence_text,
            said.labelled_at
        FROM said
        LEFT JOIN seeds.category_labels AS mapping
            ON mapping.label = said.code
        LEFT JOIN seeds.purposes AS known
            ON said.code_system = 'purpose' AND known.name = split_part(said.code, ': ', 1)
        LEFT JOIN seeds.purpose_codes AS meaning
            ON said.code_system = 'purpose'
            AND meaning.code = lower(trim(regexp_replace(said.code, '\s+', ' ', 'g')))
            AND meaning.confidence IN ('high', 'medium')
    ),
    grouped AS (
        SELECT
            corpus,
            project,
            rater,
            CASE WHEN rater = 'adjudication' THEN 'adjudication' ELSE 'person' END AS rater_kind,
            unit_kind,
            unit,
            code_system,
            coalesce(code, 'none') AS code,
            coalesce(list(DISTINCT sub_code ORDER BY sub_code) FILTER (WHERE sub_code IS NOT NULL), []) AS sub_codes,
            list(DISTINCT written_code ORDER BY written_code) AS written_codes,
            NULL::DOUBLE AS probability,
            any_value(codebook_version) AS codebook_version,
            max(labelled_at) AS labelled_at
        FROM coded
        GROUP BY ALL
    ),
    people AS (
        SELECT *
        FROM grouped
        -- Codes that name nothing of the codebook only count where nothing else was said.
        QUALIFY code <> 'none' OR count(*) OVER (PARTITION BY corpus, rater, unit, code_system) = 1
    )
SELECT * FROM people
UNION ALL
SELECT
    corpus,
    project,
    'machine' AS rater,
    'machine' AS rater_kind,
    unit_kind,
    unit,
    code_system,
    code,
    sub_codes,
    [code] AS written_codes,
    probability,
    codebook_version,
    labelled_at
FROM staging.machine_labels
