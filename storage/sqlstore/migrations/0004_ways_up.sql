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
