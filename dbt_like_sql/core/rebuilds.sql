-- One row per commit and Dockerfile with an instruction that the commit rebuilds, for projects with a known history.
SELECT found.*, year(found.committed_at) AS committed_in
FROM staging.rebuilds AS found
JOIN core.histories AS histories ON histories.project = found.project AND histories.reason IS NULL
