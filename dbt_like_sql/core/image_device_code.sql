-- One row per file of a distinct image with GPU code, by section, set of alternatives, kind and architecture; a driver chooses
-- within one set. Images with a layer that was not searched have no row: core.images.device_code_bytes is NULL.
SELECT
    found.corpus,
    found.config_digest,
    found.reference,
    found.source_row,
    found.path,
    found.position AS layer_position,
    found.layer_digest,
    layers.instruction,
    layers.from_base,
    found.hidden_by IS NULL AS visible,
    found.hidden_by,
    found.package,
    found.section,
    found.device_set,
    found.vendor,
    found.kind,
    found.architecture,
    found.compression,
    found.containers,
    found.entries,
    found.bytes,
    found.inflated_bytes,
    found.estimated
FROM staging.image_device_code AS found
JOIN core.images AS images
    ON images.corpus = found.corpus
    AND images.config_digest = found.config_digest
    AND images.manifest_digest = found.manifest_digest
LEFT JOIN core.image_layers AS layers
    ON layers.corpus = found.corpus
    AND layers.config_digest = found.config_digest
    AND layers.position = found.position
QUALIFY row_number() OVER (
    PARTITION BY found.corpus, found.manifest_digest, found.source_row ORDER BY found.reference
) = 1
