#!/bin/sh
# Where Kafka's volume is new and PostgreSQL's is not: deploy/new-kafka.sh --yes, once, with the roles stopped by it.
# Without it workers would wait for positions that the new Kafka reaches in days only. docs/deploy.md, backup.
set -eu
say() { printf 'new-kafka: %s\n' "$*" >&2; }
[ "${1:-}" = --yes ] || { say "is Kafka's volume new? then: deploy/new-kafka.sh --yes"; exit 1; }
cd "$(dirname "$0")/.."
roles=$(docker compose ps --services --status running | grep -E '^(ingest|worker|worker-life|worker-bulk|alarms|api)$' || true)
[ -z "$roles" ] || docker compose stop $roles
trap '[ -z "$roles" ] || docker compose start $roles' EXIT
docker compose exec -T postgres sh -c 'PGPASSWORD="$(cat "${PARK_SECRETS:-/run/secrets}/postgres_park_password")" \
    exec psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --host=127.0.0.1 --username=park --dbname=park' \
    < deploy/postgres/new-kafka.sql
say "done: the roles begin where the new Kafka does, with all that was latched and learned"
