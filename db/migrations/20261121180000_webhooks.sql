-- Endpoints that are told what happens, what there is to tell, and how telling them went.

CREATE TABLE webhooks (
    id BIGINT NOT NULL PRIMARY KEY,
    -- Whose; NULL for the site's own, which hears of everything.
    owner_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    -- Hears of this stream only; NULL for all of the owner's.
    stream_id BIGINT REFERENCES streams (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Types between blanks, like ' stream.started stream.ended '; ' * ' for all.
    types TEXT NOT NULL,
    -- Secrets are computed from a key of the server and from these, so that none stands here.
    salt TEXT NOT NULL,
    old_salt TEXT,
    -- Until when the old secret signs too.
    old_salt_until BIGINT,
    enabled BIGINT NOT NULL,
    -- Why the server itself switched it off.
    disabled_why TEXT,
    -- Since when nothing was delivered any more.
    failing_since BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);

CREATE INDEX webhooks_of_owner ON webhooks (owner_id, id);
CREATE INDEX webhooks_of_stream ON webhooks (stream_id);

CREATE TABLE webhook_events (
    id BIGINT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    -- Whose it is, and of which stream. No references: an event outlives what it speaks of.
    owner_id BIGINT,
    stream_id BIGINT,
    -- Deliveries of one lane to one endpoint keep their order.
    lane BIGINT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX webhook_events_by_age ON webhook_events (created_at);

CREATE TABLE webhook_deliveries (
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event_id BIGINT NOT NULL REFERENCES webhook_events (id) ON DELETE CASCADE,
    lane BIGINT NOT NULL,
    -- waiting, delivered, failed, or skipped while the endpoint was switched off.
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Attempts of this round: a replay begins at zero again.
    round_attempts BIGINT NOT NULL DEFAULT 0,
    -- Of the last attempt.
    status BIGINT,
    error TEXT,
    duration_ms BIGINT,
    attempted_at BIGINT,
    PRIMARY KEY (webhook_id, event_id)
);

CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_id);
-- The head of a lane.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, lane, event_id) WHERE state = 'waiting';

-- A lane has a row as long as anything waits in it.
CREATE TABLE webhook_lanes (
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    lane BIGINT NOT NULL,
    -- When its head may be tried.
    next_at BIGINT NOT NULL,
    PRIMARY KEY (webhook_id, lane)
);

CREATE INDEX webhook_lanes_due ON webhook_lanes (next_at);

CREATE TABLE webhook_attempts (
    webhook_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- The endpoint's answer; NULL when there was none, and then the error says why.
    status BIGINT,
    error TEXT,
    -- The beginning of the answer's body.
    response TEXT,
    PRIMARY KEY (webhook_id, event_id, attempt),
    FOREIGN KEY (webhook_id, event_id) REFERENCES webhook_deliveries (webhook_id, event_id) ON DELETE CASCADE
);
