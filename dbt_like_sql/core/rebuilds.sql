-- One row a commit and Dockerfile of which it builds something again, of the projects whose history is known.
SELECT found.*, year(found.committed_at) AS committed_in
FROM staging.rebuilds AS found
JOIN core.histories AS histories ON histories.project = found.project AND histories.reason IS NULL
