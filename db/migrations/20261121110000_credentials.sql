-- Credentials: the keys that sign access tokens, where users are logged in, API tokens, second factors.

-- Sealed with the key in the data folder: this database alone forges no token.
CREATE TABLE token_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row per device that is logged in; logging out removes it. A refresh token is good once: its hash is
-- replaced by its successor's, and the one before is remembered for an answer that got lost.
CREATE TABLE devices (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);

CREATE INDEX devices_of_user ON devices (user_id, id);
CREATE INDEX devices_by_end ON devices (expires_at);

CREATE TABLE api_tokens (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL CONSTRAINT api_tokens_hash_unique UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);

CREATE INDEX api_tokens_of_user ON api_tokens (user_id, id);

CREATE TABLE totp (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Not asked for at login before it was confirmed with a code.
    confirmed_at BIGINT,
    -- The time step of the last code that was taken; that code and older ones are not taken again.
    last_step BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    PRIMARY KEY (user_id, hash)
);
