SELECT date_trunc('day', to_timestamp(c.raised / 1000.0)) AS "日 · Day",
       count(*) AS "报警 · Alarms",
       count(*) FILTER (WHERE c.life) AS "火警 · Fire"
FROM cases c
WHERE c.raised BETWEEN $__unixEpochFrom()::bigint * 1000 AND $__unixEpochTo()::bigint * 1000
GROUP BY 1
ORDER BY 1 DESC LIMIT 200
