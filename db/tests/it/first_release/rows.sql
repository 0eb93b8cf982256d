-- A database as the first release left it: its two migrations, and some rows. Never changed: it stands for
-- databases that are out there.

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

ALTER TABLE streams ADD COLUMN playout_delay_min_ms BIGINT;
ALTER TABLE streams ADD COLUMN playout_delay_max_ms BIGINT;

INSERT INTO users (id, name, password_hash, role, created_at) VALUES
    (101, 'admin', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$hash1', 'admin', 1700000000001),
    (102, 'ada', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$hash2', 'streamer', 1700000000002);

INSERT INTO streams (id, slug, title, key_hash, owner_id, created_at, updated_at, key_rotated_at,
    playout_delay_min_ms, playout_delay_max_ms) VALUES
    (201, 'stage', 'Main Stage – "ü"', '791ac366797d8cf4c677fcf0263db53dfdedcc1f039f832fc7cd7b0389f47034', NULL, 1700000000003, 1700000000004, NULL, NULL, NULL),
    (202, 'ada-live', 'Ada''s stream', '2e368e8fbe63b87074809b976b4fee2fb8a5a916cd6421796eea41731be7a593', 102, 1700000000005, 1700000000006, 1700000000007, 100, 400);

INSERT INTO broadcasts (id, stream_id, protocol, started_at, ended_at, peak_viewers) VALUES
    (301, 201, 'rtmp', 1700000001000, 1700000002000, 12),
    (302, 202, 'whip', 1700000003000, NULL, 0);
