"""The index's schema, as migrations: entry n brings a file from version n to n + 1 (SQLite's user_version).

A released entry is never edited; a change is a new entry. Times are UTC text that sorts, `2026-03-01T08:15:00.000000Z`;
an unknown time is empty. Everything can be made anew from the files but `quarantine.received`, the queue, accounts and
the audit record.
"""

from __future__ import annotations

from fastcine.archive.catalog_study import STUDY_ANSWER
from fastcine.archive.search_text import INITIAL_MARK

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- sort_id: seconds of the study's time and the row's serial number in one integer, so that newest first, and a
    -- search newest first, are both a walk along a primary key (database time does not grow with the archive).
    CREATE TABLE study (
        sort_id INTEGER PRIMARY KEY,
        serial INTEGER NOT NULL UNIQUE,
        study_instance_uid TEXT NOT NULL UNIQUE,
        patient_id TEXT NOT NULL, issuer_of_patient_id TEXT NOT NULL,
        patient_name TEXT NOT NULL, patient_name_ideographic TEXT NOT NULL, patient_name_phonetic TEXT NOT NULL,
        birth_date TEXT NOT NULL, sex TEXT NOT NULL,
        study_datetime TEXT NOT NULL, study_date_text TEXT NOT NULL,
        description TEXT NOT NULL, accession_number TEXT NOT NULL, study_id TEXT NOT NULL,
        referring_physician_name TEXT NOT NULL, institution_name TEXT NOT NULL,
        modalities TEXT NOT NULL,
        runs INTEGER NOT NULL, stills INTEGER NOT NULL, objects INTEGER NOT NULL, series INTEGER NOT NULL,
        received TEXT NOT NULL, changed TEXT NOT NULL
    );
    CREATE INDEX study_patient ON study (patient_id);
    CREATE INDEX study_accession ON study (accession_number) WHERE accession_number <> '';

    -- rowid is study.sort_id; the text is folded by search_text.py. A prefix as long as one listed here is found as a
    -- walk of its own list, a longer one by merging the lists of every word that it begins; beyond 8 letters those are
    -- few (measured at 100 000 studies that all match: 1 ms against 25 ms, for a third more on disk).
    CREATE VIRTUAL TABLE study_text USING fts5 (
        name, patient_id, accession, description, dates,
        tokenize = 'unicode61 remove_diacritics 0', prefix = '1 2 3 4 5 6 7 8', detail = full
    );

    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        series_instance_uid TEXT NOT NULL,
        study INTEGER NOT NULL REFERENCES study (serial),
        modality TEXT NOT NULL, series_number INTEGER, series_description TEXT NOT NULL, series_datetime TEXT NOT NULL,
        objects INTEGER NOT NULL,
        UNIQUE (study, series_instance_uid)
    );
    CREATE INDEX series_uid ON series (series_instance_uid);

    CREATE TABLE instance (
        id INTEGER PRIMARY KEY,
        sop_instance_uid TEXT NOT NULL UNIQUE,
        series INTEGER NOT NULL REFERENCES series (id),
        sop_class_uid TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL,
        instance_number INTEGER, acquired TEXT NOT NULL,
        kind TEXT NOT NULL, frames INTEGER NOT NULL, rows INTEGER NOT NULL, columns INTEGER NOT NULL,
        label TEXT NOT NULL, notes TEXT NOT NULL,
        location TEXT NOT NULL, file_bytes INTEGER NOT NULL, data_set_offset INTEGER NOT NULL,
        head_sha256 BLOB NOT NULL, data_set_sha256 BLOB NOT NULL,
        source_name TEXT NOT NULL, received TEXT NOT NULL
    );
    CREATE INDEX instance_series ON instance (series);

    -- One row an instance with pixels; run is its wire id (docs/protocol.md, section 1).
    CREATE TABLE run (
        run TEXT PRIMARY KEY,
        instance INTEGER NOT NULL UNIQUE REFERENCES instance (id),
        frames INTEGER NOT NULL,
        description TEXT,
        state TEXT NOT NULL, message TEXT NOT NULL,
        made_coarse INTEGER NOT NULL, made_first_pass INTEGER NOT NULL, made_exact INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE ingest_queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL UNIQUE,
        priority INTEGER NOT NULL,
        claimed INTEGER NOT NULL DEFAULT 0,
        again INTEGER NOT NULL DEFAULT 0, -- asked for once more while it was being made
        attempts INTEGER NOT NULL DEFAULT 0,
        not_before REAL NOT NULL DEFAULT 0
    );
    CREATE INDEX ingest_queue_order ON ingest_queue (claimed, priority DESC, id);

    CREATE TABLE quarantine (
        sha256 TEXT PRIMARY KEY,
        location TEXT NOT NULL, file_bytes INTEGER NOT NULL,
        code TEXT NOT NULL, reason TEXT NOT NULL, tag TEXT NOT NULL, offset_bytes INTEGER NOT NULL,
        sop_instance_uid TEXT NOT NULL, study_instance_uid TEXT NOT NULL,
        source_name TEXT NOT NULL, received TEXT NOT NULL
    ) WITHOUT ROWID;

    -- Files met before, by a hash of path, size, inode and times: a second ingest of a folder reads none of them.
    CREATE TABLE seen_file (
        key BLOB PRIMARY KEY, outcome TEXT NOT NULL, sop_instance_uid TEXT NOT NULL,
        code TEXT NOT NULL, reason TEXT NOT NULL, kept_as TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE run RENAME COLUMN made_first_pass TO made_fine;",
    """
    -- A search for a modality, newest first, is a walk along this key. study.modalities is parted at its spaces, as a
    -- JSON array made of the quoted text; whoever writes a study's row need not know of this table.
    CREATE TABLE study_modality (
        modality TEXT NOT NULL, sort_id INTEGER NOT NULL, PRIMARY KEY (modality, sort_id)
    ) WITHOUT ROWID;
    CREATE INDEX study_modality_study ON study_modality (sort_id);
    INSERT INTO study_modality SELECT DISTINCT value, sort_id FROM study,
        json_each('[' || replace(json_quote(modalities), ' ', '","') || ']') WHERE value <> '';
    CREATE TRIGGER study_modality_new AFTER INSERT ON study BEGIN
        INSERT OR IGNORE INTO study_modality SELECT value, NEW.sort_id
        FROM json_each('[' || replace(json_quote(NEW.modalities), ' ', '","') || ']') WHERE value <> '';
    END;
    CREATE TRIGGER study_modality_changed AFTER UPDATE OF modalities, sort_id ON study BEGIN
        DELETE FROM study_modality WHERE sort_id = OLD.sort_id;
        INSERT OR IGNORE INTO study_modality SELECT value, NEW.sort_id
        FROM json_each('[' || replace(json_quote(NEW.modalities), ' ', '","') || ']') WHERE value <> '';
    END;
    CREATE TRIGGER study_modality_gone AFTER DELETE ON study BEGIN
        DELETE FROM study_modality WHERE sort_id = OLD.sort_id;
    END;
    """,
    """
    -- Who may come in. password_hash is argon2id's text, empty where there is none; of tokens and session cookies only
    -- the SHA-256 is kept. patient_ids: a JSON list of the only patients that are seen, empty where all are.
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        role TEXT NOT NULL,
        patient_ids TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        token_sha256 BLOB UNIQUE, token_expires REAL NOT NULL DEFAULT 0,
        created TEXT NOT NULL
    );
    CREATE TABLE web_session (
        cookie_sha256 BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        began REAL NOT NULL, seen REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX web_session_account ON web_session (account);
    CREATE TABLE sign_in_failure (
        key TEXT PRIMARY KEY, failures INTEGER NOT NULL, latest REAL NOT NULL
    ) WITHOUT ROWID;

    -- Who did what when: only ever added to, each row's hash over the one before (audit_log.py).
    CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY,
        at TEXT NOT NULL, event TEXT NOT NULL, outcome TEXT NOT NULL,
        who TEXT NOT NULL, by_way_of TEXT NOT NULL, address TEXT NOT NULL,
        study_instance_uid TEXT NOT NULL, detail TEXT NOT NULL,
        hash BLOB NOT NULL
    );
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit record is only added to'); END;
    CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit record is only added to'); END;
    """,
    """
    -- Objects that were rejected: their bytes lie below rejected/, their reasons in removals/ too (removal.py).
    CREATE TABLE rejected (
        sop_instance_uid TEXT PRIMARY KEY, series_instance_uid TEXT NOT NULL, study_instance_uid TEXT NOT NULL,
        location TEXT NOT NULL, file_bytes INTEGER NOT NULL, data_set_sha256 BLOB NOT NULL, run TEXT NOT NULL,
        reason TEXT NOT NULL, by_whom TEXT NOT NULL, at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX rejected_study ON rejected (study_instance_uid);
    """,
    f"""
    -- What a search answers of a study, but for what its other objects change (catalog_study.py).
    ALTER TABLE study ADD COLUMN answer TEXT NOT NULL DEFAULT '';
    UPDATE study SET answer = {STUDY_ANSWER};
    """,
    f"""
    -- Initials of names are words too (search_text.py); of names from before they are cut off word by word.
    UPDATE study_text SET name = name || (
        WITH RECURSIVE word (rest, initials) AS (
            SELECT study_text.name || ' ', ''
            UNION ALL
            SELECT substr(rest, instr(rest, ' ') + 1), initials || CASE
                WHEN substr(rest, 1, 1) BETWEEN 'a' AND 'z' THEN ' {INITIAL_MARK}' || substr(rest, 1, 1) ELSE '' END
            FROM word WHERE rest <> ''
        )
        SELECT initials FROM word WHERE rest = ''
    ) WHERE name <> '' AND instr(name, '{INITIAL_MARK}') = 0;
    """,
)

DERIVED_TABLES = (
    "ingest_queue",
    "run",
    "instance",
    "series",
    "study",
    "study_text",
    "quarantine",
    "rejected",
    "seen_file",
)
"""What `reindex` empties and makes anew, in an order that keeps references whole."""
