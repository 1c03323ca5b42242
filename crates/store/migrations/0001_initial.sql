-- The whole schema. {id}, {bytes} and {key} are the column types that differ between the engines
-- (src/engine.rs). Times are milliseconds since the epoch. `doc` is the domain type as JSON;
-- what queries need stands in columns of its own, names and subscriptions in lower case.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value {bytes} NOT NULL
);

CREATE TABLE audit (
    id {id},
    at_ms BIGINT NOT NULL,
    principal TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    subscription TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_subscription ON audit (subscription, id);

CREATE TABLE work (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    seq BIGINT NOT NULL,
    due_at_ms BIGINT NOT NULL,
    lease_until_ms BIGINT,
    holder TEXT,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX work_by_due ON work (due_at_ms);
CREATE INDEX work_by_lease ON work (lease_until_ms);

CREATE TABLE tokens (
    id {id},
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    subscription TEXT,
    hash TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT
);

CREATE TABLE inventory (
    version {id},
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL
);

CREATE TABLE peer_asns (
    id {id},
    subscription {key} NOT NULL,
    name {key} NOT NULL,
    asn BIGINT NOT NULL,
    state TEXT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (subscription, name)
);
CREATE INDEX peer_asns_by_state ON peer_asns (state, id);

CREATE TABLE peerings (
    id {id},
    subscription {key} NOT NULL,
    resource_group {key} NOT NULL,
    path {key} NOT NULL,
    peer_asn_id BIGINT NOT NULL REFERENCES peer_asns (id),
    asn BIGINT NOT NULL,
    location TEXT NOT NULL,
    offering TEXT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (subscription, path),
    UNIQUE (asn, location, offering)
);
CREATE INDEX peerings_by_peer_asn ON peerings (peer_asn_id);

CREATE TABLE connections (
    id {id},
    peering_id BIGINT NOT NULL REFERENCES peerings (id),
    identifier TEXT NOT NULL,
    state TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    router TEXT,
    doc TEXT NOT NULL,
    UNIQUE (peering_id, identifier)
);
CREATE INDEX connections_by_state ON connections (state, since_ms);
CREATE INDEX connections_by_router ON connections (router);

CREATE TABLE md5_keys (
    connection_id BIGINT NOT NULL PRIMARY KEY REFERENCES connections (id),
    sealed {bytes} NOT NULL
);

CREATE TABLE ports (
    router TEXT NOT NULL,
    port TEXT NOT NULL,
    connection_id BIGINT NOT NULL REFERENCES connections (id),
    PRIMARY KEY (router, port)
);
CREATE INDEX ports_by_connection ON ports (connection_id);

-- A row without connection rests since freed_at_ms.
CREATE TABLE subnets (
    prefix TEXT NOT NULL PRIMARY KEY,
    first_address {key} NOT NULL,
    last_address {key} NOT NULL,
    connection_id BIGINT REFERENCES connections (id),
    freed_at_ms BIGINT
);
CREATE INDEX subnets_by_address ON subnets (first_address);
CREATE INDEX subnets_by_connection ON subnets (connection_id);

CREATE TABLE registered_prefixes (
    id {id},
    peering_id BIGINT NOT NULL REFERENCES peerings (id),
    name {key} NOT NULL,
    prefix TEXT NOT NULL UNIQUE,
    prefix_key TEXT UNIQUE,
    doc TEXT NOT NULL,
    UNIQUE (peering_id, name)
);

CREATE TABLE peering_services (
    id {id},
    subscription {key} NOT NULL,
    resource_group {key} NOT NULL,
    path {key} NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (subscription, path)
);

CREATE TABLE service_prefixes (
    id {id},
    service_id BIGINT NOT NULL REFERENCES peering_services (id),
    registered_prefix_id BIGINT NOT NULL REFERENCES registered_prefixes (id),
    name {key} NOT NULL,
    prefix TEXT NOT NULL UNIQUE,
    doc TEXT NOT NULL,
    UNIQUE (service_id, name)
);
CREATE INDEX service_prefixes_by_registration ON service_prefixes (registered_prefix_id);

CREATE TABLE prefix_events (
    id {id},
    service_prefix_id BIGINT NOT NULL REFERENCES service_prefixes (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX prefix_events_by_prefix ON prefix_events (service_prefix_id, id);

CREATE TABLE router_intents (
    router TEXT NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    sealed {bytes} NOT NULL
);

CREATE TABLE router_states (
    router TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL
);

CREATE TABLE session_routes (
    router TEXT NOT NULL,
    session TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (router, session)
);

CREATE TABLE apply_results (
    id {id},
    router TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX apply_results_by_router ON apply_results (router, id);

CREATE TABLE mails (
    id {id},
    key TEXT NOT NULL UNIQUE,
    milestone TEXT NOT NULL,
    subscription TEXT,
    resource_id TEXT NOT NULL,
    resource_key TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    sent_at_ms BIGINT,
    attempts BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX mails_by_subscription ON mails (subscription, id);
CREATE INDEX mails_by_resource ON mails (resource_key, id);
