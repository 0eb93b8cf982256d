-- Profiles, images, follows, blocks, notifications, mail, single use tokens, log-ins by other sites, and who wants to
-- stream.

ALTER TABLE users ADD COLUMN bio TEXT NOT NULL DEFAULT '';
-- Ids of images.
ALTER TABLE users ADD COLUMN avatar TEXT;
ALTER TABLE users ADD COLUMN banner TEXT;
-- A JSON array of objects with `label` and `url`.
ALTER TABLE users ADD COLUMN links TEXT NOT NULL DEFAULT '[]';
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;

-- Admins look users up by the beginning of a name or an address. Equality is bytewise on both databases, which an
-- order under a locale is not, so the first characters are indexed and the rest is compared.
CREATE INDEX users_name_start ON users (substr(name, 1, 3));
CREATE INDEX users_email_start ON users (substr(email, 1, 3));
CREATE INDEX users_role ON users (role, name);
CREATE INDEX users_disabled ON users (name) WHERE disabled_at IS NOT NULL;
CREATE INDEX users_unapproved ON users (name) WHERE approved = 0;

CREATE TABLE images (
    -- SHA-256 of the bytes in hexadecimal: the same picture is kept once.
    id TEXT NOT NULL PRIMARY KEY,
    media_type TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    uploaded_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    -- When it was uploaded or put to use last; pictures that nothing shows are removed some time later.
    wanted_at BIGINT NOT NULL
);

CREATE INDEX images_of_uploader ON images (uploaded_by, wanted_at);
CREATE INDEX images_wanted ON images (wanted_at);
CREATE INDEX users_avatar ON users (avatar) WHERE avatar IS NOT NULL;
CREATE INDEX users_banner ON users (banner) WHERE banner IS NOT NULL;

CREATE TABLE follows (
    follower_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    followed_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (follower_id, followed_id)
);

CREATE INDEX follows_of_follower ON follows (follower_id, created_at, followed_id);
CREATE INDEX follows_of_followed ON follows (followed_id, created_at, follower_id);

CREATE TABLE blocks (
    owner_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner_id, user_id)
);

CREATE INDEX blocks_by_time ON blocks (owner_id, created_at, user_id);
CREATE INDEX blocks_of_user ON blocks (user_id);

CREATE TABLE notifications (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The happening's: everybody who is told of it has the same, so that telling thousands is one statement.
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- A JSON object.
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    read_at BIGINT,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE read_at IS NULL;
CREATE INDEX notifications_by_time ON notifications (created_at);

CREATE TABLE notification_settings (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    in_app BIGINT NOT NULL,
    by_mail BIGINT NOT NULL,
    PRIMARY KEY (user_id, kind)
);

-- Mail that waits to be sent. No secret stands here: links are made when the mail is.
CREATE TABLE mails (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- When to try next. Whoever takes it moves this on, so that two nodes do not send it twice.
    due_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX mails_due ON mails (due_at);

-- What a link in a mail proves: that its reader owns the address. Used once.
CREATE TABLE mail_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    address TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX mail_tokens_of_user ON mail_tokens (user_id, purpose);
CREATE INDEX mail_tokens_expired ON mail_tokens (expires_at);

-- Accounts at OpenID providers that log in to an account here.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX identities_of_user ON identities (user_id);

-- Who asks to stream. One row a user: asking again takes the place of the answer before.
CREATE TABLE creator_applications (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    -- pending, approved or rejected.
    state TEXT NOT NULL,
    reason TEXT,
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by BIGINT REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX creator_applications_by_state ON creator_applications (state, created_at, user_id);
CREATE INDEX creator_applications_decider ON creator_applications (decided_by);
