-- The number that a paper prints, the one that its own computation gives here, and the one that a sound computation gives: for
-- the rerun paper and others whose package or text can be read. A value that cannot be computed is NULL, and the note says
-- why. published is in published_unit, which is in places wrong; the others are in unit. n is the denominator of the corrected
-- value, else of the other; clusters are the projects behind it. Where corpus is not of_corpus, the data differ.
WITH
    computed AS (
        SELECT 'ease2022' AS paper, corpus, reading, rq, metric, category, value, n, clusters FROM findings.measures
        UNION ALL
        SELECT paper, corpus, reading, rq, metric, category, value, n, clusters FROM findings.measures_of_others
    ),
    corpora AS (
        SELECT DISTINCT corpus FROM computed
    )
SELECT
    published.paper,
    corpora.corpus,
    published.rq,
    published.metric,
    published.category,
    published.published_unit,
    published.unit,
    published.value AS published,
    again.value AS as_published,
    sound.value AS corrected,
    coalesce(sound.n, again.n) AS n,
    coalesce(sound.clusters, again.clusters) AS clusters,
    published.of_corpus,
    published.location,
    papers.read_in,
    concat_ws(' ', published.note, notes.note) AS note
FROM corpora
CROSS JOIN seeds.published_values AS published
LEFT JOIN computed AS again
    ON again.corpus = corpora.corpus
    AND again.reading = 'as_published'
    AND again.paper = published.paper
    AND again.rq = published.rq
    AND again.metric = published.metric
    AND again.category = published.category
LEFT JOIN computed AS sound
    ON sound.corpus = corpora.corpus
    AND sound.reading = 'corrected'
    AND sound.paper = published.paper
    AND sound.rq = published.rq
    AND sound.metric = published.metric
    AND sound.category = published.category
LEFT JOIN seeds.comparison_notes AS notes
    ON notes.paper = published.paper AND notes.rq = published.rq AND notes.metric = published.metric
LEFT JOIN seeds.papers AS papers ON papers.paper = published.paper
ORDER BY published.paper = 'ease2022' DESC, published.paper, corpora.corpus, published.rq, published.metric, published.category
