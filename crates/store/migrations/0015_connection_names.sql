-- What people call a connection: its peering's name and its number there, in the order of asking. A name needs no
-- escaping: it has letters, digits, dots, dashes and underscores only.

UPDATE connections SET doc = '{"name":"'
    || (SELECT {doc} ->> 'name' FROM peerings WHERE peerings.id = connections.peering_id) || '-'
    || (SELECT CAST(COUNT(*) AS TEXT) FROM connections AS older
        WHERE older.peering_id = connections.peering_id AND older.id <= connections.id)
    || '",' || substr(doc, 2);
