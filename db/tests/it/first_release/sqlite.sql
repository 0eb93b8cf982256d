-- What sqlx had noted of them on SQLite.

CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);

INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES
    (20261121000000, 'users streams broadcasts', TRUE, x'20bbde5026c0d9ae1a3db419babcc49224eb9fce222f6222dddbaeafb22ab159f6cf7188b80c716a4c57935101a4dde6', 1000000),
    (20261121000100, 'playout delay', TRUE, x'ddf5c355db1c99abe5ae6112229cc2dba89b2ae01d9a9270b9fd0f23dcd29fbccfb0f1123932ed45030843f3e4501c77', 1000000);
