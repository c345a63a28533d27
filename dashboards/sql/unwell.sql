SELECT d.name AS "设备 · Device",
       coalesce(l.name, '') AS "位置 · Place",
       (s.body::json ->> 'status') AS "状态 · Status",
       to_timestamp(s.at / 1000.0) AS "自 · Since"
FROM device_status s
JOIN devices d ON d.id = s.device
LEFT JOIN places l ON l.id = d.place
JOIN parks p ON p.id = d.park
WHERE p.code = ${park:sqlstring}
AND (s.body::json ->> 'status') NOT IN ('online', 'never_seen')
ORDER BY s.at DESC LIMIT 200
