"""A file of targets is applied where it says something new; what people change meanwhile is theirs."""

import logging
from dataclasses import replace

import pytest

from api.schemas_duty import OfficerOut
from api.schemas_targets import TargetBody, TargetOut
from park.delivery import Channel
from park.duty import Officer
from park.errors import SettingsError
from park.settings import DeliverySettings
from runtime.delivery_seed import seed, seed_webhook
from runtime.storage.sql.alarm_plans import SqlPlans
from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_targets import SqlTargets
from tests.alerts.alarm_words import NOW

TEXT = """
[[target]]
name = "desk"
channel = "webhook"
url = "http://127.0.0.1:9000/desk"
secret_file = "{secret}"

[[officer]]
name = "wang"
contacts = [["sms", "+8613800000000"]]
"""


class Started:
    """A platform's tables, a file of targets, and starts with it."""

    def __init__(self, folder):
        self.file, self.secret = folder / "targets.toml", folder / "secret"
        self.secret.write_text("first", "utf-8")
        self.says(TEXT)
        self.database = Database.open(folder / "park.db")
        self.targets, self.plans = SqlTargets(self.database), SqlPlans(self.database)

    def says(self, text):
        """Write the file."""
        self.file.write_text(text.format(secret=self.secret), "utf-8")

    def start(self):
        """Bring the file into the tables; return (target, officer)."""
        seed(str(self.file), self.targets, self.plans, NOW)
        return self.held()

    def held(self):
        """Return the target and the officer that hold."""
        return self.targets.all()[0], self.plans.plans(Officer)[0]

    def edit(self):
        """Change both as people do by API."""
        desk, wang = self.held()
        body = TargetBody(name="desk", channel=Channel.WEBHOOK, rate=3, enabled=False, version=desk.version)
        self.targets.save(body.target(desk), actor="li", now=NOW)
        self.plans.save(replace(wang, contacts=(("sms", "+8613900000000"),)), actor="li", now=NOW)
        return self.held()


@pytest.fixture
def started(tmp_path):
    """A platform that was started with a file of targets once."""
    one = Started(tmp_path)
    one.start()
    yield one
    one.database.close()


def test_nothing_new(started):
    """A start with the same file changes nothing, not even a version."""
    before = started.held()

    assert before == started.start()
    assert (1, 1) == (before[0].version, before[1].version)


def test_edits_hold(started, caplog):
    """What people changed holds over starts, and each start says so."""
    edited = started.edit()
    with caplog.at_level(logging.WARNING):
        after = started.start()

    assert edited == after
    assert ["desk", "wang"] == [message.split()[1] for message in caplog.messages]
    assert "first" not in caplog.text


@pytest.mark.parametrize("part", ["words", "secret"])
def test_says_something_new(started, part):
    """What the file says anew is applied over what people changed, and the rest of what they changed is left."""
    _, wang = started.edit()
    if part == "secret":
        started.secret.write_text("second", "utf-8")
    else:
        started.says(TEXT.replace("9000/desk", "9000/other"))
    target, officer = started.start()

    wanted = ("http://127.0.0.1:9000/other", "first") if part == "words" else ("http://127.0.0.1:9000/desk", "second")
    assert (*wanted, 20, True) == (target.url, target.secret, target.rate, target.enabled)
    assert wang == officer


def test_deleted(started):
    """A target that people delete comes again while the file names it, and stays away once it does not."""
    started.targets.end(started.held()[0].id, actor="li", now=NOW)
    again, _ = started.start()
    started.targets.end(again.id, actor="li", now=NOW)
    started.says(TEXT[TEXT.index("[[officer]]") :])
    seed(str(started.file), started.targets, started.plans, NOW)

    assert "desk" == again.name
    assert [] == started.targets.all()


def test_the_digest_is_ours(started):
    """What tells two words of the file apart is shown to nobody, and cannot be given by the file."""
    target, officer = started.held()
    started.says(TEXT.replace('name = "desk"', 'name = "desk"\nfile = "x"'))
    with pytest.raises(SettingsError, match="there is no 'file'"):
        started.start()

    assert "file" not in TargetOut.of(target, "").model_dump() | OfficerOut.of(officer).model_dump()


def test_the_webhook_of_the_settings(started, caplog):
    """A start with the same webhook leaves it as people left it, and says that it is off; with another it is told."""
    hook = DeliverySettings(webhook="http://127.0.0.1:9000/hook")

    def start(settings=hook):
        seed_webhook(settings, started.targets, NOW)
        return next((t for t in started.targets.all() if t.name == "webhook"), None)

    first = start()
    body = TargetBody(name="webhook", channel=Channel.WEBHOOK, rate=3, enabled=False, version=first.version)
    off = started.targets.save(body.target(first), actor="li", now=NOW)
    after, told = start(), len(caplog.messages)
    started.targets.save(replace(off, file=""), actor="older", now=NOW)  # as an older version left it
    older = start()
    other = start(replace(hook, webhook="http://127.0.0.1:9000/other"))

    assert (off, False, 1) == (after, older.enabled, told)
    assert ("http://127.0.0.1:9000/other", 3, True) == (other.url, other.rate, other.enabled)
    assert None is start(DeliverySettings())
