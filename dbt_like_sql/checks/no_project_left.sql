-- Projects that were collected once and that the newest listing of their corpus no longer has.
SELECT DISTINCT collected.corpus, collected.project
FROM raw.outcomes AS collected
WHERE
    collected.project IS NOT NULL
    AND collected.subject = ''
    AND collected.status = 'collected'
    AND EXISTS (SELECT 1 FROM raw.inputs AS wanted WHERE wanted.corpus = collected.corpus)
    AND NOT EXISTS (SELECT 1 FROM raw.inputs AS wanted WHERE wanted.project = collected.project)
    AND EXISTS (SELECT 1 FROM findings.coverage AS coverage WHERE coverage.corpus = collected.corpus)
