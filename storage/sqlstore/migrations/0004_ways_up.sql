-- Every way up and every way down: partners, certificates, recalls, the journeys of letters, centres.

-- partners are who speaks to us by program: banks, printers, the software of service centres.
CREATE TABLE partner (
  id   {id} NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  body TEXT NOT NULL            -- JSON, plain
);

-- wish is where a citizen wanted to go when a party turned them away; one for each party.
CREATE TABLE wish (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: neither fulfilled nor given up
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX wish_live ON wish (account) WHERE live = 1;

-- lock_change is a change that waits, because its citizen set a waiting period or because it opens a lock.
CREATE TABLE lock_change (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: neither made nor stopped
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX lock_change_live ON lock_change (account) WHERE live = 1;

-- anchors are the roots whose qualified certificates are believed, by their fingerprint.
CREATE TABLE anchor (
  id   {id} NOT NULL PRIMARY KEY,
  body TEXT NOT NULL            -- JSON, plain
);
INSERT INTO version (name, n) VALUES ('partner', 0);

-- What partners were answered, by their idempotency keys: a repeat gets the same.
CREATE TABLE partner_answer (
  partner     {id}    NOT NULL,
  id          {id}    NOT NULL, -- the key as the partner chose it
  fingerprint {bytes} NOT NULL, -- keyed digest of the request
  status      BIGINT  NOT NULL,
  body        TEXT    NOT NULL, -- JSON, plain: nothing personal
  at          BIGINT  NOT NULL,
  PRIMARY KEY (partner, id)
) {clustered};
CREATE INDEX partner_answer_at ON partner_answer (at);

-- What banks vouched for, by their own references; nothing personal.
CREATE TABLE vouching (
  partner      {id}   NOT NULL,
  kind         {id}   NOT NULL, -- confirmation, registration
  reference    {id}   NOT NULL,
  account      BIGINT NOT NULL, -- 0: none was found
  confirmation {id}   NOT NULL,
  at           BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  body         TEXT   NOT NULL, -- JSON, plain
  PRIMARY KEY (partner, kind, reference)
) {clustered};
CREATE INDEX vouching_at ON vouching (partner, at);
CREATE INDEX vouching_account ON vouching (account) WHERE account <> 0;

-- Accounts that a bank has registered and that nobody can sign in to before their person proves the phone.
CREATE TABLE bank_registration (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: the person has not finished
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX bank_registration_account ON bank_registration (account, at);
