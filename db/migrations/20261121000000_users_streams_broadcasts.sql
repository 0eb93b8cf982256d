-- Valid on SQLite and on PostgreSQL. Times are milliseconds since the Unix epoch; ids are positive 63-bit
-- numbers made by the program.

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT users_name_unique UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE streams (
    id BIGINT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL CONSTRAINT streams_slug_unique UNIQUE,
    title TEXT NOT NULL,
    key_hash TEXT NOT NULL CONSTRAINT streams_key_hash_unique UNIQUE,
    owner_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    key_rotated_at BIGINT
);

CREATE INDEX streams_owner ON streams (owner_id);

CREATE TABLE broadcasts (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    protocol TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    peak_viewers BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX broadcasts_of_stream ON broadcasts (stream_id, started_at);
CREATE INDEX broadcasts_open ON broadcasts (id) WHERE ended_at IS NULL;
