SELECT c.family AS "规则 · Rule",
       count(*) AS "报警 · Alarms",
       count(*) FILTER (WHERE c.open) AS "未恢复 · Standing"
FROM cases c
WHERE c.raised BETWEEN $__unixEpochFrom()::bigint * 1000 AND $__unixEpochTo()::bigint * 1000
GROUP BY 1
ORDER BY 2 DESC LIMIT 200
