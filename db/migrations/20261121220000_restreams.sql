-- Servers elsewhere that a stream is sent to while it is live.

CREATE TABLE restreams (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- Without the key.
    url TEXT NOT NULL,
    -- Encrypted with a key that is not in the database.
    sealed_key TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    max_height BIGINT,
    max_bitrate BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);

CREATE INDEX restreams_of_stream ON restreams (stream_id, id);
