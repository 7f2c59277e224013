-- What each machine label rests on: rule or feature, and the place in the repository. A line that speaks several times
-- (EXPOSE of three ports) is one place.
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
