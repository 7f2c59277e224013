-- Projects that were once collected but are no longer in the newest listing of their corpus. A data set is collected by
-- shards and labelled by projects, so both count as listed.
SELECT DISTINCT collected.corpus, collected.project
FROM raw.outcomes AS collected
WHERE
    collected.project IS NOT NULL
    AND collected.subject = ''
    AND collected.status = 'collected'
    AND EXISTS (SELECT 1 FROM raw.inputs AS wanted WHERE wanted.corpus = collected.corpus)
    AND NOT EXISTS (SELECT 1 FROM raw.inputs AS wanted WHERE wanted.project = collected.project)
    AND NOT EXISTS (SELECT 1 FROM staging.listed_projects AS listed WHERE listed.project = collected.project)
    AND EXISTS (SELECT 1 FROM findings.coverage AS coverage WHERE coverage.corpus = collected.corpus)
