-- RQ4: grades of the links between studied images and their projects. One row per corpus and grade; "none" means that no
-- evidence links the image to the project for which it was taken.
WITH
    graded AS (
        SELECT grades.corpus, grades.project, grades.reference, grades.link_grade
        FROM staging.image_reference_grades AS grades
    ),
    totals AS (
        SELECT corpus, count(*) AS n, count(DISTINCT project) AS projects
        FROM graded
        GROUP BY corpus
    ),
    grades AS (
        SELECT * FROM totals
        CROSS JOIN (VALUES ('confirmed'), ('likely'), ('possible'), ('none')) AS known (link_grade)
    )
SELECT
    grades.corpus,
    'corrected' AS reading,
    'reference' AS unit_of_analysis,
    grades.link_grade,
    count(graded.reference) AS images,
    grades.n,
    count(graded.reference) / grades.n AS share,
    count(DISTINCT graded.project) AS projects,
    grades.projects AS projects_with_references
FROM grades
LEFT JOIN graded ON graded.corpus = grades.corpus AND graded.link_grade = grades.link_grade
GROUP BY grades.corpus, grades.link_grade, grades.n, grades.projects
ORDER BY grades.corpus, list_position(['confirmed', 'likely', 'possible', 'none'], grades.link_grade)
