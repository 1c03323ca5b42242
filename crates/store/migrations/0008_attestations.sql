-- What peers state of their peerings where nothing can be measured (docs/rules.md §7).

CREATE TABLE attestations (
    peering_id BIGINT NOT NULL REFERENCES peerings (id) ON DELETE CASCADE,
    requirement TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (peering_id, requirement)
);
