-- Events with sessions, people who take part, and how long they watched.

CREATE TABLE events (
    id BIGINT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL CONSTRAINT events_slug_unique UNIQUE,
    owner_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    title TEXT NOT NULL,
    -- The title in lower case, for the search.
    search TEXT NOT NULL,
    description TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    visibility TEXT NOT NULL,
    state TEXT NOT NULL,
    attendee_limit BIGINT,
    registration_opens_at BIGINT,
    registration_closes_at BIGINT,
    approval BIGINT NOT NULL,
    colour_primary TEXT,
    colour_background TEXT,
    colour_text TEXT,
    -- Ids of images.
    logo TEXT,
    cover TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE INDEX events_listed ON events (visibility, starts_at, id);
CREATE INDEX events_of_owner ON events (owner_id);
CREATE INDEX events_logo ON events (logo);
CREATE INDEX events_cover ON events (cover);

CREATE TABLE event_organisers (
    event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (event_id, user_id)
);

CREATE INDEX event_organisers_of_user ON event_organisers (user_id);

CREATE TABLE event_sessions (
    id BIGINT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    stage TEXT NOT NULL,
    position BIGINT NOT NULL,
    stream_id BIGINT REFERENCES streams (id) ON DELETE SET NULL,
    -- Whether the stream's owner agrees that attendees watch it, even if it is private.
    stream_agreed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT event_sessions_slug_unique UNIQUE (event_id, slug)
);

CREATE INDEX event_sessions_of_stream ON event_sessions (stream_id);

CREATE TABLE event_speakers (
    session_id BIGINT NOT NULL REFERENCES event_sessions (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    name TEXT,
    bio TEXT NOT NULL,
    PRIMARY KEY (session_id, place)
);

CREATE INDEX event_speakers_of_user ON event_speakers (user_id);

CREATE TABLE event_invitations (
    id BIGINT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL CONSTRAINT event_invitations_token_unique UNIQUE,
    email TEXT,
    max_uses BIGINT NOT NULL,
    used BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX event_invitations_of_event ON event_invitations (event_id, id);

CREATE TABLE event_registrations (
    id BIGINT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    -- Whether it came by an invitation.
    invited BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- Of guests alone.
    email TEXT,
    -- Name and address in lower case, for the organisers' search.
    search TEXT NOT NULL,
    status TEXT NOT NULL,
    -- What a guest proves its registration with, hashed.
    ticket_hash TEXT,
    -- When it began to wait: the order of the waiting list.
    queued_at BIGINT NOT NULL,
    checked_in_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX event_registrations_user ON event_registrations (event_id, user_id);
CREATE UNIQUE INDEX event_registrations_email ON event_registrations (event_id, email);
CREATE UNIQUE INDEX event_registrations_ticket ON event_registrations (ticket_hash);
CREATE INDEX event_registrations_queue ON event_registrations (event_id, status, queued_at, id);
CREATE INDEX event_registrations_in_order ON event_registrations (event_id, id);
CREATE INDEX event_registrations_of_user ON event_registrations (user_id);

-- One row for each time that somebody was in a session. `seen_at` moves on while they are: what a crash
-- leaves is right up to the last write.
CREATE TABLE event_attendance (
    id BIGINT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    session_id BIGINT NOT NULL REFERENCES event_sessions (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    registration_id BIGINT REFERENCES event_registrations (id) ON DELETE CASCADE,
    joined_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE INDEX event_attendance_of_event ON event_attendance (event_id, session_id);
CREATE INDEX event_attendance_of_session ON event_attendance (session_id);
CREATE INDEX event_attendance_of_user ON event_attendance (user_id);
CREATE INDEX event_attendance_of_registration ON event_attendance (registration_id);

-- The secret address of somebody's calendar.
CREATE TABLE calendar_tokens (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL CONSTRAINT calendar_tokens_unique UNIQUE,
    created_at BIGINT NOT NULL
);
