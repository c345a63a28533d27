SELECT t.id
FROM points t
JOIN devices d ON d.id = t.device
JOIN leases l ON l.place = d.place
WHERE l.enterprise = ${enterprise}
AND l.gone IS NULL
AND (l.valid_to IS NULL OR l.valid_to > extract(epoch FROM now()) * 1000)
AND t.gone IS NULL
AND d.gone IS NULL
ORDER BY t.id LIMIT 500
