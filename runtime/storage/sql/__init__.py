"""What people ask of in rows: registry, events, quarantine, ledger, keys; SQLite now, PostgreSQL alike."""
