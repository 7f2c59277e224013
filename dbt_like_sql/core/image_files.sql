-- One row per large file of a distinct image, visible or hidden by later layers. Other images with the same content are
-- counted among these large files only; every file of every layer is in raw.layer_files.
WITH file AS (
    SELECT found.*
    FROM staging.image_files AS found
    JOIN core.images AS images
        ON images.corpus = found.corpus
        AND images.config_digest = found.config_digest
        AND images.manifest_digest = found.manifest_digest
    QUALIFY row_number() OVER (
        PARTITION BY found.corpus, found.manifest_digest, found.source_row ORDER BY found.reference
    ) = 1
),
    copied AS (
        SELECT corpus, file_hash, count(DISTINCT config_digest) AS images
        FROM file
        GROUP BY corpus, file_hash
    ),
    repeated AS (
        SELECT corpus, config_digest, file_hash, count(*) AS copies
        FROM file
        WHERE hidden_by IS NULL
        GROUP BY corpus, config_digest, file_hash
    )
SELECT
    file.corpus,
    file.config_digest,
    file.reference,
    file.source_row,
    file.path,
    file.bytes,
    file.extension,
    file.file_type,
    file.file_hash,
    file.position AS layer_position,
    file.layer_digest,
    layers.instruction,
    layers.from_base,
    file.hidden_by IS NULL AS visible,
    file.hidden_by,
    file.hidden_cause,
    repeated.copies AS copies_in_image,
    copied.images AS images_with_content
FROM file
LEFT JOIN core.image_layers AS layers
    ON layers.corpus = file.corpus
    AND layers.config_digest = file.config_digest
    AND layers.position = file.position
LEFT JOIN copied ON copied.corpus = file.corpus AND copied.file_hash = file.file_hash
LEFT JOIN repeated
    ON repeated.corpus = file.corpus
    AND repeated.config_digest = file.config_digest
    AND repeated.file_hash = file.file_hash
