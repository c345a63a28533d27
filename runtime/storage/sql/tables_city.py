"""The tables of a city's workers: who holds which log, its snapshots and where its chunks were cut.

```
assignments       one row a log (and a consumer of its events): the epoch of whoever holds it
signs             one row for what only one process does: that its holder is alive
snapshots         one row a whole snapshot, its content in snapshot_parts
cuts              where a log was cut into chunks, and what was decided of their late rows
```
"""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from runtime.storage.sql.tables import metadata

assignments = Table(  # of one stream; whoever takes it raises the epoch, and all before him are refused
    "assignments", metadata, Column("stream", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False), Column("owner", Text, nullable=False),
    Column("taken", BigInteger, nullable=False),
)  # fmt: skip

signs = Table(  # of life; apart from the epoch, which every transaction of the holder locks
    "signs", metadata, Column("name", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False), Column("owner", Text, nullable=False),
    Column("said", BigInteger, nullable=False),
)  # fmt: skip

snapshots = Table(  # a row is written when all parts are
    "snapshots", metadata, Column("name", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False), Column("parts", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False), Column("digest", Text, nullable=False),
    Column("marks", LargeBinary),  # what the log was that it is of (runtime.log_marks)
)  # fmt: skip

snapshot_parts = Table(
    "snapshot_parts", metadata, Column("name", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

cuts = Table(
    "cuts", metadata, Column("stream", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("start", BigInteger, nullable=False), Column("decisions", BigInteger, nullable=False),
    Column("bits", LargeBinary, nullable=False),
)  # fmt: skip
