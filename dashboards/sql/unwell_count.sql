SELECT count(*) AS value
FROM device_status s
WHERE (s.body::json ->> 'status') NOT IN ('online', 'never_seen')
