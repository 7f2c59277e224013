-- The category of each project by each source of labels, in the paper's six.
SELECT
    labels.corpus,
    labels.project,
    labels.rater,
    -- Two sheets of the study carry the label; filtered2 is the one Table 1 was made from.
    split_part(labels.source_file, '#', 2) AS sheet,
    labels.code AS label,
    mapping.category,
    labels.codebook_version
FROM staging.labels AS labels
LEFT JOIN seeds.category_labels AS mapping ON mapping.label = labels.code
WHERE labels.code_system = 'category'
QUALIFY row_number() OVER (
    PARTITION BY labels.corpus, labels.project, labels.rater, sheet ORDER BY labels.source_row
) = 1
