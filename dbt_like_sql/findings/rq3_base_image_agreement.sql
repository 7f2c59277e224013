-- RQ3: agreement of the base images read by dockml with those that the study typed by hand. agreement is over the rows
-- that name an image with its tag (or without, if FROM has none) and whose FROM can be resolved from the file. The rows
-- behind each kind are in core.base_image_agreement.
WITH
    counted AS (
        SELECT found.corpus, kinds.kind, kinds.counts_as, count(*) AS rows
        FROM core.base_image_agreement AS found
        JOIN seeds.base_image_agreement_kinds AS kinds ON kinds.kind = found.kind
        GROUP BY found.corpus, kinds.kind, kinds.counts_as
    ),
    totals AS (
        SELECT
            corpus,
            sum(rows)::BIGINT AS n,
            sum(rows) FILTER (WHERE counts_as = 'agrees')::BIGINT AS agreeing,
            sum(rows) FILTER (WHERE counts_as IN ('agrees', 'disagrees'))::BIGINT AS comparable
        FROM counted
        GROUP BY corpus
    )
SELECT
    counted.corpus,
    counted.kind,
    counted.counts_as,
    'FROM' AS unit_of_analysis,
    counted.rows,
    totals.n,
    counted.rows / totals.n AS share,
    totals.comparable,
    totals.agreeing / totals.comparable AS agreement
FROM counted
JOIN totals ON totals.corpus = counted.corpus
ORDER BY counted.corpus, counted.counts_as, counted.rows DESC, counted.kind
