-- The foundation. Times are microseconds since 1970 UTC, 0 for none. A body is sealed unless said otherwise.

CREATE TABLE account (
  id          BIGINT NOT NULL PRIMARY KEY,
  epoch       BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  standing    TEXT   NOT NULL,  -- JSON: level, confirmations, restriction, lock; nothing personal
  created     BIGINT NOT NULL,
  standard_at BIGINT NOT NULL,
  verified_at BIGINT NOT NULL,
  lang        TEXT   NOT NULL,
  wrapped_key {bytes},          -- NULL: erased
  profile     {bytes},
  credential  {bytes}
);

CREATE TABLE lookup (
  kind    {id}    NOT NULL,
  key_id  BIGINT  NOT NULL,
  digest  {bytes} NOT NULL,
  account BIGINT  NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  checked BIGINT  NOT NULL,     -- 1: the registries agreed
  sole    BIGINT  NOT NULL,     -- 1: nobody else may hold it
  PRIMARY KEY (kind, key_id, digest, account)
) {clustered};
CREATE UNIQUE INDEX lookup_sole ON lookup (kind, key_id, digest) WHERE sole = 1;
CREATE INDEX lookup_account ON lookup (account);

CREATE TABLE session (
  id        {id}   NOT NULL PRIMARY KEY,
  account   BIGINT NOT NULL,
  epoch     BIGINT NOT NULL,
  kind      TEXT   NOT NULL,
  started   BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  expires   BIGINT NOT NULL,
  idle      BIGINT NOT NULL,    -- nanoseconds
  auth_time BIGINT NOT NULL,
  amr       TEXT   NOT NULL,    -- separated by spaces
  snapshot  TEXT   NOT NULL,    -- JSON
  browser   {bytes},
  device    TEXT   NOT NULL,
  ended     BIGINT NOT NULL
);
CREATE INDEX session_live ON session (account) WHERE ended = 0;
CREATE INDEX session_expires ON session (expires);

CREATE TABLE grants (
  id           {id}   NOT NULL PRIMARY KEY,
  account      BIGINT NOT NULL,
  client       {id}   NOT NULL,
  session      {id}   NOT NULL,
  epoch        BIGINT NOT NULL,
  scopes       TEXT   NOT NULL, -- separated by spaces
  claims       {bytes},         -- as asked, plain
  auth_time    BIGINT NOT NULL,
  amr          TEXT   NOT NULL,
  acr          TEXT   NOT NULL,
  snapshot     TEXT   NOT NULL, -- JSON
  created      BIGINT NOT NULL,
  offline      BIGINT NOT NULL,
  expires      BIGINT NOT NULL,
  revoked      BIGINT NOT NULL,
  redeemed     BIGINT NOT NULL, -- how often the code was brought
  refresh_hash {bytes},
  refresh_gen  BIGINT NOT NULL,
  prev_hash    {bytes},
  prev_sealed  {bytes},
  rotated_at   BIGINT NOT NULL
);
CREATE INDEX grants_live ON grants (account, session) WHERE revoked = 0;
CREATE INDEX grants_created ON grants (created);

CREATE TABLE consent (
  account BIGINT NOT NULL,
  client  {id}   NOT NULL,
  scopes  TEXT   NOT NULL,
  given   BIGINT NOT NULL,
  until   BIGINT NOT NULL,
  PRIMARY KEY (account, client)
) {clustered};

CREATE TABLE party (
  id   {id} NOT NULL PRIMARY KEY,
  body TEXT NOT NULL            -- JSON, plain
);
CREATE TABLE version (
  name {id}   NOT NULL PRIMARY KEY,
  n    BIGINT NOT NULL
);
INSERT INTO version (name, n) VALUES ('party', 0);

CREATE TABLE application (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: running
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE UNIQUE INDEX application_live ON application (account) WHERE live = 1;
CREATE INDEX application_account ON application (account, at);

CREATE TABLE letter (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: neither used nor cancelled
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX letter_account ON letter (account, at);

CREATE TABLE visit (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: not closed
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX visit_account ON visit (account, at);

CREATE TABLE message (
  id      {id}   NOT NULL PRIMARY KEY,
  account BIGINT NOT NULL,
  channel TEXT   NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  sent    BIGINT NOT NULL,
  body    {bytes}               -- NULL once sent
);
CREATE INDEX message_sent ON message (sent) WHERE sent > 0;

CREATE TABLE delivery (
  id      {id}   NOT NULL PRIMARY KEY,
  client  {id}   NOT NULL,
  account BIGINT NOT NULL,
  session {id}   NOT NULL,
  created BIGINT NOT NULL,
  done    BIGINT NOT NULL
);
CREATE INDEX delivery_done ON delivery (done) WHERE done > 0;

CREATE TABLE event (
  id      {serial},
  at      BIGINT NOT NULL,
  kind    TEXT   NOT NULL,
  account BIGINT NOT NULL,
  actor   BIGINT NOT NULL,
  client  TEXT   NOT NULL,
  session TEXT   NOT NULL,
  device  TEXT   NOT NULL,
  reason  TEXT   NOT NULL,
  detail  TEXT   NOT NULL,      -- JSON, or empty
  request TEXT   NOT NULL
);
CREATE INDEX event_account ON event (account, id);
CREATE INDEX event_actor ON event (actor, id);

-- only sqlite
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- only postgres
CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION event_append_only();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION event_append_only();
-- all

CREATE TABLE centre (
  id   {id} NOT NULL PRIMARY KEY,
  body TEXT NOT NULL            -- JSON, plain
);
CREATE TABLE member (
  account BIGINT NOT NULL PRIMARY KEY,
  centre  {id}   NOT NULL,
  role    TEXT   NOT NULL,
  room    TEXT   NOT NULL,
  active  BIGINT NOT NULL
);

CREATE TABLE refusal (
  id   {id}   NOT NULL PRIMARY KEY,
  at   BIGINT NOT NULL,
  body TEXT   NOT NULL          -- JSON, plain
);
CREATE INDEX refusal_at ON refusal (at);

CREATE TABLE keyring (
  id          BIGINT  NOT NULL PRIMARY KEY,
  purpose     TEXT    NOT NULL,
  wrapped     {bytes} NOT NULL,
  created     BIGINT  NOT NULL,
  usable_from BIGINT  NOT NULL,
  retired     BIGINT  NOT NULL
);

CREATE TABLE due (
  kind {id}   NOT NULL,
  ref  {id}   NOT NULL,
  at   BIGINT NOT NULL,
  PRIMARY KEY (kind, ref)
) {clustered};
CREATE INDEX due_at ON due (at);
