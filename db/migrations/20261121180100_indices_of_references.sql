-- A row that goes is looked for in every table that refers to it: without these, whoever deletes an account has
-- all invitations and viewer tokens read.

CREATE INDEX invitations_made_by ON invitations (created_by);
CREATE INDEX viewer_tokens_made_by ON viewer_tokens (created_by);
