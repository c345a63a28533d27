SELECT count(*) AS value
FROM enterprises
WHERE gone IS NULL
