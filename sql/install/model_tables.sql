-- relation and target are regclass: they follow renames, and a dump holds names.
CREATE TABLE expand_contract.changes (
    name text COLLATE "C" PRIMARY KEY,
    relation regclass NOT NULL,
    target regclass,
    forward jsonb NOT NULL,
    backward jsonb,
    key_columns text[],
    on_error text NOT NULL CHECK (on_error IN ('record', 'raise')),
    phase text NOT NULL DEFAULT 'dual_write' CHECK (phase IN
        ('dual_write', 'backfilled', 'prepared', 'verified', 'cut_over', 'quarantined', 'contracted', 'reverted')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    dual_write boolean NOT NULL DEFAULT true,
    quarantine_until timestamptz,
    auto_drop boolean NOT NULL DEFAULT false,
    -- attribute numbers are good for this relation only: a restored table has another OID
    relation_oid oid NOT NULL,
    registered_by text NOT NULL DEFAULT session_user,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner oid,
    owner_name text COLLATE "C",
    quarantined_from text COLLATE "C",
    whole_table boolean NOT NULL DEFAULT false,
    settings jsonb,
    kept_names jsonb
);
COMMENT ON TABLE expand_contract.changes IS 'changes as ec_expand was told of them, and where they are';
COMMENT ON COLUMN expand_contract.changes.dual_write IS 'the flag of ec_dual_write';
COMMENT ON COLUMN expand_contract.changes.quarantine_until IS 'before that, ec_contract does not drop the old shape';
COMMENT ON COLUMN expand_contract.changes.auto_drop IS 'whether a job drops it then';
COMMENT ON COLUMN expand_contract.changes.relation_oid IS 'of the relation that change_columns numbers';
COMMENT ON COLUMN expand_contract.changes.owner IS 'of its tables at ec_expand: whose rights the expressions have, as long as he owns them';
COMMENT ON COLUMN expand_contract.changes.owner_name IS 'his name then, which counts in a restored database, where he has another OID';
COMMENT ON COLUMN expand_contract.changes.quarantined_from IS 'while the old table is in quarantine: its name before, which ec_revert gives back';
COMMENT ON COLUMN expand_contract.changes.whole_table IS 'whether contraction removes the old table, not columns of it';

COMMENT ON COLUMN expand_contract.changes.settings IS 'under which its expressions are evaluated, whoever writes: those of the session of ec_expand';

CREATE TABLE expand_contract.change_columns (
    change text COLLATE "C" NOT NULL REFERENCES expand_contract.changes ON UPDATE CASCADE ON DELETE CASCADE,
    side text NOT NULL CHECK (side IN ('old', 'new', 'key', 'unmapped')),
    name text COLLATE "C" NOT NULL,
    attnum smallint NOT NULL,
    expression text,
    key_position smallint,
    calls text[],
    present_name text COLLATE "C" NOT NULL,
    goes boolean NOT NULL DEFAULT false,
    quarantined_from text COLLATE "C",
    not_null_in regclass[] NOT NULL DEFAULT '{}',
    tree text,
    PRIMARY KEY (change, side, attnum)
);
COMMENT ON COLUMN expand_contract.changes.kept_names IS 'of ec_change_type: for each column the one that takes its name at the cutover, as they were called then';

COMMENT ON TABLE expand_contract.change_columns IS 'the columns that a change reads, writes or removes';
COMMENT ON COLUMN expand_contract.change_columns.side IS 'key: neither old nor new, only tells rows apart; unmapped: old, but no mapping names it';
COMMENT ON COLUMN expand_contract.change_columns.name IS 'on the day of ec_expand, and in expression still';
COMMENT ON COLUMN expand_contract.change_columns.present_name IS 'after renames: a dump of the table has it under this one; empty if it was dropped from a restored table';
COMMENT ON COLUMN expand_contract.change_columns.goes IS 'whether contraction removes it';
COMMENT ON COLUMN expand_contract.change_columns.quarantined_from IS 'while it is in quarantine: its name before, which ec_revert gives back';
COMMENT ON COLUMN expand_contract.change_columns.not_null_in IS 'the tables (children of the change''s too) where it was NOT NULL before the quarantine';
COMMENT ON COLUMN expand_contract.change_columns.calls IS 'the functions of users'' in expression; it must never call another';
COMMENT ON COLUMN expand_contract.change_columns.tree IS 'the same, in which the server has numbers for names: renamed objects are followed; NULL where the numbers would be others';
COMMENT ON COLUMN expand_contract.change_columns.expression IS 'what dual writes assign; every name in it is looked up in pg_catalog alone';

CREATE TABLE expand_contract.change_events (
    id bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    salt uuid NOT NULL DEFAULT gen_random_uuid(),
    change text COLLATE "C",
    event text NOT NULL,
    value text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_role text NOT NULL DEFAULT session_user,
    PRIMARY KEY (id, salt)
);
COMMENT ON COLUMN expand_contract.change_events.id IS 'the order of events: microseconds, so that the lastval() of a session stays its own';
COMMENT ON TABLE expand_contract.change_events IS 'every change of a phase or flag; rows are only added';

SELECT pg_catalog.pg_extension_config_dump('expand_contract.changes', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.change_columns', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.change_events', '');
