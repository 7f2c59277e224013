-- RQ4, besides images: the models that projects ship as registry artifacts, by packaging and format. Each distinct model
-- counts once in 'All' and once in each category of the projects that name it; sizes are stored sizes.
WITH
    placed AS (
        SELECT DISTINCT
            models.corpus,
            owned.project,
            coalesce(projects.category, 'unlabelled') AS category,
            models.manifest_digest
        FROM core.model_artifacts AS models
        CROSS JOIN unnest(models.artifact_references) AS each (reference)
        JOIN core.project_images AS owned
            ON owned.corpus = models.corpus AND owned.reference = each.reference
        JOIN core.projects AS projects ON projects.project = owned.project
        WHERE projects.cohort IS DISTINCT FROM 'control'
    ),
    categorised AS (
        SELECT corpus, category, project, manifest_digest FROM placed
        UNION ALL
        SELECT corpus, 'All', project, manifest_digest FROM placed
    ),
    member AS (
        SELECT corpus, category, manifest_digest, list(DISTINCT project) AS owners
        FROM categorised
        GROUP BY corpus, category, manifest_digest
    ),
    -- Each model counts once in its own group, and once in `all`.
    counted AS (
        SELECT
            member.corpus,
            member.category,
            member.owners,
            each.grouping,
            CASE WHEN each.grouping = 'all' THEN 'all' ELSE models.packaging END AS packaging,
            CASE WHEN each.grouping = 'all' THEN 'all' ELSE coalesce(models.model_format, 'unknown') END AS model_format,
            models.bytes,
            models.weights_bytes,
            models.parameter_count,
            models.quantization
        FROM member
        JOIN core.model_artifacts AS models
            ON models.corpus = member.corpus AND models.manifest_digest = member.manifest_digest
        CROSS JOIN unnest(['all', 'each']) AS each (grouping)
    ),
    total AS (
        SELECT corpus, category, count(*) AS n FROM counted WHERE grouping = 'all' GROUP BY corpus, category
    )
SELECT
    counted.corpus,
    'corrected' AS reading,
    counted.category,
    'model artifact' AS unit_of_analysis,
    counted.packaging,
    counted.model_format,
    count(*) AS artifacts,
    any_value(total.n) AS n,
    count(*) / any_value(total.n) AS share,
    len(list_distinct(flatten(list(counted.owners)))) AS clusters,
    quantile_cont(counted.bytes, 0.25) AS q25_bytes,
    median(counted.bytes) AS median_bytes,
    quantile_cont(counted.bytes, 0.75) AS q75_bytes,
    max(counted.bytes) AS largest_bytes,
    CASE WHEN count(counted.bytes) = count(*) THEN TRY_CAST(sum(counted.bytes) AS BIGINT) END AS total_bytes,
    count(counted.bytes) AS artifacts_of_known_size,
    count(counted.parameter_count) AS artifacts_with_parameters,
    median(counted.parameter_count) AS median_parameter_count,
    count(counted.quantization) AS artifacts_with_quantization
FROM counted
JOIN total ON total.corpus = counted.corpus AND total.category = counted.category
GROUP BY counted.corpus, counted.category, counted.packaging, counted.model_format
ORDER BY counted.corpus, counted.category, counted.packaging = 'all' DESC, artifacts DESC, counted.packaging, counted.model_format
