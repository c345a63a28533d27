"""deploy/prepare.py as a person runs it, into a folder of a test."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.servers import memory_folder

ROOT = Path(__file__).parents[2]


def prepare(folder, *arguments, check=True, environ=None):
    """Run it; return what it said."""
    command = [sys.executable, str(ROOT / "deploy" / "prepare.py"), "--folder", str(folder / "secrets")]
    done = subprocess.run(
        [*command, "--env", str(folder / ".env"), *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **(environ or {})},
    )  # fmt: skip
    if check:
        assert done.returncode == 0, done.stderr
    return done


def password_of(said):
    """Return the password that it printed."""
    return next(line.split()[1] for line in said.splitlines() if line.startswith("password "))


@contextmanager
def others_folder(user):
    """Give a folder that a user of the machine may write to, also where the test's own is root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="park-deploy-", dir=memory_folder()))
    try:
        if user is not None:
            who = pwd.getpwnam(user)
            os.chown(folder, who.pw_uid, who.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plain_user():
    """Return whom a server runs as that must not be root; None: as we are."""
    return "nobody" if os.geteuid() == 0 else None
