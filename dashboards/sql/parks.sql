SELECT p.name AS "园区 · Park",
       p.district AS "区县 · District",
       (SELECT count(*) FROM enterprises e WHERE e.park = p.id AND e.gone IS NULL) AS "企业 · Enterprises",
       (SELECT count(*) FROM cases c WHERE c.park = p.id AND c.open) AS "报警 · Alarms",
       (SELECT count(*) FROM cases c WHERE c.park = p.id AND c.open AND c.life) AS "火警 · Fire",
       (SELECT count(*) FROM device_status s WHERE s.park = p.id AND (s.body::json ->> 'status') NOT IN ('online', 'never_seen')) AS "异常设备 · Not well"
FROM parks p
WHERE p.gone IS NULL
ORDER BY 5 DESC,
       4 DESC,
       1 LIMIT 500
