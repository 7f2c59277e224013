-- The parts of the shares of histories: the number of units of each project for which a figure holds, over its whole history
-- and year by year (UTC). topic 'rebuilds': of commits since the first Dockerfile, of rebuilding commits, or of missed
-- instructions. topic 'change': of the Dockerfiles that existed at the end of the year, or of their instructions.
-- core.share_parts includes these, and core.share_intervals has their intervals.
WITH
    of_commits AS (
        SELECT
            corpus,
            project,
            commit_id,
            any_value(committed_in) AS committed_in,
            sum(missed_new) > 0 AS builds_new,
            list_filter(
                flatten(list(causes)),
                lambda cause: list_contains(['text', 'base', 'environment', 'context', 'ignore file'], cause)
            ) AS own
        FROM core.rebuilds
        GROUP BY ALL
    ),
    -- Each project has a row for every period of its history: the whole, and each year.
    commits AS (
        SELECT
            years.corpus,
            years.project,
            CASE WHEN grouping(years.year) = 1 THEN 'all' ELSE years.year::VARCHAR END AS period,
            sum(years.commits_since_first)::BIGINT AS since_first,
            sum(years.commits_with_git_folder)::BIGINT AS with_git_folder
        FROM staging.rebuild_years AS years
        JOIN core.histories AS histories ON histories.project = years.project AND histories.reason IS NULL
        GROUP BY GROUPING SETS ((years.corpus, years.project, years.year), (years.corpus, years.project))
        HAVING since_first > 0 AND period IS NOT NULL
    ),
    rebuilding AS (
        SELECT
            corpus,
            project,
            CASE WHEN grouping(committed_in) = 1 THEN 'all' ELSE committed_in::VARCHAR END AS period,
            count(*) AS rebuilding,
            count(*) FILTER (builds_new) AS builds_new,
            count(*) FILTER (list_has_any(own, ['context', 'ignore file'])) AS by_context,
            count(*) FILTER (
                list_has_any(own, ['context', 'ignore file'])
                AND NOT list_has_any(own, ['text', 'base', 'environment'])
            ) AS only_by_context
        FROM of_commits
        GROUP BY GROUPING SETS ((corpus, project, committed_in), (corpus, project))
    ),
    missed AS (
        SELECT
            corpus,
            project,
            CASE WHEN grouping(committed_in) = 1 THEN 'all' ELSE committed_in::VARCHAR END AS period,
            sum(missed)::BIGINT AS missed,
            sum(missed - missed_own)::BIGINT AS without_own,
            sum(missed_unknown)::BIGINT AS open_verdict,
            sum(run_missed)::BIGINT AS run_missed,
            sum(run_missed - run_missed_own)::BIGINT AS run_without_own,
            sum(run_missed_installing)::BIGINT AS run_installing,
            sum(run_avoidable)::BIGINT AS run_avoidable
        FROM core.rebuilds
        GROUP BY GROUPING SETS ((corpus, project, committed_in), (corpus, project))
    ),
    open_verdicts AS (
        SELECT corpus, project, name, count(*) AS counted
        FROM (SELECT corpus, project, unnest(left_open) AS name FROM core.rebuilds)
        GROUP BY ALL
    ),
    rebuilds (corpus, project, period, unit_of_analysis, figure, counted, units) AS (
        SELECT
            commits.corpus, commits.project, commits.period, 'commit', 'rebuilds', coalesce(rebuilding.rebuilding, 0),
            commits.since_first
        FROM commits
        LEFT JOIN rebuilding USING (corpus, project, period)
        UNION ALL
        SELECT corpus, project, period, 'commit', 'rebuilds or copies .git', with_git_folder, since_first FROM commits
        UNION ALL
        SELECT
            corpus, project, period, 'rebuilding commit',
            unnest(['builds what was never built before', 'because of context files', 'because of context files alone']),
            unnest([builds_new, by_context, only_by_context]), rebuilding
        FROM rebuilding
        UNION ALL
        SELECT
            corpus, project, period, 'missed instruction', unnest(['without a cause of its own', 'verdict open']),
            unnest([without_own, open_verdict]), missed
        FROM missed
        UNION ALL
        SELECT
            corpus, project, period, 'missed RUN', unnest(['without a cause of its own', 'installs', 'avoidable by order']),
            unnest([run_without_own, run_installing, run_avoidable]), run_missed
        FROM missed
        UNION ALL
        SELECT
            missed.corpus, missed.project, 'all', 'missed instruction', 'open: ' || names.name,
            coalesce(open_verdicts.counted, 0), missed.missed
        FROM missed
        JOIN (SELECT DISTINCT corpus, name FROM open_verdicts) AS names ON names.corpus = missed.corpus
        LEFT JOIN open_verdicts ON open_verdicts.project = missed.project AND open_verdicts.name = names.name
        WHERE missed.period = 'all'
    ),
    lasting AS (
        SELECT project, max(year) AS last_year FROM staging.rebuild_years WHERE commits_since_first > 0 GROUP BY project
    ),
    spans AS (
        SELECT
            changes.*,
            lead(changes.committed_in) OVER (PARTITION BY changes.project, changes.path ORDER BY changes.position) AS next_in
        FROM core.change_in_history AS changes
    ),
    -- A text exists at the end of the year in which it was added, and of every later year before that of its next change.
    standing AS (
        SELECT
            spans.* EXCLUDE (committed_in, next_in),
            unnest(
                range(
                    spans.committed_in,
                    least(coalesce(spans.next_in, lasting.last_year + 1), year(histories.walked_at) + 1)
                )
            )::VARCHAR AS period
        FROM spans
        JOIN lasting ON lasting.project = spans.project
        JOIN core.histories AS histories ON histories.project = spans.project
        WHERE spans.event <> 'removed' AND spans.valid
    ),
    keywords AS (
        SELECT standing.corpus, standing.project, standing.period, written.keyword, count(*) AS counted
        FROM standing
        JOIN raw.dockerfile_instructions AS written
            ON written.sha256 = standing.sha256 AND written.reading = 'corrected' AND written.known_keyword
        GROUP BY ALL
    ),
    judged AS (
        SELECT corpus, project, period, unnest(practices_followed) AS practice, 1 AS follows FROM standing
        UNION ALL
        SELECT corpus, project, period, unnest(practices_violated), 0 FROM standing
    ),
    types AS (
        SELECT corpus, project, period, unnest(base_image_types) AS base_image_type FROM standing
    ),
    dockerfiles AS (
        SELECT corpus, project, period, count(*) AS units, count(*) FILTER (stages > 1) AS multi_stage
        FROM standing
        GROUP BY ALL
    ),
    change (corpus, project, period, unit_of_analysis, figure, counted, units) AS (
        SELECT
            totals.corpus, totals.project, totals.period, 'instruction', 'instruction ' || items.keyword,
            coalesce(keywords.counted, 0), totals.units
        FROM (SELECT corpus, project, period, sum(counted) AS units FROM keywords GROUP BY ALL) AS totals
        JOIN (SELECT DISTINCT corpus, keyword FROM keywords) AS items ON items.corpus = totals.corpus
        LEFT JOIN keywords
            ON keywords.project = totals.project AND keywords.period = totals.period
            AND keywords.keyword = items.keyword
        UNION ALL
        SELECT corpus, project, period, 'Dockerfile', 'follows ' || practice, sum(follows), count(*)
        FROM judged
        GROUP BY ALL
        UNION ALL
        SELECT
            totals.corpus, totals.project, totals.period, 'Dockerfile', 'base image: ' || items.base_image_type,
            count(types.base_image_type), any_value(totals.units)
        FROM dockerfiles AS totals
        JOIN (SELECT DISTINCT corpus, base_image_type FROM types) AS items ON items.corpus = totals.corpus
        LEFT JOIN types
            ON types.project = totals.project AND types.period = totals.period
            AND types.base_image_type = items.base_image_type
        GROUP BY totals.corpus, totals.project, totals.period, items.base_image_type
        UNION ALL
        SELECT corpus, project, period, 'Dockerfile', 'more than one FROM', multi_stage, units FROM dockerfiles
    ),
    every AS (
        SELECT 'rebuilds' AS topic, * FROM rebuilds
        UNION ALL
        SELECT 'change' AS topic, * FROM change
    )
SELECT
    corpus,
    project,
    topic,
    figure,
    period,
    unit_of_analysis,
    concat_ws(' ', 'history', topic, period, figure) AS measure,
    counted::BIGINT AS counted,
    units::BIGINT AS units
FROM every
WHERE units > 0 AND period IS NOT NULL
