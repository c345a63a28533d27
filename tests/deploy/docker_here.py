"""A `docker` that runs a container's commands on this machine: for scripts that reach servers through compose.

`docker compose exec -T SERVICE COMMAND...` runs the command here, with what the container's environment is here;
starts and stops are noted. `influx`, which is not to be had here, is a small stand-in with the words of the real
one: it saves a folder of files and brings it back. What it does to InfluxDB itself never ran.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

INFLUX = """#!/bin/sh
# backup [--host H] FOLDER | restore --host H --org O --bucket B FOLDER | bucket delete --host H --org O --name B
set -eu
held=${PARK_INFLUX:?}/buckets
echo "influx $*" >> "$PARK_NOTED"
case $1 in
    backup) shift; for folder; do :; done; mkdir -p "$folder"; cp "$held"/* "$folder"/ ;;
    restore) for folder; do :; done; while [ "$1" != --bucket ]; do shift; done
        [ ! -e "$held/$2" ] || { echo "bucket $2 exists" >&2; exit 1; }
        cp "$folder/$2" "$held/$2" ;;
    bucket) while [ "$1" != --name ]; do shift; done; rm "$held/$2" ;;
    *) exit 2 ;;
esac
"""


class Docker:
    """Where it is, what containers hold here, and what it was asked for."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.programs = folder / "bin"
        self.noted = folder / "noted"
        self.influx = folder / "influx"
        self.files = folder / "files"
        for path in (self.programs, self.influx / "buckets", self.files):
            path.mkdir(parents=True)
        self.noted.touch()
        self.running = ["postgres", "influxdb", "kafka", "ingest", "worker", "alarms", "api", "grafana"]
        self._write("docker", f'#!/bin/sh\nexec {sys.executable} {Path(__file__).resolve()} "$@"\n')
        self._write("influx", INFLUX)
        self.environment = {
            **environment, "PATH": f"{self.programs}:{environment['PATH']}", "PARK_NOTED": str(self.noted),
            "PARK_INFLUX": str(self.influx), "PARK_FILES": str(self.files), "PARK_RUNNING": json.dumps(self.running),
        }  # fmt: skip

    def _write(self, name, text):
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def calls(self):
        """Return what it was asked for, but commands within containers."""
        return self.noted.read_text().splitlines()

    def script(self, name, *arguments):
        """Run a script of deploy/; return how it ended."""
        path = Path(__file__).parents[2] / "deploy" / name
        return subprocess.run([path, *arguments], env=self.environment, capture_output=True, text=True, check=False)


def main(arguments):
    """Do what docker would."""
    assert arguments[0] == "compose", arguments
    verb, *rest = arguments[1:]
    if verb == "exec":
        assert rest[0] == "-T"
        os.execvp(rest[2], rest[2:])
    if verb == "run":
        while rest[0] != "--entrypoint":
            rest.pop(0)
        program, _, *words = rest[1:]
        os.execvp(program, [program, *words])
    if verb == "ps":
        assert rest == ["--services", "--status", "running"]
        sys.stdout.write("\n".join(json.loads(os.environ["PARK_RUNNING"])) + "\n")
        return
    assert verb in {"stop", "start", "up"}, verb
    with Path(os.environ["PARK_NOTED"]).open("a") as noted:
        noted.write(" ".join([verb, *rest]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
