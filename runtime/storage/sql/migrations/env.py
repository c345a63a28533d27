"""Alembic's entry: run the steps on the connection that we were handed."""

from alembic import context

from runtime.storage.sql.tables import metadata

# Alembic runs this file; it is imported by nobody. There is no database but the one handed over.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
