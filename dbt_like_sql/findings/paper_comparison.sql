-- What the paper prints, what its own computation gives here, and what a sound one gives. A value that cannot be computed is
-- NULL, and the note says why. published is in published_unit, which is wrong at places; the others are in unit. n is the
-- denominator of the corrected value, else of the other, and clusters the projects behind it.
WITH
    corpora AS (
        SELECT DISTINCT corpus FROM findings.measures
    ),
    notes AS (
        SELECT rq, metric, note FROM seeds.comparison_notes
    )
SELECT
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
    published.location,
    concat_ws(' ', published.note, notes.note) AS note
FROM corpora
CROSS JOIN seeds.published_values AS published
LEFT JOIN findings.measures AS again
    ON again.corpus = corpora.corpus
    AND again.reading = 'as_published'
    AND again.rq = published.rq
    AND again.metric = published.metric
    AND again.category = published.category
LEFT JOIN findings.measures AS sound
    ON sound.corpus = corpora.corpus
    AND sound.reading = 'corrected'
    AND sound.rq = published.rq
    AND sound.metric = published.metric
    AND sound.category = published.category
LEFT JOIN notes ON notes.rq = published.rq AND notes.metric = published.metric
ORDER BY corpora.corpus, published.rq, published.metric, published.category
