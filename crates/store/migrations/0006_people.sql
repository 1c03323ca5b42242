-- People who sign in to the portal, their invitations and their sessions. Of tokens only hashes
-- are kept; a password is in its person's document as an Argon2id hash.

CREATE TABLE people (
    id {id},
    email {key} NOT NULL UNIQUE,
    doc TEXT NOT NULL
);

CREATE TABLE invitations (
    hash TEXT NOT NULL PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX invitations_by_person ON invitations (person_id);

CREATE TABLE sessions (
    id {id},
    hash TEXT NOT NULL UNIQUE,
    person_id BIGINT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    agent TEXT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person_id);
