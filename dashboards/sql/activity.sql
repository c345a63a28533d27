SELECT a.day AS "日 · Day",
       (a.body::json ->> 'state') AS "状态 · State",
       (a.body::json ->> 'ratio')::float AS "比值 · Ratio"
FROM activity_days a
WHERE a.enterprise = ${enterprise}
ORDER BY a.day DESC LIMIT 200
