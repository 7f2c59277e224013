-- Tables and columns of findings without a description.
SELECT table_name, column_name
FROM duckdb_columns()
WHERE schema_name = 'findings' AND comment IS NULL AND database_name = current_database()
UNION ALL
SELECT table_name, NULL
FROM duckdb_tables()
WHERE schema_name = 'findings' AND comment IS NULL AND database_name = current_database()
