-- Kafka's volume is new, the database is not: what was known of the old logs' positions is of no log any more.
-- State stays (a latched alarm, a baseline): the newest snapshot of each log is put before its first record. So
-- everything that is in the new Kafka is read, however it got there before the workers.
BEGIN;
DELETE FROM snapshots old USING snapshots newer WHERE old.name = newer.name AND old.position < newer.position;
DELETE FROM snapshot_parts p WHERE NOT EXISTS (
    SELECT 1 FROM snapshots s WHERE s.name = p.name AND s.position = p.position AND s.epoch = p.epoch);
UPDATE snapshot_parts SET position = 0;
UPDATE snapshots SET position = 0, marks = NULL;
DELETE FROM cuts;
UPDATE applied SET position = 0 WHERE lane ~ '^(life|bulk)-([0-9]+|dead)$';
COMMIT;
