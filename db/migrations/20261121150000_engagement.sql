-- How rooms are run, and what their audiences do besides writing: rules, bans, moderators, the audit log, polls,
-- questions, reactions, emotes.

-- Grows with each change of the rules, moderators, bans or emotes of a room: nodes and processes learn by it that
-- what they remember is old.
ALTER TABLE rooms ADD COLUMN policy_version BIGINT NOT NULL DEFAULT 0;

CREATE TABLE room_rules (
    room_id BIGINT NOT NULL PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    -- JSON object of what differs from the defaults or was set once.
    rules TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE room_moderators (
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

CREATE INDEX room_moderators_of_user ON room_moderators (user_id);

CREATE TABLE room_bans (
    id BIGINT NOT NULL PRIMARY KEY,
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    -- `ban`, `shadow` or `timeout`.
    kind TEXT NOT NULL,
    -- `user:<id>` or `guest:<code>`.
    member_key TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- Keyed hash of the address that the member came from; never the address.
    address_hash TEXT,
    reason TEXT NOT NULL,
    by_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT,
    CONSTRAINT room_bans_member_unique UNIQUE (room_id, member_key, kind)
);

CREATE INDEX room_bans_by_id ON room_bans (room_id, id);
CREATE INDEX room_bans_of_user ON room_bans (user_id);
CREATE INDEX room_bans_by_actor ON room_bans (by_id);

-- Outlives rooms and accounts.
CREATE TABLE audit_log (
    id BIGINT NOT NULL PRIMARY KEY,
    room_id BIGINT REFERENCES rooms (id) ON DELETE SET NULL,
    room TEXT NOT NULL,
    by_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    by_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    target_name TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX audit_log_of_room ON audit_log (room_id, id);
CREATE INDEX audit_log_of_actor ON audit_log (by_id);

CREATE TABLE polls (
    id BIGINT NOT NULL PRIMARY KEY,
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    -- JSON array of texts.
    options TEXT NOT NULL,
    multiple BIGINT NOT NULL,
    opened_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    opened_at BIGINT NOT NULL,
    ends_at BIGINT,
    closed_at BIGINT,
    -- The client's own name for it: sent again, it is not opened again.
    client_ref TEXT,
    CONSTRAINT polls_ref_unique UNIQUE (room_id, opened_by, client_ref)
);

CREATE INDEX polls_of_room ON polls (room_id, id);
CREATE INDEX polls_of_opener ON polls (opened_by);
CREATE INDEX polls_open ON polls (ends_at) WHERE closed_at IS NULL;

CREATE TABLE poll_votes (
    poll_id BIGINT NOT NULL REFERENCES polls (id) ON DELETE CASCADE,
    voter_key TEXT NOT NULL,
    choice BIGINT NOT NULL,
    PRIMARY KEY (poll_id, voter_key, choice)
);

CREATE TABLE questions (
    id BIGINT NOT NULL PRIMARY KEY,
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    author_key TEXT NOT NULL,
    guest_name TEXT,
    -- The client's own name for it: sent again, it is not kept again.
    client_ref TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    -- 1 for pinned ones, which come first.
    pinned BIGINT NOT NULL,
    votes BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    answered_at BIGINT,
    version BIGINT NOT NULL,
    CONSTRAINT questions_ref_unique UNIQUE (room_id, author_key, client_ref)
);

CREATE INDEX questions_by_votes ON questions (room_id, pinned, votes, id);
CREATE INDEX questions_by_time ON questions (room_id, id);
CREATE INDEX questions_of_author ON questions (author_id);

CREATE TABLE question_votes (
    question_id BIGINT NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
    voter_key TEXT NOT NULL,
    PRIMARY KEY (question_id, voter_key)
);

CREATE TABLE message_reactions (
    message_id BIGINT NOT NULL REFERENCES chat_messages (id) ON DELETE CASCADE,
    emoji TEXT NOT NULL,
    member_key TEXT NOT NULL,
    PRIMARY KEY (message_id, emoji, member_key)
);

CREATE TABLE emotes (
    id BIGINT NOT NULL PRIMARY KEY,
    -- The room's id; 0 for the whole site.
    scope BIGINT NOT NULL,
    room_id BIGINT REFERENCES rooms (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    image TEXT NOT NULL,
    added_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    added_at BIGINT NOT NULL,
    CONSTRAINT emotes_code_unique UNIQUE (scope, code)
);

CREATE INDEX emotes_of_room ON emotes (room_id);
CREATE INDEX emotes_of_adder ON emotes (added_by);
CREATE INDEX emotes_image ON emotes (image);

-- Grows with each change of the site's emotes.
CREATE TABLE site_policy (
    id BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

INSERT INTO site_policy (id, version) VALUES (1, 0);

-- JSON array of the emotes in the text.
ALTER TABLE chat_messages ADD COLUMN emotes TEXT NOT NULL DEFAULT '[]';
