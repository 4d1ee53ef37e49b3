-- The index is keyed by shot: `stem` is the name that its files share, and `suffix` that of the
-- picture, with its point. A row id is now the place in the order of taking in microseconds since
-- 1970: the time of taking itself, or what follows the picture before where the clock was set back.
-- It is `ahead_us` greater than the time of taking: a 0 takes no byte, where the time would take 8.
-- `seq` is that of the event that told of the picture: who has not read that far may hold it. Nobody
-- held any before this version.
CREATE TABLE shot (
    id INTEGER PRIMARY KEY,
    stem TEXT NOT NULL,
    suffix TEXT NOT NULL,
    ahead_us INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 0 for a frame, 1 for a snapshot: these take no byte either
    session TEXT,
    seq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    document BLOB NOT NULL,
    UNIQUE (stem, suffix) -- both, so that all names of files can be read without the rows
);

-- The order stays that of the old ids. Each new id is at least the time of taking, and greater than
-- the one before.
INSERT INTO shot (id, stem, suffix, ahead_us, kind, session, seq, size, document)
SELECT
    place.id,
    substr(filename, 1, instr(filename || '.', '.') - 1),
    substr(filename, instr(filename || '.', '.')),
    place.id - taken_us, kind <> 'frame', session, 0, size, document
FROM (
    SELECT old_id, number + max(taken_us - number) OVER (ORDER BY number) AS id
    FROM (SELECT id AS old_id, taken_us, row_number() OVER (ORDER BY id) AS number FROM capture)
) AS place
CROSS JOIN capture ON capture.id = place.old_id; -- in the order of `place`: nothing is sorted

DROP TABLE capture;
DROP TABLE stretch;
ALTER TABLE shot RENAME TO capture;
CREATE INDEX capture_by_kind ON capture (kind);
CREATE INDEX capture_by_session ON capture (session, kind) WHERE session IS NOT NULL;

-- A tally that is no JSON is damage, which the start finds by itself.
UPDATE state SET value = CAST(json_set(
    json_remove(CAST(value AS TEXT), '$.last_capture', '$.last_taken_us'),
    '$.newest_id', (SELECT coalesce(max(id), 0) FROM capture),
    '$.ahead_us', (SELECT coalesce(max(ahead_us), 0) FROM capture)
) AS BLOB)
WHERE key = 'journal.tally' AND json_valid(CAST(value AS TEXT));
