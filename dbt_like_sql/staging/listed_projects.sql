-- One row a project that the newest listing of its corpus has. Who is in nothing but older listings left: what was
-- collected of them stays in raw, and nothing after it counts them.
SELECT DISTINCT corpus, project
FROM raw.inputs
