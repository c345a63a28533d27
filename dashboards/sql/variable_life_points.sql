SELECT t.id
FROM points t
JOIN devices d ON d.id = t.device
JOIN parks p ON p.id = d.park
WHERE p.code = ${park:sqlstring}
AND d.lane = 'life'
AND t.gone IS NULL
AND d.gone IS NULL
ORDER BY t.id LIMIT 500
