SELECT reason AS "原因 · Reason",
       lane AS "通道 · Lane",
       count(*) AS "消息 · Messages",
       to_timestamp(max(received) / 1000.0) AS "最近 · Newest"
FROM quarantine
WHERE state = 'waiting'
GROUP BY reason,
       lane
ORDER BY 3 DESC LIMIT 200
