#!/bin/sh
# Bring a city back to a backup: deploy/restore.sh FOLDER/park-20261121T101500Z --yes
#
# Everything is looked at before anything is changed; PostgreSQL is filled beside the database that is there, and
# takes its place in the end, so a dump that cannot be read changes nothing. The old database stays, renamed, until
# somebody drops it. While the roles are stopped NOBODY IS TOLD OF A FIRE: the broker keeps what devices say.
set -eu
say() { printf 'restore: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
[ $# = 2 ] && [ "$2" = --yes ] || fail "give a backup and --yes: deploy/restore.sh FOLDER/park-... --yes"
from=$(cd "$1" 2>/dev/null && pwd) || fail "there is no folder $1"
cd "$(dirname "$0")/.."
for file in SHA256SUMS postgres.dump influx.tar files.tar; do
    [ -f "$from/$file" ] || fail "$from is no backup: $file is not there"
done
(cd "$from" && sha256sum --check --quiet --strict SHA256SUMS) || fail "$from is not what was saved; nothing was changed"

within() { docker compose exec -T "$@"; }
sql() { within postgres sh -c 'PGPASSWORD="$(cat "${PARK_SECRETS:-/run/secrets}/postgres_password")" \
    exec psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --tuples-only --no-align --username=postgres --dbname=postgres'; }

roles=$(docker compose ps --services --status running | grep -E '^(ingest|worker|worker-life|worker-bulk|alarms|api|grafana|simulate)$' || true)
say "stopping: $(echo $roles)"
[ -z "$roles" ] || docker compose stop $roles
began() { [ -z "$roles" ] || docker compose start $roles; }
trap 'say "not restored; what was there runs on"; began' EXIT

say "PostgreSQL, beside the database that is there"
echo 'DROP DATABASE IF EXISTS park_restored;' | sql
echo "CREATE DATABASE park_restored OWNER park ENCODING 'UTF8' TEMPLATE template0;" | sql
within postgres sh -c 'PGPASSWORD="$(cat "${PARK_SECRETS:-/run/secrets}/postgres_password")" \
    exec pg_restore --username=postgres --role=park --dbname=park_restored --no-owner --no-privileges \
    --exit-on-error --single-transaction' < "$from/postgres.dump"

# Links that acknowledge, and sessions: some were used since, or closed, or sent to officers who have gone. A dump of
# an older version may lack a table, and has nothing to forget then.
sql <<'SQL'
\connect park_restored
SELECT 'DELETE FROM ' || tablename FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('alarm_links', 'sessions') \gexec
SQL

# Numbers and versions that were given out since the backup stand in Kafka's logs, and are never given again: a worker
# would leave out a device registered under them as older than what it knows, and hear no fire of it.
sql <<'SQL'
\connect park_restored
UPDATE numbers SET last = last + CASE space WHEN 'change' THEN 10000000 ELSE 100000 END;
SQL

say "InfluxDB"
within influxdb sh -c 'set -e; d=${PARK_INFLUX:-/var/lib/influxdb2}/restore.part; rm -rf "$d"; mkdir "$d"
    trap "rm -rf $d" EXIT; tar -C "$d" -xf -
    for bucket in raw minutes quarters hours days bands receipts platform; do
        # A bucket is restored into none of its name; tokens are for all buckets, and stay.
        influx bucket delete --host http://127.0.0.1:8086 --org park --name "$bucket" >&2 || true
        influx restore --host http://127.0.0.1:8086 --org park --bucket "$bucket" "$d" >&2
    done' < "$from/influx.tar"

say "files"
docker compose run --rm --no-deps -T --entrypoint sh api -c 'tar -C "${PARK_FILES:-/var/lib/park}" -xf -' < "$from/files.tar"

say "the restored database takes its place"
old=park_before_$(date -u +%Y%m%dT%H%M%SZ | tr 'TZ' '__')
sql <<SQL
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('park', 'park_restored') AND pid <> pg_backend_pid();
BEGIN;
ALTER DATABASE park RENAME TO $old;
ALTER DATABASE park_restored RENAME TO park;
REVOKE ALL ON DATABASE park FROM PUBLIC;
GRANT CONNECT ON DATABASE park TO park_reader;
COMMIT;
SQL
trap - EXIT
began
docker compose up --detach --no-deps reader >&2 || say "Grafana's rights are to be given again: docker compose up reader"
say "done; the database of before is $old. Is Kafka's volume new, too? then: deploy/new-kafka.sh --yes"
