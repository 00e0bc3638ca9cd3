-- Every way up and every way down: partners, certificates, recalls, the journeys of letters, centres.

-- partners are who speaks to us by program: banks, printers, the software of service centres.
CREATE TABLE partner (
  id   {id} NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  body TEXT NOT NULL            -- JSON, plain
);
