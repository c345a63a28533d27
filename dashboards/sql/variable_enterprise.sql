SELECT e.name AS __text,
       e.id AS __value
FROM enterprises e
JOIN parks p ON p.id = e.park
WHERE p.code = ${park:sqlstring}
AND e.gone IS NULL
ORDER BY e.name
