-- Contacts that somebody proved while another account held them. The account is the holder's.

CREATE TABLE contact_claim (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: not settled
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX contact_claim_account ON contact_claim (account, at);
