"""How much people have attached in a park: to alarms, rounds and hazards."""

from sqlalchemy import func, select

from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_alarms import case_attachments, cases
from runtime.storage.sql.tables_governance import office_files, office_things


def attached(database: Database, park: int) -> int:
    """Return the bytes of all files of a park; one that hangs in two places is counted in both."""
    alarms = select(func.sum(case_attachments.c.size)).join(cases, cases.c.id == case_attachments.c.case)
    office = select(func.sum(office_files.c.size)).join(office_things, office_things.c.id == office_files.c.thing)
    with database.read() as connection:
        found = [
            connection.execute(query).scalar()
            for query in (alarms.where(cases.c.park == park), office.where(office_things.c.park == park))
        ]
    return sum(int(size or 0) for size in found)
