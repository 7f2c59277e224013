-- RQ3: how many Dockerfiles follow each practice, of those to which it applies and whose verdict is known. The paper
-- has no such figure, so there is one reading. The interval is Wilson's, at 95 %: it holds for small n and for shares
-- near 0 and 1, where the usual one does not (Wilson, JASA 22, 1927; Brown, Cai and DasGupta, Statistical Science 16,
-- 2001). Dockerfiles of one project resemble each other, so the interval is too narrow rather than too wide.
WITH
    judged AS (
        SELECT
            found.corpus,
            found.rule AS practice,
            found.verdict,
            coalesce(projects.category, 'unlabelled') AS category
        FROM core.dockerfile_findings AS found
        JOIN core.projects AS projects ON projects.project = found.project
        WHERE found.source = 'dockml' AND found.dockerfile_valid
    ),
    counted AS (
        SELECT
            corpus,
            coalesce(category, 'All') AS category,
            practice,
            count(*) FILTER (WHERE verdict = 'followed') AS followed,
            count(*) FILTER (WHERE verdict = 'violated') AS violated,
            count(*) FILTER (WHERE verdict = 'not applicable') AS not_applicable,
            count(*) FILTER (WHERE verdict = 'unknown') AS unknown
        FROM judged
        -- Categories are never NULL above, so NULL marks the set of all of them.
        GROUP BY GROUPING SETS ((corpus, category, practice), (corpus, practice))
    ),
    shares AS (
        SELECT
            *,
            followed + violated AS n,
            -- NULL, not zero, where nothing was judged.
            followed / nullif(followed + violated, 0) AS share_followed,
            1.959963984540054::DOUBLE AS z
        FROM counted
    ),
    centred AS (
        SELECT
            *,
            (share_followed + z * z / (2 * n)) / (1 + z * z / n) AS centre,
            z * sqrt(share_followed * (1 - share_followed) / n + z * z / (4 * n * n)) / (1 + z * z / n) AS half_width
        FROM shares
    )
SELECT
    corpus,
    'corrected' AS reading,
    category,
    practice,
    'Dockerfile' AS unit_of_analysis,
    followed,
    violated,
    not_applicable,
    unknown,
    n,
    share_followed,
    -- Exactly 0 and 1 at the ends, which floating point misses by a hair.
    CASE WHEN followed = 0 AND n > 0 THEN 0.0 ELSE centre - half_width END AS share_low,
    CASE WHEN violated = 0 AND n > 0 THEN 1.0 ELSE centre + half_width END AS share_high
FROM centred
ORDER BY corpus, category = 'All' DESC, category, practice
