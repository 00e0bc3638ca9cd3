-- What bounds a grant beside its scopes: what else the citizen allowed, and which acr values were demanded.
-- The release before leaves them empty, and such a grant gives its scopes and nothing more.

ALTER TABLE grants ADD COLUMN data TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN demanded TEXT NOT NULL DEFAULT '';
