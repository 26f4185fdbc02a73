"""SQLite and PostgreSQL behind one small interface: transactions, group commit, migrations, sealing."""
