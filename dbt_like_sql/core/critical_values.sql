-- The two-sided 95 % point of Student's t for each number of projects behind a share or median. Degrees of freedom are one
-- fewer than projects. Up to 100 the point is in the seed, beyond it comes from the expansion in their reciprocal (Abramowitz
-- and Stegun, 26.7.5; error below 2e-8 there). A single project leaves no degree of freedom: no row.
WITH
    numbers AS (
        SELECT unnest(range(2, (SELECT greatest(count(*), 2) + 1 FROM core.projects)::BIGINT)) AS clusters
    ),
    z AS (SELECT 1.959963984540054::DOUBLE AS z)
SELECT
    numbers.clusters,
    coalesce(
        known.t,
        z + (z ** 3 + z) / (4 * (clusters - 1))
        + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * (clusters - 1) ** 2)
        + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * (clusters - 1) ** 3)
    ) AS t
FROM numbers
CROSS JOIN z
LEFT JOIN seeds.student_t AS known ON known.degrees_of_freedom = numbers.clusters - 1
