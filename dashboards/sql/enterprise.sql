SELECT e.name AS "企业 · Enterprise",
       e.trade AS "行业 · Trade",
       e.headcount AS "人数 · Headcount",
       string_agg(l.name, ', ' ORDER BY l.name) AS "单元 · Units"
FROM enterprises e
LEFT JOIN leases r ON r.enterprise = e.id
AND r.gone IS NULL
LEFT JOIN places l ON l.id = r.place
WHERE e.id = ${enterprise}
GROUP BY e.id,
       e.name,
       e.trade,
       e.headcount
