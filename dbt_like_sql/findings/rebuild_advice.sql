-- Lines of Dockerfiles that are there now and would have been kept if they stood above another one, with the files that they
-- name: of how many misses of RUN in the file's history that had saved. A bound: what a line reads unasked is not known.
SELECT
    moves.corpus,
    moves.project,
    moves.path,
    moves.line,
    moves.above_line,
    moves.saved,
    moves.run_missed AS n,
    'missed RUN' AS unit_of_analysis,
    moves.saved / moves.run_missed AS share
FROM staging.rebuild_moves AS moves
JOIN core.histories AS histories ON histories.project = moves.project AND histories.reason IS NULL
ORDER BY moves.corpus, moves.saved DESC, moves.project, moves.path, moves.line
