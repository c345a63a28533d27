"""How a database came to its tables, step by step (Alembic)."""
