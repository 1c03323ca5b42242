-- What makes a peer a provider of Peering Service, without reading what everybody asked for.
-- `serving`: 0 while a connection leaves, else 1, with 2 where it asks for Peering Service and 4 where
-- it carries traffic.

ALTER TABLE peerings ADD COLUMN deleting BIGINT NOT NULL DEFAULT 0;
UPDATE peerings SET deleting = CASE WHEN CAST({doc} ->> 'deleting' AS TEXT) IN ('1', 'true') THEN 1 ELSE 0 END;

ALTER TABLE connections ADD COLUMN serving BIGINT NOT NULL DEFAULT 0;
UPDATE connections SET serving = CASE WHEN {doc} ->> 'removal' IS NOT NULL THEN 0 ELSE 1
    + CASE WHEN CAST({doc} -> 'spec' ->> 'use_for_peering_service' AS TEXT) IN ('1', 'true') THEN 2 ELSE 0 END
    + CASE WHEN state IN ('Active', 'TypeChangeRequested', 'TypeChangeInProgress') THEN 4 ELSE 0 END END;
CREATE INDEX connections_serving ON connections (peering_id, serving);
