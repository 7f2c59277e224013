-- One row per file taken as a Dockerfile, with the results of the corrected reading.
SELECT
    files.corpus,
    files.project,
    files.path,
    files.sha256,
    files.bytes,
    kinds.file_kind,
    kinds.kind_reason,
    readings.valid,
    readings.coverage,
    readings.reason,
    readings.template,
    readings.encoding,
    readings.lines,
    readings.instructions,
    readings.stages,
    published.valid AS readable_as_published,
    len(published.differences) > 0 AS readings_differ,
    published.differences
FROM staging.dockerfiles AS files
LEFT JOIN staging.repository_files AS kinds ON kinds.project = files.project AND kinds.path = files.path
LEFT JOIN raw.dockerfile_readings AS readings
    ON readings.sha256 = files.sha256 AND readings.reading = 'corrected'
LEFT JOIN raw.dockerfile_readings AS published
    ON published.sha256 = files.sha256 AND published.reading = 'as_published'
