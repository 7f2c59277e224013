-- Shares of one whole sum to one, and no share lies outside 0 to 1.
WITH
    wholes AS (
        SELECT 'findings.rq1_categories' AS finding, corpus, reading AS part, sum(share) AS total
        FROM findings.rq1_categories
        GROUP BY corpus, reading
        UNION ALL
        SELECT 'findings.rq3_instruction_mix', corpus, category, sum(pooled_share)
        FROM findings.rq3_instruction_mix
        -- The paper's reading also counts words that are not instructions, but shows only instructions.
        WHERE reading = 'corrected'
        GROUP BY corpus, category
        UNION ALL
        SELECT 'findings.rq3_run_tasks', corpus, reading || ' ' || category, sum(pooled_share)
        FROM findings.rq3_run_tasks
        GROUP BY corpus, reading, category
        UNION ALL
        SELECT 'findings.coverage', corpus, stage, sum(share)
        FROM findings.coverage
        GROUP BY corpus, stage
    ),
    single AS (
        SELECT 'findings.rq3_base_image_types' AS finding, corpus, base_image_type AS part, share
        FROM findings.rq3_base_image_types
        UNION ALL
        SELECT 'findings.rq3_multi_stage', corpus, category, share
        FROM findings.rq3_multi_stage
    )
SELECT finding, corpus, part, total
FROM wholes
WHERE abs(total - 1) > 1e-9
UNION ALL
SELECT finding, corpus, part, share
FROM single
WHERE NOT share BETWEEN 0 AND 1
