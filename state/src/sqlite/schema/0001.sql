-- One row: what is true of the whole state.
CREATE TABLE state (
    lineage   TEXT NOT NULL,
    serial    INTEGER NOT NULL,
    -- A known text sealed with the key, so that another key is noticed before it is used.
    key_check BLOB
) STRICT;

-- One row: who may write. `until` is milliseconds since 1970 in UTC; NULL where nobody holds it.
CREATE TABLE lock (
    fence   INTEGER NOT NULL,
    who     TEXT,
    command TEXT,
    until   INTEGER
) STRICT;

-- Types of values, each stored once.
CREATE TABLE types (
    id   INTEGER PRIMARY KEY,
    form TEXT NOT NULL UNIQUE
) STRICT;

-- Connections of resources, each stored once.
CREATE TABLE connections (
    id      INTEGER PRIMARY KEY,
    address TEXT,
    type    INTEGER REFERENCES types (id),
    -- In every `value` and `config`: text is a document, a blob is a sealed one.
    config  ANY
) STRICT;

CREATE TABLE resources (
    address               TEXT NOT NULL,
    -- Empty for the current object.
    deposed               TEXT NOT NULL,
    resource_type         TEXT NOT NULL,
    provider              TEXT NOT NULL,
    connection            INTEGER REFERENCES connections (id),
    identity              TEXT NOT NULL,
    type                  INTEGER NOT NULL REFERENCES types (id),
    value                 ANY NOT NULL,
    schema_version        INTEGER NOT NULL,
    -- A JSON array of addresses.
    dependencies          TEXT NOT NULL,
    status                TEXT NOT NULL,
    create_before_destroy INTEGER NOT NULL,
    UNIQUE (address, deposed)
) STRICT;

CREATE INDEX resources_type ON resources (type);
CREATE INDEX resources_connection ON resources (connection);

-- Changes that began and have not ended, in the order in which they began.
CREATE TABLE journal (
    sequence              INTEGER PRIMARY KEY,
    run                   TEXT NOT NULL,
    operation             TEXT NOT NULL,
    address               TEXT NOT NULL,
    deposed               TEXT NOT NULL,
    resource_type         TEXT NOT NULL,
    provider              TEXT NOT NULL,
    connection            INTEGER REFERENCES connections (id),
    identity              TEXT NOT NULL,
    type                  INTEGER NOT NULL REFERENCES types (id),
    value                 ANY NOT NULL,
    schema_version        INTEGER NOT NULL,
    dependencies          TEXT NOT NULL,
    status                TEXT NOT NULL,
    create_before_destroy INTEGER NOT NULL,
    UNIQUE (run, address, deposed)
) STRICT;

CREATE TABLE decisions (
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL,
    value   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    time    TEXT NOT NULL,
    PRIMARY KEY (subject, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE outputs (
    name  TEXT PRIMARY KEY,
    type  INTEGER NOT NULL REFERENCES types (id),
    value ANY NOT NULL
) STRICT;

CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    command  TEXT NOT NULL,
    who      TEXT NOT NULL,
    started  TEXT NOT NULL,
    ended    TEXT,
    status   TEXT NOT NULL,
    summary  TEXT NOT NULL,
    -- The last change that had ended when it was recorded first.
    previous INTEGER NOT NULL
) STRICT;

-- Changes that ended, in order; `failure` is NULL where one succeeded.
CREATE TABLE changes (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    run       TEXT NOT NULL,
    operation TEXT,
    address   TEXT NOT NULL,
    deposed   TEXT NOT NULL,
    failure   TEXT
) STRICT;

CREATE INDEX changes_run ON changes (run);
