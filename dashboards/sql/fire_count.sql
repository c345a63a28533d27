SELECT count(*) AS value
FROM cases
WHERE open
AND life
