-- One row per distinct layer: its size, the number of distinct images with it, and its content if known.
WITH
    listed AS (
        SELECT
            corpus,
            layer_digest,
            any_value(media_type) AS media_type,
            max(compressed_bytes) AS compressed_bytes,
            count(DISTINCT config_digest) AS images,
            any_value(instruction) AS instruction
        FROM staging.image_layers
        GROUP BY corpus, layer_digest
    ),
    scanned AS (
        SELECT
            corpus,
            layer_digest,
            any_value(status) AS status,
            any_value(entries) AS entries,
            any_value(compressed_bytes) AS compressed_bytes,
            any_value(inflated_bytes) AS inflated_bytes,
            any_value(compression) AS compression,
            any_value(files) AS files,
            any_value(directories) AS directories,
            any_value(empty_directories) AS empty_directories,
            any_value(max_published_level) AS max_published_level,
            any_value(max_depth) AS max_depth,
            any_value(bytes) AS bytes,
            any_value(symlinks) AS symlinks,
            any_value(hardlinks) AS hardlinks,
            any_value(whiteouts) AS whiteouts,
            any_value(opaques) AS opaques,
            any_value(censored) AS censored,
            any_value(verified) AS verified
        FROM staging.layers
        GROUP BY corpus, layer_digest
    )
SELECT
    coalesce(listed.corpus, scanned.corpus) AS corpus,
    coalesce(listed.layer_digest, scanned.layer_digest) AS layer_digest,
    listed.media_type,
    coalesce(listed.compressed_bytes, scanned.compressed_bytes) AS compressed_bytes,
    listed.images,
    listed.instruction,
    scanned.status,
    scanned.compression,
    scanned.inflated_bytes,
    scanned.entries,
    scanned.files,
    scanned.directories,
    scanned.empty_directories,
    scanned.max_published_level,
    scanned.max_depth,
    scanned.bytes,
    scanned.symlinks,
    scanned.hardlinks,
    scanned.whiteouts,
    scanned.opaques,
    scanned.censored,
    scanned.verified
FROM listed
FULL JOIN scanned ON scanned.corpus = listed.corpus AND scanned.layer_digest = listed.layer_digest
