-- Resource groups. Those that peerings and peering services already name come into being here,
-- with what is known of them.

CREATE TABLE resource_groups (
    subscription {key} NOT NULL,
    name {key} NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (subscription, name)
);

INSERT INTO resource_groups (subscription, name, doc)
SELECT subscription, resource_group,
       '{"subscription":"' || subscription || '","name":"' || resource_group || '","location":"","tags":{},'
       || '"created_at":"1970-01-01T00:00:00Z","modified_at":"1970-01-01T00:00:00Z"}'
FROM (SELECT subscription, resource_group FROM peerings
      UNION SELECT subscription, resource_group FROM peering_services) AS named;
