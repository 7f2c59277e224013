-- The evidence for each machine label: rule or feature, and the place in the repository. A line with several pieces of the
-- same evidence (EXPOSE of three ports) is one place.
SELECT DISTINCT
    corpus,
    project,
    unit_kind,
    unit,
    code_system,
    code,
    rule,
    sub_code,
    contribution,
    found_in,
    file,
    line
FROM staging.machine_label_evidence
