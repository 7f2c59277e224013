-- One row per build stage of a Dockerfile, as BuildKit sees it.
SELECT
    files.corpus,
    files.project,
    files.path,
    files.valid AS dockerfile_valid,
    read.* EXCLUDE (sha256)
FROM core.dockerfiles AS files
JOIN raw.dockerfile_stages AS read ON read.sha256 = files.sha256
