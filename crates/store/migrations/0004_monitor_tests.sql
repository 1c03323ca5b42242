-- Connection monitor tests of peering services, connectivity probes of peerings, and what the
-- newest try of each came to (docs/rules.md §6, §8).

CREATE TABLE connection_monitors (
    subscription {key} NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE TABLE monitor_tests (
    id {id},
    service_id BIGINT NOT NULL REFERENCES peering_services (id),
    name {key} NOT NULL,
    site TEXT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (service_id, name)
);
CREATE INDEX monitor_tests_by_site ON monitor_tests (site, id);

-- Which peerings have probes from a region; the probes are in the peering.
CREATE TABLE probing_peerings (
    peering_id BIGINT NOT NULL REFERENCES peerings (id) ON DELETE CASCADE,
    region TEXT NOT NULL,
    PRIMARY KEY (peering_id, region)
);
CREATE INDEX probing_peerings_by_region ON probing_peerings (region, peering_id);

-- One row, counting changes of what is probed.
CREATE TABLE probe_changes (
    version BIGINT NOT NULL
);
INSERT INTO probe_changes (version) VALUES (1);

CREATE TABLE probe_outcomes (
    probe TEXT NOT NULL PRIMARY KEY,
    test_id BIGINT REFERENCES monitor_tests (id) ON DELETE CASCADE,
    peering_id BIGINT REFERENCES peerings (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX probe_outcomes_by_test ON probe_outcomes (test_id);
CREATE INDEX probe_outcomes_by_peering ON probe_outcomes (peering_id);
