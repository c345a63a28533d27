#!/bin/sh
# Once, on an empty database: the owner of the platform's tables, its database, and Grafana's reader.
# Passwords go in by psql's variables, read from files: they stand in no command line and in no log.
set -eu
psql --set=ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set park `cat "${PARK_SECRETS:-/run/secrets}/postgres_park_password"`
\set reader `cat "${PARK_SECRETS:-/run/secrets}/postgres_reader_password"`
SET log_min_duration_statement = -1;
SET log_statement = 'none';
CREATE ROLE park LOGIN PASSWORD :'park';
CREATE ROLE park_reader LOGIN PASSWORD :'reader' CONNECTION LIMIT 10;
ALTER ROLE park_reader SET default_transaction_read_only = on;
ALTER ROLE park_reader SET statement_timeout = '20s';
CREATE DATABASE park OWNER park ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE park FROM PUBLIC;
GRANT CONNECT ON DATABASE park TO park_reader;
\connect park
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO park;
GRANT USAGE ON SCHEMA public TO park_reader;
SQL
