-- A claim to an ASN has one peering of an offering at a location; another claim's doesn't count
-- (docs/rules.md §2). The constraint on (asn, location, offering) can't be dropped on SQLite, so its
-- column becomes `claim`, the same as peer_asn_id, and `asn` is a new one. Two updates: no value of
-- the first is one of the second, so that no row meets another's on the way.

ALTER TABLE peerings RENAME COLUMN asn TO claim;
ALTER TABLE peerings ADD COLUMN asn BIGINT NOT NULL DEFAULT 0;
UPDATE peerings SET asn = claim, claim = -peer_asn_id;
UPDATE peerings SET claim = peer_asn_id;
CREATE INDEX peerings_by_place ON peerings (asn, location, offering);
