-- RQ4: how far distinct images share layers, and what storing each layer once saves.
WITH
    placed AS (
        SELECT DISTINCT corpus, config_digest, layer_digest, compressed_bytes
        FROM staging.image_layers
    ),
    stored AS (
        SELECT corpus, layer_digest, max(compressed_bytes) AS compressed_bytes, count(*) AS images
        FROM placed
        GROUP BY corpus, layer_digest
    ),
    volume AS (
        SELECT
            corpus,
            count(DISTINCT config_digest) AS images,
            sum(compressed_bytes)::BIGINT AS referenced_bytes
        FROM placed
        GROUP BY corpus
    )
SELECT
    stored.corpus,
    'corrected' AS reading,
    'layer' AS unit_of_analysis,
    any_value(volume.images) AS images,
    count(*) AS n,
    count(*) FILTER (WHERE stored.images = 1) AS layers_in_one_image,
    count(*) FILTER (WHERE stored.images > 1) AS layers_shared,
    count(*) FILTER (WHERE stored.images = 1) / count(*) AS share_in_one_image,
    max(stored.images) AS most_shared_images,
    arg_max(stored.layer_digest, stored.images) AS most_shared_layer,
    any_value(volume.referenced_bytes) AS referenced_bytes,
    sum(stored.compressed_bytes)::BIGINT AS distinct_bytes,
    any_value(volume.referenced_bytes) / sum(stored.compressed_bytes) AS layer_dedup_ratio
FROM stored
JOIN volume ON volume.corpus = stored.corpus
GROUP BY stored.corpus
ORDER BY stored.corpus
