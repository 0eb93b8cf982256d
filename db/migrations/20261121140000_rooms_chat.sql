-- Rooms and what is said in them. A room is made when somebody enters it first. `seq` is the newest sequence
-- number that anything in the room was given: it survives restarts, so that clients can go on from theirs.

CREATE TABLE rooms (
    id BIGINT NOT NULL PRIMARY KEY,
    -- `stream` or `event_session`.
    kind TEXT NOT NULL,
    -- The stream's or the session's id.
    subject_id BIGINT NOT NULL,
    -- Set for streams' rooms, which go with their streams.
    stream_id BIGINT REFERENCES streams (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    CONSTRAINT rooms_subject_unique UNIQUE (kind, subject_id)
);

CREATE INDEX rooms_of_stream ON rooms (stream_id);

CREATE TABLE chat_messages (
    id BIGINT NOT NULL PRIMARY KEY,
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    -- Its place in the room.
    seq BIGINT NOT NULL,
    -- When it changed last, as a sequence number; `seq` until then. What a client missed is found by it.
    changed_seq BIGINT NOT NULL,
    author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    -- `user:<id>` or `guest:<code>`: whose `client_ref` it is, and whose messages a purge takes.
    author_key TEXT NOT NULL,
    guest_name TEXT,
    moderator BIGINT NOT NULL,
    -- The client's own name for it: sent again, it is not kept again.
    client_ref TEXT NOT NULL,
    text TEXT NOT NULL,
    reply_to BIGINT,
    -- JSON array of user names.
    mentions TEXT NOT NULL,
    -- Only its author and moderators see it.
    hidden BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    pinned_at BIGINT,
    CONSTRAINT chat_messages_seq_unique UNIQUE (room_id, seq),
    CONSTRAINT chat_messages_ref_unique UNIQUE (room_id, author_key, client_ref)
);

CREATE INDEX chat_messages_changes ON chat_messages (room_id, changed_seq);
CREATE INDEX chat_messages_pinned ON chat_messages (room_id, pinned_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX chat_messages_of_author ON chat_messages (author_id, id);
CREATE INDEX chat_messages_sent ON chat_messages (room_id, sent_at);
