-- Metrics over time. {clustered} keeps a series' points together, so that reading a day of it is
-- reading a few pages.

-- Which minutes of which routers were written, so that a repeated one changes nothing.
CREATE TABLE metric_minutes (
    minute_ms BIGINT NOT NULL,
    router TEXT NOT NULL,
    PRIMARY KEY (minute_ms, router)
) {clustered};

-- `key` is all of owner, metric and dimensions. A series of neither a peering nor a service is of
-- one that was deleted: it goes bit by bit.
CREATE TABLE metric_series (
    id {id},
    key {key} NOT NULL UNIQUE,
    peering_id BIGINT REFERENCES peerings (id) ON DELETE SET NULL,
    service_id BIGINT REFERENCES peering_services (id) ON DELETE SET NULL,
    metric TEXT NOT NULL,
    dimensions TEXT NOT NULL
);
CREATE INDEX metric_series_by_peering ON metric_series (peering_id, metric);
CREATE INDEX metric_series_by_service ON metric_series (service_id, metric);

-- Without a reference to metric_series, which would cost a look for each of a minute's points.
CREATE TABLE metric_points (
    series_id BIGINT NOT NULL,
    grain_s BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    n BIGINT NOT NULL,
    total DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (series_id, grain_s, at_ms)
) {clustered};
