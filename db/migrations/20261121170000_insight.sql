-- Who watched, and what became of it: a row per viewer session for some weeks, a row per stream and minute for
-- about a year, a row per stream and hour, per broadcast, and per broadcast and user for ever.

CREATE TABLE viewer_sessions (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    broadcast_id BIGINT REFERENCES broadcasts (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    protocol TEXT NOT NULL,
    -- Keyed hash of user, or of address and player; the key is thrown away daily.
    viewer TEXT NOT NULL,
    agent TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- The end as far as it is known; exact once ended_at is set.
    seen_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- JSON: milliseconds by layer.
    layers TEXT NOT NULL,
    stalls BIGINT NOT NULL,
    stall_ms BIGINT NOT NULL,
    delay_ms BIGINT,
    loss DOUBLE PRECISION,
    join_ms BIGINT
);

CREATE INDEX viewer_sessions_of_stream ON viewer_sessions (stream_id, id);
CREATE INDEX viewer_sessions_of_broadcast ON viewer_sessions (broadcast_id, id);
CREATE INDEX viewer_sessions_of_user ON viewer_sessions (user_id);
CREATE INDEX viewer_sessions_open ON viewer_sessions (id) WHERE ended_at IS NULL;

CREATE TABLE stream_minutes (
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    live_ms BIGINT NOT NULL,
    webrtc_ms BIGINT NOT NULL,
    hls_ms BIGINT NOT NULL,
    peak BIGINT NOT NULL,
    joins BIGINT NOT NULL,
    failed_joins BIGINT NOT NULL,
    stalls BIGINT NOT NULL,
    stall_ms BIGINT NOT NULL,
    -- Median of the delays that players reported, and how many did.
    delay_ms BIGINT NOT NULL,
    delays BIGINT NOT NULL,
    loss DOUBLE PRECISION NOT NULL,
    losses BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    reactions BIGINT NOT NULL,
    PRIMARY KEY (stream_id, at)
);

CREATE INDEX stream_minutes_at ON stream_minutes (at);

CREATE TABLE stream_hours (
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    live_ms BIGINT NOT NULL,
    webrtc_ms BIGINT NOT NULL,
    hls_ms BIGINT NOT NULL,
    peak BIGINT NOT NULL,
    joins BIGINT NOT NULL,
    failed_joins BIGINT NOT NULL,
    stalls BIGINT NOT NULL,
    stall_ms BIGINT NOT NULL,
    delay_ms BIGINT NOT NULL,
    delays BIGINT NOT NULL,
    loss DOUBLE PRECISION NOT NULL,
    losses BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    reactions BIGINT NOT NULL,
    PRIMARY KEY (stream_id, at)
);

CREATE INDEX stream_hours_at ON stream_hours (at);

-- Different viewers of a day: nobody can be told again on the next.
CREATE TABLE stream_days (
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    viewers BIGINT NOT NULL,
    PRIMARY KEY (stream_id, at)
);

CREATE TABLE broadcast_totals (
    broadcast_id BIGINT NOT NULL PRIMARY KEY REFERENCES broadcasts (id) ON DELETE CASCADE,
    sessions BIGINT NOT NULL,
    viewers BIGINT NOT NULL,
    webrtc_ms BIGINT NOT NULL,
    hls_ms BIGINT NOT NULL,
    stalls BIGINT NOT NULL,
    stall_ms BIGINT NOT NULL,
    delay_ms BIGINT,
    loss DOUBLE PRECISION,
    join_ms BIGINT
);

CREATE TABLE broadcast_users (
    broadcast_id BIGINT NOT NULL REFERENCES broadcasts (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    sessions BIGINT NOT NULL DEFAULT 0,
    watch_ms BIGINT NOT NULL DEFAULT 0,
    messages BIGINT NOT NULL DEFAULT 0,
    reactions BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (broadcast_id, user_id)
);

CREATE INDEX broadcast_users_of_user ON broadcast_users (user_id, first_at, broadcast_id);

-- The key of a day's viewer hashes.
CREATE TABLE viewer_salts (
    day BIGINT NOT NULL PRIMARY KEY,
    salt TEXT NOT NULL
);
