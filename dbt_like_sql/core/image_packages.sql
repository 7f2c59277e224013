-- One row per package in the package databases of a distinct image: its bytes, and the layer and instruction that brought
-- most of them. Images with a layer that was read without packages have no row: core.images.packages is NULL.
SELECT
    found.corpus,
    found.config_digest,
    found.reference,
    found.source_row,
    found.ecosystem,
    found.package,
    found.version,
    found.version_key,
    found.architecture,
    found.licence,
    found.purl,
    found.family,
    families.family_group,
    found.found_in,
    found.inside,
    found.visible,
    found.files,
    found.files_missing,
    found.bytes,
    found.compressed_bytes,
    found.hidden_files,
    found.hidden_bytes,
    found.position AS layer_position,
    found.layer_digest,
    layers.instruction,
    layers.from_base
FROM staging.image_packages AS found
JOIN core.images AS images
    ON images.corpus = found.corpus
    AND images.config_digest = found.config_digest
    AND images.manifest_digest = found.manifest_digest
LEFT JOIN (SELECT family, any_value(family_group) AS family_group FROM seeds.package_families GROUP BY family) AS families
    ON families.family = found.family
LEFT JOIN core.image_layers AS layers
    ON layers.corpus = found.corpus
    AND layers.config_digest = found.config_digest
    AND layers.position = found.position
QUALIFY row_number() OVER (
    PARTITION BY found.corpus, found.manifest_digest, found.source_row ORDER BY found.reference
) = 1
