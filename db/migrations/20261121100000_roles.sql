-- Four roles. Whoever could stream before may go on.

UPDATE users SET role = 'speaker' WHERE role = 'streamer';

ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN display_name TEXT;
-- Whether a speaker may stream where creators must be approved.
ALTER TABLE users ADD COLUMN approved BIGINT NOT NULL DEFAULT 1;
-- Since when an admin has locked the account.
ALTER TABLE users ADD COLUMN disabled_at BIGINT;
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

CREATE UNIQUE INDEX users_email_unique ON users (email);
