-- Agreement of two sources of labels: Cohen's kappa of every pair of people, and of each person with the machine, per
-- question, over all codes and for each. "cannot tell" is not a rating. A unit of the question `category` has one code; of
-- `purpose` any number, so there every unit and code is a decision of its own, yes or no, and the row of all codes pools
-- them. SQL has no bootstrap for intervals: `dockml labels agreement` has them.
WITH
    sets AS (
        SELECT
            corpus,
            code_system,
            unit_kind,
            unit,
            rater,
            any_value(rater_kind) AS rater_kind,
            coalesce(list(code ORDER BY code) FILTER (WHERE code <> 'none'), []) AS codes
        FROM core.labels
        WHERE code <> 'cannot tell'
        GROUP BY corpus, code_system, unit_kind, unit, rater
    ),
    pairs AS (
        SELECT
            one.corpus,
            one.code_system,
            one.unit_kind,
            one.unit,
            one.rater AS first,
            other.rater AS second,
            one.codes AS first_codes,
            other.codes AS second_codes
        FROM sets AS one
        JOIN sets AS other
            ON other.corpus = one.corpus
            AND other.code_system = one.code_system
            AND other.unit_kind = one.unit_kind
            AND other.unit = one.unit
            AND (one.rater_kind = 'machine', one.rater) < (other.rater_kind = 'machine', other.rater)
            -- An adjudicator saw the people's labels, so is not compared with them.
            AND (other.rater_kind = 'machine' OR (one.rater_kind = 'person' AND other.rater_kind = 'person'))
    ),
    known_codes AS (
        SELECT DISTINCT corpus, code_system, unit_kind, first, second, unnest(first_codes || second_codes) AS code
        FROM pairs
    ),
    decisions AS (
        SELECT
            pairs.corpus,
            pairs.code_system,
            pairs.unit_kind,
            pairs.first,
            pairs.second,
            known_codes.code,
            count(*) AS n,
            count(*) FILTER (WHERE list_contains(first_codes, code)) AS by_first,
            count(*) FILTER (WHERE list_contains(second_codes, code)) AS by_second,
            count(*) FILTER (WHERE list_contains(first_codes, code) AND list_contains(second_codes, code)) AS by_both
        FROM pairs
        JOIN known_codes
            ON known_codes.corpus = pairs.corpus
            AND known_codes.code_system = pairs.code_system
            AND known_codes.unit_kind = pairs.unit_kind
            AND known_codes.first = pairs.first
            AND known_codes.second = pairs.second
        GROUP BY ALL
    ),
    -- Agreeing decisions, and those that would agree by chance, both as whole numbers over n and n².
    counted AS (
        SELECT
            *,
            n AS decisions,
            by_both + (n - by_first - by_second + by_both) AS agreeing,
            by_first * by_second + (n - by_first) * (n - by_second) AS chance
        FROM decisions
        UNION ALL
        SELECT
            corpus,
            code_system,
            unit_kind,
            first,
            second,
            'All',
            any_value(n),
            sum(by_first),
            sum(by_second),
            sum(by_both),
            CASE code_system WHEN 'category' THEN any_value(n) ELSE sum(n) END,
            CASE code_system WHEN 'category' THEN sum(by_both) ELSE sum(n - by_first - by_second + 2 * by_both) END,
            CASE code_system
                WHEN 'category' THEN sum(by_first * by_second)
                ELSE sum(by_first) * sum(by_second) + (sum(n) - sum(by_first)) * (sum(n) - sum(by_second))
            END
        FROM decisions
        GROUP BY corpus, code_system, unit_kind, first, second
    )
SELECT
    corpus,
    code_system,
    unit_kind AS unit_of_analysis,
    first,
    second,
    code,
    n::BIGINT AS n,
    by_first::BIGINT AS by_first,
    by_second::BIGINT AS by_second,
    agreeing / decisions AS observed,
    -- Undefined if chance alone would give full agreement.
    (agreeing * decisions - chance) / nullif(decisions * decisions - chance, 0) AS kappa
FROM counted
ORDER BY corpus, code_system, unit_kind, first, second, code = 'All' DESC, code
