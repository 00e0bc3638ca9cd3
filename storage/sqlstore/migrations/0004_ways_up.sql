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

-- confirmation_source tells by whom every confirmation was made, for recalls. The database keeps it itself,
-- from what stands in account: so nobody who writes accounts can forget it, nor can the release before.
CREATE TABLE confirmation_source (
  kind         {id}   NOT NULL, -- operator, centre, bank, issuer, batch
  value        {id}   NOT NULL,
  at           BIGINT NOT NULL,
  account      BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  confirmation {id}   NOT NULL,
  PRIMARY KEY (kind, value, at, account, confirmation)
) {clustered};
CREATE INDEX confirmation_source_account ON confirmation_source (account);

-- only sqlite
CREATE VIEW standing_source AS
  SELECT k.kind AS kind, CAST(json_extract(c.value, k.path) AS TEXT) AS value,
    CAST(round(unixepoch(json_extract(c.value, '$.at'), 'subsec') * 1000000) AS INTEGER) AS at,
    a.id AS account, json_extract(c.value, '$.id') AS confirmation
  FROM account a, json_each(a.standing, '$.confirmations') c, (
    SELECT 'operator' AS kind, '$.operator' AS path UNION ALL SELECT 'operator', '$.second' UNION ALL SELECT 'centre', '$.centre' UNION ALL
    SELECT 'bank', '$.organization' UNION ALL SELECT 'issuer', '$.organization' UNION ALL SELECT 'batch', '$.batch') k
  WHERE coalesce(json_extract(c.value, k.path), '') <> ''
    AND (k.kind <> 'bank' OR json_extract(c.value, '$.method') = 'bank')
    AND (k.kind <> 'issuer' OR json_extract(c.value, '$.method') IN ('qualified_signature', 'electronic_card'));
CREATE TRIGGER account_source_insert AFTER INSERT ON account WHEN instr(NEW.standing, '"confirmations"') > 0 BEGIN
  INSERT INTO confirmation_source (kind, value, at, account, confirmation)
    SELECT kind, value, at, account, confirmation FROM standing_source WHERE account = NEW.id ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER account_source_update AFTER UPDATE OF standing ON account WHEN OLD.standing IS NOT NEW.standing BEGIN
  DELETE FROM confirmation_source WHERE account = NEW.id AND (kind, value, at, confirmation) NOT IN
    (SELECT kind, value, at, confirmation FROM standing_source WHERE account = NEW.id);
  INSERT INTO confirmation_source (kind, value, at, account, confirmation)
    SELECT kind, value, at, account, confirmation FROM standing_source WHERE account = NEW.id ON CONFLICT DO NOTHING;
END;
-- only postgres
CREATE VIEW standing_source AS
  SELECT k.kind AS kind, k.value AS value,
    round(extract(epoch FROM (c.value->>'at')::timestamptz) * 1000000)::bigint AS at,
    a.id AS account, c.value->>'id' AS confirmation
  FROM account a CROSS JOIN LATERAL jsonb_array_elements(a.standing::jsonb->'confirmations') AS c (value)
    CROSS JOIN LATERAL (VALUES
      ('operator', c.value->>'operator'), ('operator', c.value->>'second'), ('centre', c.value->>'centre'), ('batch', c.value->>'batch'),
      ('bank', CASE WHEN c.value->>'method' = 'bank' THEN c.value->>'organization' END),
      ('issuer', CASE WHEN c.value->>'method' IN ('qualified_signature', 'electronic_card') THEN c.value->>'organization' END)
    ) AS k (kind, value)
  WHERE k.value <> '';
CREATE FUNCTION account_source() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM confirmation_source WHERE account = NEW.id AND (kind, value, at, confirmation) NOT IN
      (SELECT s.kind, s.value, s.at, s.confirmation FROM standing_source s WHERE s.account = NEW.id);
  END IF;
  INSERT INTO confirmation_source (kind, value, at, account, confirmation)
    SELECT s.kind, s.value, s.at, s.account, s.confirmation FROM standing_source s WHERE s.account = NEW.id ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER account_source_insert AFTER INSERT ON account FOR EACH ROW
  WHEN (NEW.standing LIKE '%"confirmations"%') EXECUTE FUNCTION account_source();
CREATE TRIGGER account_source_update AFTER UPDATE OF standing ON account FOR EACH ROW
  WHEN (OLD.standing IS DISTINCT FROM NEW.standing) EXECUTE FUNCTION account_source();
-- all
INSERT INTO confirmation_source (kind, value, at, account, confirmation)
  SELECT DISTINCT kind, value, at, account, confirmation FROM standing_source;

-- A recall takes back everything confirmed by somebody within a time; recall_item is one account of it.
CREATE TABLE recall (
  id      {id}   NOT NULL PRIMARY KEY,
  at      BIGINT NOT NULL,
  state   {id}   NOT NULL,
  version BIGINT NOT NULL,
  body    TEXT   NOT NULL       -- JSON, plain
);
CREATE INDEX recall_at ON recall (at);
CREATE TABLE recall_item (
  recall  {id}   NOT NULL,
  account BIGINT NOT NULL,
  state   BIGINT NOT NULL,      -- 0: to do, 1: held, 2: given back
  body    TEXT   NOT NULL,      -- JSON, plain: what was held; empty until then
  PRIMARY KEY (recall, account)
) {clustered};
CREATE INDEX recall_item_state ON recall_item (recall, state, account);

-- What the registries tell of by themselves: how far each feed was read, and every notice once.
CREATE TABLE tiding_feed (
  bureau {id} NOT NULL PRIMARY KEY,
  cursor TEXT NOT NULL
);
CREATE TABLE tiding (
  bureau  {id}   NOT NULL,
  id      {id}   NOT NULL,
  at      BIGINT NOT NULL,
  outcome TEXT   NOT NULL,
  PRIMARY KEY (bureau, id)
) {clustered};

-- What a printer is to print: letters that wait for a batch, and those that are in one.
CREATE TABLE letter_print (
  letter {id}   NOT NULL PRIMARY KEY,
  batch  {id}   NOT NULL,       -- '': waits
  at     BIGINT NOT NULL
);
CREATE INDEX letter_print_batch ON letter_print (batch, at, letter);
CREATE TABLE letter_batch (
  id   {id}   NOT NULL PRIMARY KEY,
  at   BIGINT NOT NULL,
  body TEXT   NOT NULL          -- JSON, plain
);
CREATE INDEX letter_batch_at ON letter_batch (at);
CREATE INDEX letter_live ON letter (at) WHERE live = 1;

-- Activation codes that service centres handed over.
CREATE TABLE envelope (
  id      {id}    NOT NULL PRIMARY KEY,
  account BIGINT  NOT NULL,
  at      BIGINT  NOT NULL,
  live    BIGINT  NOT NULL,     -- 1: neither used nor cancelled
  version BIGINT  NOT NULL,
  body    {bytes} NOT NULL
);
CREATE INDEX envelope_account ON envelope (account, at);

-- visit_desk is what consoles list visits by; whom they are about stands sealed in the visit.
CREATE TABLE visit_desk (
  visit    {id}   NOT NULL PRIMARY KEY,
  account  BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  centre   {id}   NOT NULL,
  operator BIGINT NOT NULL,
  at       BIGINT NOT NULL,
  state    {id}   NOT NULL      -- the visit's outcome; empty: open
);
CREATE INDEX visit_desk_centre ON visit_desk (centre, at);
CREATE INDEX visit_desk_account ON visit_desk (account);
