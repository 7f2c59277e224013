-- One row per tag of a repository on Docker Hub, as Docker Hub lists it; no manifest was fetched.
SELECT
    corpus,
    repository,
    tag,
    any_value(tag_digest) AS tag_digest,
    any_value(media_type) AS media_type,
    any_value(tag_bytes) AS tag_bytes,
    any_value(tag_status) AS tag_status,
    any_value(updated_at) AS updated_at,
    any_value(pushed_at) AS pushed_at,
    -- Attestations of BuildKit are listed as images of an unknown platform.
    list(
        DISTINCT concat_ws('/', os, architecture, nullif(variant, ''))
        ORDER BY concat_ws('/', os, architecture, nullif(variant, ''))
    ) FILTER (WHERE os <> 'unknown' AND architecture <> 'unknown') AS platforms,
    max(image_bytes) FILTER (WHERE os IS DISTINCT FROM 'unknown') AS largest_image_bytes
FROM staging.hub_tags
GROUP BY corpus, repository, tag
