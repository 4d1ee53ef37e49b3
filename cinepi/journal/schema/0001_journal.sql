-- Events, oldest first. `seq` is given by the journal itself and has no holes: AUTOINCREMENT would
-- write one page more in every transaction.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    boot TEXT NOT NULL,
    type TEXT NOT NULL,
    data BLOB NOT NULL
);

-- Pictures in the order in which they were taken, whatever the wall clock said. No index on
-- taken_us: see `stretch`.
CREATE TABLE capture (
    id INTEGER PRIMARY KEY,
    filename TEXT NOT NULL UNIQUE,
    taken_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    session TEXT,
    size INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX capture_by_kind ON capture (kind);
CREATE INDEX capture_by_session ON capture (session, kind) WHERE session IS NOT NULL;

-- Within a stretch taken_us never falls while id grows, so that a time is found by bisection of
-- ids. A stretch begins where the wall clock went back: at the capture `first_id`, taken at
-- `first_us`, right after one taken at `before_us`.
CREATE TABLE stretch (
    first_id INTEGER PRIMARY KEY,
    first_us INTEGER NOT NULL,
    before_us INTEGER NOT NULL
);

-- Commands of the last minutes with their outcomes. `at` is on the journal's own timeline.
CREATE TABLE request (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    context TEXT NOT NULL,
    at REAL NOT NULL,
    outcome BLOB NOT NULL,
    answered INTEGER NOT NULL
);

-- The tally, the session, and values by key: in one table, because they change together and then
-- share one page.
CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
);
