-- What Grafana may read: the tables that dashboards/sql asks, and of two of them only some columns. No keys, no
-- addresses of people, no secrets of targets, no payloads. Run as the owner of the tables, after every upgrade.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM park_reader;
GRANT SELECT ON activity_days, cases, device_status, devices, leases, ledger, parks, places, points TO park_reader;
GRANT SELECT (id, park, code, name, trade, headcount, size_class, gone) ON enterprises TO park_reader;
GRANT SELECT (id, lane, state, reason, received, gateway, readings) ON quarantine TO park_reader;
