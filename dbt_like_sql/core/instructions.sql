-- One row per instruction of a file taken as a Dockerfile, in each of the two readings.
SELECT
    files.corpus,
    files.project,
    files.path,
    read.reading,
    read.position,
    read.keyword,
    read.start_line,
    read.end_line,
    read.build_stage,
    read.form,
    read.flags,
    read.names,
    read.heredocs,
    read.known_keyword,
    files.valid AS dockerfile_valid
FROM core.dockerfiles AS files
JOIN raw.dockerfile_instructions AS read ON read.sha256 = files.sha256
