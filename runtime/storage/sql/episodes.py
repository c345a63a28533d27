"""Episodes of unusual values, and what people say of them, over a database."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, tuple_

from park.episodes import Episode, Mark, Verdict
from park.errors import NotFound
from park.events import Finding, Reason
from park.wire import decode_event
from runtime.storage.sql.database import Database, among
from runtime.storage.sql.events import time_in
from runtime.storage.sql.tables import findings
from runtime.storage.sql.tables_marks import marks

_MOST = 1_000  # in one answer
_OVER = f"%/{Reason.USUAL_AGAIN}"  # end of the id of a finding that says an episode is over


class SqlEpisodes:
    """park.episodes.EpisodeStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def episodes(
        self, *, park: int = 0, point: int = 0, start: int = 0, end: int = 1 << 62, anomaly: str = "",
        standing: bool | None = None, marked: bool | None = None, before: str = "", limit: int = 100,
    ) -> list[Episode]:  # fmt: skip
        """Return episodes told in start <= ts < end, newest first, from past the finding `before` on."""
        c = findings.c
        query = select(c.body).where(c.episode != "", c.id.not_like(_OVER), c.ts >= start, c.ts < end)
        for column, asked in ((c.park, park), (c.point, point)):
            if asked:
                query = query.where(column == asked)
        if anomaly:
            query = query.where(c.body.contains(f'"anomaly":"{anomaly}"', autoescape=True))
        if standing is not None:
            other = findings.alias()
            ended = exists().where(other.c.episode == c.episode, other.c.id.like(_OVER))
            # One that is told when it is over, values that were missing, has its end in the finding itself.
            under_way = ~ended & c.body.contains('"until":0,', autoescape=True)
            query = query.where(under_way if standing else ~under_way)
        if marked is not None:
            said = exists().where(marks.c.episode == c.episode)
            query = query.where(said if marked else ~said)
        if before:
            query = query.where(tuple_(c.ts, c.id) < tuple_(time_in(before, -2), before))
        query = query.order_by(c.ts.desc(), c.id.desc()).limit(max(1, min(limit, _MOST)))
        with self._database.read() as connection:
            return _whole(connection, [_finding(body) for (body,) in connection.execute(query)])

    def episode(self, key: str) -> Episode:
        """Return one. Raises NotFound."""
        found = self.among([key])
        if not found:
            raise NotFound("there is no such episode")
        return found[0]

    def among(self, keys: Sequence[str]) -> list[Episode]:
        """Return those of some ids that are known, in the order of the ids."""
        c = findings.c
        query = select(c.body).where(c.episode != "", c.id.not_like(_OVER))
        with self._database.read() as connection:
            told = [_finding(body) for (body,) in among(connection, query, c.episode, set(keys))]
            by_id = {e.id: e for e in _whole(connection, told)}
        return [by_id[key] for key in keys if key in by_id]

    def mark(self, episode: Episode, verdict: Verdict, *, note: str, actor: str, now: int) -> Mark:
        """Keep what a person says of an episode; return it with its number."""
        row = {
            "episode": episode.id, "point": episode.began.point, "park": episode.began.park, "verdict": str(verdict),
            "note": note, "at": now, "actor": actor,
        }  # fmt: skip
        with self._database.write() as connection:
            key = connection.execute(insert(marks).values(row).returning(marks.c.id)).scalar_one()
            return _mark(connection.execute(select(marks).where(marks.c.id == key)).one())

    def marks(self, key: str) -> list[Mark]:
        """Return all that was said of an episode, newest first."""
        query = select(marks).where(marks.c.episode == key).order_by(marks.c.id.desc()).limit(_MOST)
        with self._database.read() as connection:
            return [_mark(row) for row in connection.execute(query)]


def _whole(connection: Connection, told: Iterable[Finding]) -> list[Episode]:
    """Return the episodes of findings that told of them, with their ends and the marks that hold."""
    began = list(told)
    keys = {f.episode for f in began}
    c = findings.c
    ends = select(c.body).where(c.id.like(_OVER))
    over = {f.episode: f for (body,) in among(connection, ends, c.episode, keys) for f in [_finding(body)]}
    newest = select(func.max(marks.c.id)).group_by(marks.c.episode)
    last = [key for (key,) in among(connection, newest, marks.c.episode, keys)]
    held = {m.episode: m for row in among(connection, select(marks), marks.c.id, last) for m in [_mark(row)]}
    return [Episode(f, over.get(f.episode), held.get(f.episode)) for f in began]


def _finding(body: bytes) -> Finding:
    event = decode_event(body)
    assert isinstance(event, Finding)  # noqa: S101 - no other is put into that table
    return event


def _mark(row: Row[Any] | Any) -> Mark:
    return Mark(row.id, row.episode, row.point, row.park, Verdict(row.verdict), row.note, row.at, row.actor)
