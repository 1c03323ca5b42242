-- Over which path the traffic of an activated prefix left, from a time on: a row for each change.

CREATE TABLE prefix_paths (
    id {id},
    service_prefix_id BIGINT NOT NULL REFERENCES service_prefixes (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX prefix_paths_by_prefix ON prefix_paths (service_prefix_id, id);
