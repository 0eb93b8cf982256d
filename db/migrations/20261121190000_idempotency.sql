-- Creations that must happen once however often they are sent: what they were, and what was answered.

CREATE TABLE idempotency_keys (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    request_key TEXT NOT NULL,
    -- Hash of method, address and body.
    fingerprint TEXT NOT NULL,
    -- Sealed; NULL while the first request is under way.
    answer TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, request_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
