-- What was wrong with broadcasts: a row per broadcast and code, from the first time that it was seen.

CREATE TABLE findings (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    broadcast_id BIGINT NOT NULL REFERENCES broadcasts (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    -- JSON: figures and words.
    facts TEXT NOT NULL,
    repaired BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    -- Absent while it holds; a crash leaves it so, and the broadcast's end counts then.
    cleared_at BIGINT,
    times BIGINT NOT NULL
);

CREATE UNIQUE INDEX findings_of_broadcast ON findings (broadcast_id, code);
CREATE INDEX findings_of_stream ON findings (stream_id, id);
