#!/bin/sh
# Save a running city: deploy/backup.sh FOLDER -> FOLDER/park-20261121T101500Z, whole or not at all.
#
# PostgreSQL first, then InfluxDB, then files of evidence: what PostgreSQL says was written is in InfluxDB, and what
# is there beyond it is written again, the same, from Kafka. Kafka is a buffer and is not saved, nor what the broker
# queues: docs/deploy.md says what is lost when a machine is. Secrets (deploy/secrets, .env) are not in it either.
set -eu
umask 077
say() { printf 'backup: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
[ $# = 1 ] || fail "give a folder: deploy/backup.sh FOLDER"
cd "$(dirname "$0")/.."
mkdir -p "$1" || fail "$1 cannot be made"
into=$(cd "$1" && pwd)
name=park-$(date -u +%Y%m%dT%H%M%SZ)
part=$into/.$name.part
[ ! -e "$into/$name" ] || fail "$into/$name exists already"
mkdir "$part" || fail "$part exists: is another backup running? if not, delete it"
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM

within() { docker compose exec -T "$@"; }  # a command in a running container

say "PostgreSQL"
within postgres sh -c 'PGPASSWORD="$(cat "${PARK_SECRETS:-/run/secrets}/postgres_password")" \
    exec pg_dump --username=postgres --format=custom --no-owner --no-privileges --dbname=park' > "$part/postgres.dump"
# A dump that was cut off has no table of contents that can be read.
within postgres pg_restore --list < "$part/postgres.dump" > "$part/postgres.list" || fail "the dump is not whole"
grep -q 'TABLE DATA public alembic_version' "$part/postgres.list" || fail "the dump holds no tables of the platform"

say "InfluxDB"
within influxdb sh -c 'set -e; d=${PARK_INFLUX:-/var/lib/influxdb2}/backup.part; rm -rf "$d"; trap "rm -rf $d" EXIT
    influx backup --host http://127.0.0.1:8086 "$d" >&2; tar -C "$d" -cf - .' > "$part/influx.tar"
tar -tf "$part/influx.tar" > /dev/null || fail "the backup of InfluxDB is not whole"

say "files"
within api sh -c 'tar -C "${PARK_FILES:-/var/lib/park}" -cf - .' > "$part/files.tar"
tar -tf "$part/files.tar" > /dev/null || fail "the files are not whole"

(cd "$part" && sha256sum postgres.dump influx.tar files.tar > SHA256SUMS)
sync -f "$part/SHA256SUMS" 2>/dev/null || sync
mv "$part" "$into/$name"
say "done: $into/$name ($(du -sh "$into/$name" | cut -f1))"
