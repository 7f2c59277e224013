-- One row per distinct model that projects name: a manifest digest, which identifies the content of its files.
WITH
    artifact AS (
        SELECT
            corpus,
            manifest_digest,
            list(DISTINCT reference ORDER BY reference) AS artifact_references,
            any_value(packaging) AS packaging,
            any_value(model_format) AS model_format,
            any_value(architecture) AS architecture,
            any_value(parameters) AS parameters,
            any_value(parameter_count) AS parameter_count,
            any_value(quantization) AS quantization
        FROM staging.model_artifacts
        GROUP BY corpus, manifest_digest
    ),
    file AS (
        SELECT DISTINCT corpus, manifest_digest, position, file_role, bytes
        FROM staging.model_files
    ),
    total AS (
        SELECT
            corpus,
            manifest_digest,
            count(*) AS files,
            count(*) FILTER (WHERE file_role = 'weights') AS weight_files,
            -- The sum of the known values would be too small, so the total is unknown.
            CASE WHEN count(bytes) = count(*) THEN sum(bytes)::BIGINT END AS bytes,
            CASE
                WHEN count(bytes) FILTER (WHERE file_role = 'weights') = count(*) FILTER (WHERE file_role = 'weights')
                    THEN coalesce(sum(bytes) FILTER (WHERE file_role = 'weights'), 0)::BIGINT
            END AS weights_bytes
        FROM file
        GROUP BY corpus, manifest_digest
    ),
    named AS (
        SELECT models.corpus, models.manifest_digest, count(DISTINCT owned.project) AS projects
        FROM staging.model_artifacts AS models
        JOIN core.project_images AS owned ON owned.corpus = models.corpus AND owned.reference = models.reference
        GROUP BY models.corpus, models.manifest_digest
    )
SELECT
    artifact.*,
    coalesce(total.files, 0) AS files,
    coalesce(total.weight_files, 0) AS weight_files,
    CASE WHEN total.files IS NULL THEN 0 ELSE total.bytes END AS bytes,
    CASE WHEN total.files IS NULL THEN 0 ELSE total.weights_bytes END AS weights_bytes,
    coalesce(named.projects, 0) AS projects
FROM artifact
LEFT JOIN total ON total.corpus = artifact.corpus AND total.manifest_digest = artifact.manifest_digest
LEFT JOIN named ON named.corpus = artifact.corpus AND named.manifest_digest = artifact.manifest_digest
