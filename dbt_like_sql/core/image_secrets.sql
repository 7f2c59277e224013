-- One row per file with a secret in a layer of a distinct image, and the rule that found it, never the secret itself. Files
-- hidden by later layers count, since they are shipped; a key that a package of the layer contains was already published.
SELECT
    found.corpus,
    found.config_digest,
    found.reference,
    found.source_row,
    found.rule,
    found.path,
    found.position AS layer_position,
    found.layer_digest,
    layers.instruction,
    layers.from_base,
    found.hidden_by IS NULL AS visible,
    found.hidden_by,
    found.published_with,
    CASE WHEN found.published_with IS NULL THEN 'error' ELSE 'note' END AS severity
FROM staging.image_secrets AS found
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
