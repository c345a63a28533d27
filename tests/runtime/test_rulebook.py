"""The rule table that holds: what may change it, and what cannot."""

import pytest

from park.errors import Conflict, Forbidden, NotFound, SettingsError, UserError
from park.model import Device, Park, Point
from park.rulebook import What
from runtime.rulebook import Rulebook
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rules import SqlRules
from stream.rules import parse, shipped

NOW = 1_795_219_200_000
WARM = """
[[limit]]
rule = "warm_room"
metric = "temperature"
severity = "low"
high = 35
basis = "I: a test"
version = 2026-01-01
"""
WORDS = {"actor": "officer", "reason": "a test"}


@pytest.fixture
def database(tmp_path):
    """An empty database."""
    database = Database.open(tmp_path / "park.db")
    yield database
    database.close()


@pytest.fixture
def book(database):
    """The rules of a new folder, and what the lanes were told."""
    book = Rulebook(SqlRules(database), SqlRegistry(database), lambda: NOW)
    book.told = []
    book.attach(book.told.append, lambda: True)
    return book


def test_shipped_holds_first(book):
    """Until somebody changes it the shipped table holds, as version 0."""
    assert (0, parse(shipped())) == (book.current().version, book.rows)


def test_a_change_is_kept_and_told(book, database):
    """A good table becomes the next version, the lanes are told, and it holds after a restart."""
    kept = book.replace(shipped() + WARM, expected=0, life_safety=False, **WORDS)

    assert (1, "officer", "a test", NOW, False) == (kept.version, kept.actor, kept.reason, kept.at, kept.life_safety)
    assert [book.rows] == book.told
    assert "warm_room" in {row.rule for row in book.rows}
    assert book.rows == Rulebook(SqlRules(database), SqlRegistry(database), lambda: NOW).rows
    assert [(What.ADDED, "warm_room")] == [(c.what, c.rule) for c in book.difference(1)]


REFUSED = {
    "no toml": ("[[limit", SettingsError, "TOML"),
    "a bad field": (WARM.replace("high = 35", "high = 'hot'"), SettingsError, "line 6: rule 'warm_room': high"),
    "no such place": (WARM + "places = [77]", UserError, "places names 77"),
    "no such park": (WARM + "parks = [77]", UserError, "parks names 77"),
}


@pytest.mark.parametrize(("text", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bad_table_changes_nothing(book, text, kind, words):
    """A table that cannot hold is refused with a sentence: not kept, no lane told."""
    with pytest.raises(kind) as why:
        book.replace(text, expected=0, life_safety=True, **WORDS)

    assert words in str(why.value)
    assert (0, [], []) == (book.current().version, book.told, list(book.history()))


def without(name):
    """Return the shipped table without a rule."""
    return "[[limit]]".join(part for part in shipped().split("[[limit]]") if f'rule = "{name}"\n' not in part)


OVERRIDE = WARM.replace("warm_room", "residual_current").replace("temperature", "residual_current") + "places = [1]"
DEADLY = {
    "taken out": without("fire.heat"),
    "weakened": shipped().replace("high = 57.0", "high = 90.0"),
    "delayed": shipped().replace('rule = "co_100"', 'rule = "co_100"\nkinds = ["nobody"]'),
    "another stands before it": shipped() + OVERRIDE,
}


@pytest.mark.parametrize("text", DEADLY.values(), ids=DEADLY)
def test_rules_of_life_safety_need_more(book, database, text):
    """What rules of life safety decide is changed only with the permission; then the version says so."""
    SqlRegistry(database).save([Park(0, "p", "p")], actor="test", reason="", now=NOW)

    with pytest.raises(Forbidden, match="life safety"):
        book.replace(text, expected=0, life_safety=False, **WORDS)
    assert (0, []) == (book.current().version, book.told)

    assert book.replace(text, expected=0, life_safety=True, **WORDS).life_safety


def test_words_of_a_life_rule_are_free(book):
    """A new basis or date of a life-safety rule decides nothing and needs no more than the permission to edit."""
    text = shipped().replace("(igs-hagen.de, R51)", "(EN 54-5:2017)")

    assert not book.replace(text, expected=0, life_safety=False, **WORDS).life_safety


def test_two_at_once(book):
    """Of two who change the same version the second is told, and nothing of his is kept."""
    book.replace(shipped() + WARM, expected=0, life_safety=False, **WORDS)

    with pytest.raises(Conflict, match="version 1"):
        book.replace(shipped(), expected=0, life_safety=False, **WORDS)

    assert (1, 1) == (book.current().version, len(book.told))


def test_roll_back(book):
    """An earlier version, the shipped one too, holds again as a new version; its history stays."""
    book.replace(shipped() + WARM, expected=0, life_safety=False, **WORDS)
    back = book.roll_back(0, expected=1, life_safety=False, **WORDS)

    assert (2, 0, shipped()) == (back.version, back.rolled_back_to, back.text)
    assert parse(shipped()) == book.rows == book.told[-1]
    assert [2, 1] == [r.version for r in book.history()]


def test_unknown_version(book):
    """A version that never was is told."""
    with pytest.raises(NotFound, match="no version 9"):
        book.roll_back(9, expected=0, life_safety=False, **WORDS)


def test_same_again(book):
    """The table that holds already is no new version."""
    with pytest.raises(UserError, match="already"):
        book.replace(shipped(), expected=0, life_safety=False, **WORDS)


def test_a_stored_table_that_cannot_be_read(book, database):
    """A table of another program keeps nobody from starting: the shipped rules hold, and it is told."""
    kept = book.replace(shipped() + WARM, expected=0, life_safety=False, **WORDS)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE rule_sets SET text = '[[limit]]' WHERE version = 1")

    again = Rulebook(SqlRules(database), SqlRegistry(database), lambda: NOW)

    assert (parse(shipped()), kept.version) == (again.rows, again.current().version)
    assert "cannot be read" in again.troubles.newest


def test_a_lane_that_takes_nothing(book):
    """A lane that cannot be told now does not undo what was saved; it is told later."""

    def refuse(_rows):
        raise OSError("no room")

    book.attach(refuse, lambda: False)

    assert 1 == book.replace(shipped() + WARM, expected=0, life_safety=False, **WORDS).version
    assert "could not be told" in book.troubles.newest


class TestBars:
    @pytest.fixture
    def point(self, database):
        """A point of the registry."""
        registry = SqlRegistry(database)
        plan = [Park(-1, "p", "p"), Device(-2, -1, "native:p/-/m", "meter"), Point(-3, -2, "power", source_key="p")]
        return registry.save(plan, actor="li", reason="", now=NOW)[-1].id

    def test_set_and_read(self, book, point):
        """A bar enters as a version of the table, with its basis and the day of the park."""
        text = book.with_bars({point: 9_000.0}, "I: four marks")
        assert (None, 0) == (book.bar(point), book.current().version)
        book.replace(text, expected=0, life_safety=False, **WORDS)

        (row,) = (r for r in book.rows if r.points)
        assert (9_000.0, "I: four marks", "2026-11-21") == (book.bar(point), row.basis, row.version)

    def test_an_unknown_point(self, book):
        """A bar of a point that is not there is refused."""
        with pytest.raises(UserError, match="no such point"):
            book.replace(book.with_bars({77: 9_000.0}, "I: x"), expected=0, life_safety=False, **WORDS)
