-- Lines of current Dockerfiles that would have stayed cached if they were placed above another one, together with the files
-- that they name: the missed RUN in the file's history that this would have avoided. An upper bound: input that a line does
-- not declare is unknown.
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
