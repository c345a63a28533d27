SELECT count(*) AS value
FROM quarantine
WHERE state = 'waiting'
