"""`scripts/kafka`: Kafka's jars come whole or not at all, and what is missing is said in a line that fails nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = (
    "sh", "dirname", "sed", "head", "cmp", "rm", "grep", "cut",
    "mkdir", "timeout", "cp", "mv", "find", "wc", "ls", "touch",
)  # fmt: skip
JAVA = """#!/bin/sh
case "$*" in
-version) echo 'openjdk version "{version}" 2025-04-15' >&2 ;;
*) ls "${{2%/\\*}}" | grep -q kafka && echo 'USAGE: java' || echo 'Error: no main class' ;;
esac
"""
MAVEN = """#!/bin/sh
echo ran >> "{said}"
for word; do case $word in -DoutputDirectory=*) mkdir -p "${{word#*=}}" && touch "${{word#*=}}/{jar}" ;; esac; done
"""
NO_MAVEN = "#!/bin/sh\necho '[ERROR] it is not there'\nexit 1\n"


class Place:
    """A checkout of the script alone, where nobody may install, with the Java and the Maven of our choice."""

    def __init__(self, folder):
        """Take an empty folder."""
        self.folder, self.programs, self.said = folder, folder / "bin", folder / "said"
        self.programs.mkdir()
        (folder / "scripts").mkdir()
        for name in ("kafka", "kafka.pom.xml"):
            shutil.copy(ROOT / "scripts" / name, folder / "scripts" / name)
        for word in WORDS:
            (self.programs / word).symlink_to(shutil.which(word))
        self.program("id", "#!/bin/sh\necho 1000\n")

    def program(self, name, text):
        """Put a program there."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, **environ):
        """Run it; return its exit code and what it says."""
        command = [str(self.folder / "scripts" / "kafka")]
        environ = {**os.environ, "PARK_KAFKA_HOME": "", **environ, "PATH": str(self.programs)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    @property
    def runs(self):
        """How often Maven ran."""
        return self.said.read_text().count("ran") if self.said.exists() else 0


@pytest.fixture
def place(tmp_path):
    """Make one where everything is at hand."""
    made = Place(tmp_path)
    made.program("java", JAVA.format(version="17.0.15"))
    made.program("mvn", MAVEN.format(said=made.said, jar="kafka_2.13-4.3.1.jar"))
    return made


LACKS = {
    "no java": ("java", None, "Java 17 or later is not here"),
    "an old java": ("java", JAVA.format(version="11.0.2"), "Java 17 or later is not here"),
    "no maven": ("mvn", None, "Maven (mvn) is not here"),
    "maven fails": ("mvn", NO_MAVEN, "Maven does not bring it: [ERROR] it is not there"),
    "half of the jars": ("mvn", MAVEN.format(said="/dev/null", jar="scala.jar"), "its jars are not complete"),
}


@pytest.mark.parametrize(("program", "text", "why"), LACKS.values(), ids=LACKS)
def test_what_is_missing_is_said(place, program, text, why):
    """One line says what is missing, nothing half-made stays, and nothing fails."""
    (place.programs / program).unlink()
    if text is not None:
        place.program(program, text)
    code, said = place.run()

    assert (0, 1) == (code, said.count("\n"))
    assert f"its tests are skipped: {why}" in said
    assert [] == list(place.folder.glob("build/*"))


def test_brought_once(place):
    """The jars are brought once, whole."""
    first, second = place.run(), place.run()

    assert (0, "Apache Kafka: 1 jars in build/kafka\n") == first
    assert (0, "") == second
    assert 1 == place.runs
    assert ["kafka"] == [path.name for path in place.folder.glob("build/*")]


def test_another_version(place):
    """Another version of the list of jars brings them anew."""
    place.run()
    listed = place.folder / "scripts" / "kafka.pom.xml"
    listed.write_text(listed.read_text().replace("4.3.1", "4.3.2"))
    (place.folder / "build" / "kafka" / "libs" / "old.jar").touch()
    place.run()

    assert 2 == place.runs
    assert ["kafka_2.13-4.3.1.jar"] == [path.name for path in place.folder.glob("build/kafka/libs/*")]


def test_somebodys_own(place):
    """Where somebody says that Kafka lies, nothing is brought."""
    assert (0, "") == place.run(PARK_KAFKA_HOME="/opt/somewhere")
    assert 0 == place.runs
