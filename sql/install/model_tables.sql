-- relation and target are regclass: they follow renames, and a dump holds names.
CREATE TABLE expand_contract.changes (
    name text COLLATE "C" PRIMARY KEY,
    relation regclass NOT NULL,
    target regclass,
    forward jsonb NOT NULL,
    backward jsonb,
    key_columns text[],
    old_columns text[],
    on_error text NOT NULL CHECK (on_error IN ('record', 'raise')),
    phase text NOT NULL DEFAULT 'dual_write' CHECK (phase IN
        ('dual_write', 'backfilled', 'verified', 'cut_over', 'quarantined', 'contracted', 'reverted')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    dual_write boolean NOT NULL DEFAULT true,
    quarantine_until timestamptz,
    auto_drop boolean NOT NULL DEFAULT false,
    -- attribute numbers are good for this relation only: a restored table has another OID
    relation_oid oid NOT NULL,
    registered_by text NOT NULL DEFAULT session_user,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner oid,
    owner_name text COLLATE "C"
);
COMMENT ON TABLE expand_contract.changes IS 'changes as ec_expand was told of them, and where they are';
COMMENT ON COLUMN expand_contract.changes.dual_write IS 'the flag of ec_dual_write';
COMMENT ON COLUMN expand_contract.changes.quarantine_until IS 'before that, ec_contract does not drop the old shape';
COMMENT ON COLUMN expand_contract.changes.auto_drop IS 'whether a job drops it then';
COMMENT ON COLUMN expand_contract.changes.relation_oid IS 'of the relation that change_columns numbers';
COMMENT ON COLUMN expand_contract.changes.owner IS 'of its tables at ec_expand: whose rights the expressions have, as long as he owns them';
COMMENT ON COLUMN expand_contract.changes.owner_name IS 'his name then, which counts in a restored database, where he has another OID';

CREATE TABLE expand_contract.change_columns (
    change text COLLATE "C" NOT NULL REFERENCES expand_contract.changes ON DELETE CASCADE,
    side text NOT NULL CHECK (side IN ('old', 'new', 'key')),
    name text COLLATE "C" NOT NULL,
    attnum smallint NOT NULL,
    expression text,
    key_position smallint,
    calls text[],
    present_name text COLLATE "C" NOT NULL,
    PRIMARY KEY (change, side, attnum)
);
COMMENT ON TABLE expand_contract.change_columns IS 'the columns that a change reads and writes';
COMMENT ON COLUMN expand_contract.change_columns.side IS 'key: neither old nor new, only tells rows apart';
COMMENT ON COLUMN expand_contract.change_columns.name IS 'on the day of ec_expand, and in expression still';
COMMENT ON COLUMN expand_contract.change_columns.present_name IS 'after renames: a dump of the table has it under this one';
COMMENT ON COLUMN expand_contract.change_columns.calls IS 'the functions of users'' in expression; it must never call another';
COMMENT ON COLUMN expand_contract.change_columns.expression IS 'what dual writes assign; every name in it is looked up in pg_catalog alone';

CREATE TABLE expand_contract.change_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change text COLLATE "C",
    event text NOT NULL,
    value text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    by_role text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE expand_contract.change_events IS 'every change of a phase or flag; rows are only added';

SELECT pg_catalog.pg_extension_config_dump('expand_contract.changes', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.change_columns', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.change_events', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.change_events_id_seq', '');
