SELECT to_timestamp(c.raised / 1000.0) AS "时间 · Since",
       c.family AS "规则 · Rule",
       (c.body::json ->> 'severity') AS "级别 · Severity",
       c.state AS "状态 · State",
       coalesce(l.name, c.subject) AS "位置 · Place",
       c.owner AS "负责人 · Owner"
FROM cases c
LEFT JOIN places l ON l.id = c.place
WHERE c.open
ORDER BY c.rank,
       c.raised DESC LIMIT 200
