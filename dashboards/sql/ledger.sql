SELECT to_timestamp(hour / 1000.0) AS "小时 · Hour",
       lane AS "通道 · Lane",
       sum(messages) AS "消息 · Messages",
       sum(received) AS "接收 · Received",
       sum(duplicate) AS "重复 · Duplicate",
       sum(rejected) AS "拒收 · Rejected",
       sum(quarantined) AS "隔离 · Quarantined"
FROM ledger
WHERE hour BETWEEN $__unixEpochFrom()::bigint * 1000 AND $__unixEpochTo()::bigint * 1000
GROUP BY hour,
       lane
ORDER BY hour DESC LIMIT 200
