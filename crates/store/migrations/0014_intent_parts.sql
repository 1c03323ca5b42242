-- A router's snapshot is kept in parts: each unit's document by itself, lists that units share once, and keys only where
-- they are sealed alone. Generations count on; the first pass of the reconcilers writes the parts.
ALTER TABLE router_intents DROP COLUMN sealed;
ALTER TABLE router_intents ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE router_intents ADD COLUMN own TEXT NOT NULL DEFAULT '';

CREATE TABLE router_units (
    router TEXT NOT NULL,
    unit TEXT NOT NULL,
    digest TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (router, unit)
);

CREATE TABLE router_lists (
    router TEXT NOT NULL,
    digest TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (router, digest)
);

-- What a unit refers to a key by: another value has another name.
ALTER TABLE md5_keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE md5_keys SET name = 'key-' || CAST(connection_id AS TEXT);
CREATE UNIQUE INDEX md5_keys_name ON md5_keys (name);

-- A router's minute comes in parts, of which each is taken once.
ALTER TABLE metric_minutes RENAME TO metric_minutes_whole;
CREATE TABLE metric_minutes (
    minute_ms BIGINT NOT NULL,
    router TEXT NOT NULL,
    part BIGINT NOT NULL,
    PRIMARY KEY (minute_ms, router, part)
) {clustered};
INSERT INTO metric_minutes (minute_ms, router, part) SELECT minute_ms, router, 0 FROM metric_minutes_whole;
DROP TABLE metric_minutes_whole;
