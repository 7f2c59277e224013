-- One row per package or requirement file that a command of a Dockerfile installs.
SELECT
    files.corpus,
    files.project,
    files.path,
    files.valid AS dockerfile_valid,
    read.* EXCLUDE (sha256)
FROM core.dockerfiles AS files
JOIN raw.dockerfile_packages AS read ON read.sha256 = files.sha256
