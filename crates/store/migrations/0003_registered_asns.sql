-- ASNs registered on peerings with a route server (docs/rules.md §5).

CREATE TABLE registered_asns (
    id {id},
    peering_id BIGINT NOT NULL REFERENCES peerings (id) ON DELETE CASCADE,
    name {key} NOT NULL,
    asn BIGINT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (peering_id, name),
    UNIQUE (peering_id, asn)
);
