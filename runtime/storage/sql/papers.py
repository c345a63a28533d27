"""Papers on file over a database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update

from park.activity_ports import Filed
from park.errors import Conflict, NotFound
from park.records import Paper, PaperKind
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_activity import papers

_MOST = 1_000


class SqlPapers:
    """park.activity_ports.PaperStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def file(self, paper: Paper, park: int, *, actor: str, note: str, now: int) -> Filed:
        """Put a paper on file; return it with its number."""
        row = {
            "enterprise": paper.enterprise, "park": park, "kind": str(paper.kind), "begin_day": paper.begin,
            "end_day": paper.end, "at": now, "actor": actor, "note": note,
        }  # fmt: skip
        with self._database.write() as connection:
            key = connection.execute(insert(papers).values(row).returning(papers.c.id)).scalar_one()
            return _filed(connection.execute(select(papers).where(papers.c.id == key)).one())

    def withdraw(self, key: int, *, actor: str, now: int) -> Filed:
        """Take a paper back. Raises NotFound, Conflict."""
        with self._database.write() as connection:
            row = connection.execute(select(papers).where(papers.c.id == key)).first()
            if row is None:
                raise NotFound(f"there is no paper {key}")
            if row.withdrawn is not None:
                raise Conflict(f"paper {key} was taken back already")
            connection.execute(update(papers).where(papers.c.id == key).values(withdrawn=now, withdrawn_by=actor))
            return _filed(connection.execute(select(papers).where(papers.c.id == key)).one())

    def get(self, key: int) -> Filed:
        """Return a paper. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(papers).where(papers.c.id == key)).first()
        if row is None:
            raise NotFound(f"there is no paper {key}")
        return _filed(row)

    def of(self, enterprise: int) -> Sequence[Filed]:
        """Return the papers of an enterprise, newest first, those taken back too."""
        query = select(papers).where(papers.c.enterprise == enterprise).order_by(papers.c.id.desc()).limit(_MOST)
        with self._database.read() as connection:
            return [_filed(row) for row in connection.execute(query)]

    def standing(self) -> tuple[Paper, ...]:
        """Return all papers that are not taken back, by number."""
        query = select(papers).where(papers.c.withdrawn.is_(None)).order_by(papers.c.id)
        with self._database.read() as connection:
            return tuple(_filed(row).paper for row in connection.execute(query))


def _filed(row: Row[Any]) -> Filed:
    paper = Paper(row.enterprise, PaperKind(row.kind), row.begin_day, row.end_day, row.id)
    return Filed(paper, row.at, row.actor, row.note, row.withdrawn, row.withdrawn_by)
