-- What lists are filtered and sorted by, in columns of their own. A prefix from before has no
-- `first_address` until its verdict is written again: meanwhile it stands before the others.

ALTER TABLE registered_prefixes ADD COLUMN state TEXT NOT NULL DEFAULT 'None';
ALTER TABLE registered_prefixes ADD COLUMN first_address {key} NOT NULL DEFAULT '';
UPDATE registered_prefixes SET state = {doc} -> 'verdict' ->> 'state';

ALTER TABLE service_prefixes ADD COLUMN state TEXT NOT NULL DEFAULT 'None';
ALTER TABLE service_prefixes ADD COLUMN first_address {key} NOT NULL DEFAULT '';
UPDATE service_prefixes SET state = {doc} -> 'verdict' ->> 'state';

-- A connection's state is found without its row.
CREATE INDEX connections_by_peering ON connections (peering_id, state);

-- How many routes a router receives, without reading the summaries of its sessions.
ALTER TABLE session_routes ADD COLUMN received BIGINT NOT NULL DEFAULT 0;
UPDATE session_routes SET received = CAST({doc} ->> 'received' AS BIGINT);
CREATE INDEX session_routes_received ON session_routes (router, received);
