SELECT name AS __text,
       code AS __value
FROM parks
WHERE gone IS NULL
ORDER BY name
