SELECT count(*) AS value
FROM parks
WHERE gone IS NULL
