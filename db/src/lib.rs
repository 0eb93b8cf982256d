//! Rows and queries, the same for SQLite and PostgreSQL.
