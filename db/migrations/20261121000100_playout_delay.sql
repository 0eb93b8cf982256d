-- How long players may wait before they show a picture, in milliseconds. Both are set, or neither: then the
-- server's setting counts.

ALTER TABLE streams ADD COLUMN playout_delay_min_ms BIGINT;
ALTER TABLE streams ADD COLUMN playout_delay_max_ms BIGINT;
