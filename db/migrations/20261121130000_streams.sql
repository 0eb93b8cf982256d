-- What a stream says of itself, who may see it, and how it is found.

CREATE TABLE categories (
    id BIGINT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL CONSTRAINT categories_slug_unique UNIQUE,
    name TEXT NOT NULL,
    -- Id of an image.
    image TEXT,
    version BIGINT NOT NULL DEFAULT 1
);

ALTER TABLE streams ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN category_id BIGINT REFERENCES categories (id) ON DELETE SET NULL;
-- Normalised, with a blank between each two.
ALTER TABLE streams ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN visibility TEXT NOT NULL DEFAULT 'public';
ALTER TABLE streams ADD COLUMN language TEXT;
ALTER TABLE streams ADD COLUMN mature BIGINT NOT NULL DEFAULT 0;
-- Id of an image.
ALTER TABLE streams ADD COLUMN thumbnail TEXT;
ALTER TABLE streams ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
-- Whether its words and marks stand in the two tables below. Rows from before these have them made at the next start.
ALTER TABLE streams ADD COLUMN indexed BIGINT NOT NULL DEFAULT 0;

CREATE INDEX categories_image ON categories (image) WHERE image IS NOT NULL;
CREATE INDEX streams_thumbnail ON streams (thumbnail) WHERE thumbnail IS NOT NULL;
CREATE INDEX streams_category ON streams (category_id);
CREATE INDEX streams_not_indexed ON streams (id) WHERE indexed = 0;

-- By what listings filter: `all`, `owner:7`, `category:7`, `tag:music`, `language:de`. Public streams only.
CREATE TABLE stream_marks (
    mark TEXT NOT NULL,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    PRIMARY KEY (mark, stream_id)
);

CREATE INDEX stream_marks_of_stream ON stream_marks (stream_id);

-- The inverted table of the search. Words stand in hexadecimal: digits and a-f have the same order under every
-- locale, so a range of the index is a prefix on both databases. Public streams only.
CREATE TABLE stream_words (
    word TEXT NOT NULL,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    weight BIGINT NOT NULL,
    PRIMARY KEY (word, stream_id)
);

CREATE INDEX stream_words_ranked ON stream_words (word, stream_id, weight);
CREATE INDEX stream_words_of_stream ON stream_words (stream_id);

CREATE INDEX broadcasts_by_time ON broadcasts (started_at, stream_id);

-- Links that let people into a stream.
CREATE TABLE invitations (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL CONSTRAINT invitations_code_unique UNIQUE,
    label TEXT NOT NULL,
    max_uses BIGINT NOT NULL,
    uses BIGINT NOT NULL DEFAULT 0,
    -- How long what it gives is good for, in milliseconds.
    pass_lifetime BIGINT NOT NULL,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX invitations_of_stream ON invitations (stream_id, id);

-- Viewer tokens: what a signed token must still find to be worth something.
CREATE TABLE viewer_tokens (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    invitation_id BIGINT REFERENCES invitations (id) ON DELETE SET NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    nickname TEXT,
    -- WebRTC sessions at one time.
    max_sessions BIGINT NOT NULL,
    created_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE INDEX viewer_tokens_of_stream ON viewer_tokens (stream_id, id);
CREATE INDEX viewer_tokens_of_user ON viewer_tokens (user_id, stream_id);
CREATE INDEX viewer_tokens_of_invitation ON viewer_tokens (invitation_id, user_id);
CREATE INDEX viewer_tokens_expired ON viewer_tokens (expires_at);
CREATE INDEX viewer_tokens_revoked ON viewer_tokens (revoked_at) WHERE revoked_at IS NOT NULL;

-- Coming streams.
CREATE TABLE schedule (
    id BIGINT NOT NULL PRIMARY KEY,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);

CREATE INDEX schedule_of_stream ON schedule (stream_id, starts_at, id);
CREATE INDEX schedule_by_time ON schedule (starts_at, id);

-- Who was sent where.
CREATE TABLE raids (
    id BIGINT NOT NULL PRIMARY KEY,
    from_stream BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    to_stream BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    viewers BIGINT NOT NULL,
    raided_at BIGINT NOT NULL
);

CREATE INDEX raids_of_source ON raids (from_stream, raided_at);
CREATE INDEX raids_of_target ON raids (to_stream, raided_at);

-- What people with an account have watched, for lists made for them. One row for each pair.
CREATE TABLE stream_watches (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    stream_id BIGINT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    times BIGINT NOT NULL,
    watched_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, stream_id)
);

CREATE INDEX stream_watches_by_time ON stream_watches (user_id, watched_at);
CREATE INDEX stream_watches_of_stream ON stream_watches (stream_id);

-- What a stream's viewers watch together; see `protocol/src/party.rs` for the members' meaning.
CREATE TABLE parties (
    stream_id BIGINT NOT NULL PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
    media TEXT NOT NULL,
    duration_ms BIGINT,
    position_ms BIGINT NOT NULL,
    playing BIGINT NOT NULL,
    rate DOUBLE PRECISION NOT NULL,
    at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

INSERT INTO stream_marks (mark, stream_id) SELECT 'all', id FROM streams;
INSERT INTO stream_marks (mark, stream_id) SELECT 'owner:' || owner_id, id FROM streams WHERE owner_id IS NOT NULL;
