-- What was recorded, and what was cut out of it.

CREATE TABLE recordings (
    id BIGINT NOT NULL PRIMARY KEY,
    -- NULL when it is gone: then the files go too, and the row after them.
    stream_id BIGINT REFERENCES streams (id) ON DELETE SET NULL,
    -- No reference: a recording outlives the figures of its broadcast.
    broadcast_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    -- recording, processing, ready, failed; deleted until its files are gone.
    state TEXT NOT NULL,
    -- Why it failed.
    why TEXT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    duration_ms BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    -- Files to download.
    movies BIGINT NOT NULL DEFAULT 0,
    -- Whether its files are in the bucket, and no more on the local disk.
    in_bucket BIGINT NOT NULL DEFAULT 0,
    -- Never removed by age or size.
    protected BIGINT NOT NULL DEFAULT 0,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);

CREATE INDEX recordings_of_stream ON recordings (stream_id, id);
-- One at a time.
CREATE UNIQUE INDEX recordings_open_unique ON recordings (stream_id) WHERE state = 'recording';
CREATE INDEX recordings_by_state ON recordings (state, in_bucket, id);
CREATE INDEX recordings_by_age ON recordings (state, protected, ended_at, id, bytes);

-- What streams say of themselves; without a row, the server's setting counts.
CREATE TABLE recording_settings (
    stream_id BIGINT NOT NULL PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
    record BIGINT NOT NULL
);

CREATE TABLE clips (
    id BIGINT NOT NULL PRIMARY KEY,
    -- As above.
    stream_id BIGINT REFERENCES streams (id) ON DELETE SET NULL,
    -- Of which recording; NULL when it was cut from what was live, or the recording is gone.
    recording_id BIGINT REFERENCES recordings (id) ON DELETE SET NULL,
    -- Who cut it.
    user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    title TEXT NOT NULL,
    -- ready, or deleted until its file is gone.
    state TEXT NOT NULL,
    duration_ms BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    in_bucket BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

CREATE INDEX clips_of_stream ON clips (stream_id, id);
CREATE INDEX clips_of_recording ON clips (recording_id);
CREATE INDEX clips_of_user ON clips (user_id, id);
CREATE INDEX clips_by_state ON clips (state, in_bucket, id);
