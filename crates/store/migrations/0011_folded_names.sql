-- Peers' names as they are searched for: lower case beyond ASCII, too, which the engines' own LOWER
-- doesn't agree on. What is there already is folded by the program, after this (src/folded.rs).

ALTER TABLE peer_asns ADD COLUMN peer_name TEXT NOT NULL DEFAULT '';
