-- One row per distinct image and content rule that matches some of its files, with bytes and evidence.
SELECT
    found.corpus,
    found.config_digest,
    found.reference,
    found.rule,
    found.rule_group,
    found.removable,
    found.files,
    found.bytes,
    found.duplicate_bytes,
    found.hidden_files,
    found.hidden_bytes,
    found.bytes / nullif(images.bytes, 0) AS share_of_bytes,
    found.evidence
FROM staging.image_contents AS found
JOIN core.images AS images
    ON images.corpus = found.corpus
    AND images.config_digest = found.config_digest
    AND images.manifest_digest = found.manifest_digest
QUALIFY row_number() OVER (
    PARTITION BY found.corpus, found.manifest_digest, found.rule ORDER BY found.reference
) = 1
