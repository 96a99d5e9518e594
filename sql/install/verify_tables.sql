CREATE TABLE expand_contract.verifications (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source           oid NOT NULL,
    source_name      text NOT NULL,
    target           oid NOT NULL,
    target_name      text NOT NULL,
    mapping          jsonb NOT NULL,
    key              text[] NOT NULL,
    change           text,
    job              bigint,
    verified_by      oid NOT NULL,
    verified_by_name text NOT NULL,
    reads            oid[] NOT NULL DEFAULT '{}',
    opaque           boolean NOT NULL DEFAULT false,
    rows_source      bigint NOT NULL DEFAULT 0,
    rows_target      bigint NOT NULL DEFAULT 0,
    missing          bigint NOT NULL DEFAULT 0,
    extra            bigint NOT NULL DEFAULT 0,
    different        bigint NOT NULL DEFAULT 0,
    recorded         bigint NOT NULL DEFAULT 0,
    checksum_source  text NOT NULL,
    checksum_target  text NOT NULL,
    started_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    first_snapshot   pg_snapshot,
    last_snapshot    pg_snapshot
);
CREATE INDEX ON expand_contract.verifications (job) WHERE job IS NOT NULL;
COMMENT ON TABLE expand_contract.verifications IS 'what each verification found';
COMMENT ON COLUMN expand_contract.verifications.source_name IS 'its name on that day';
COMMENT ON COLUMN expand_contract.verifications.key IS 'of the target, for two tables; empty where a row is compared with itself';
COMMENT ON COLUMN expand_contract.verifications.reads IS 'the tables and all others that the expressions name';
COMMENT ON COLUMN expand_contract.verifications.opaque IS 'whether the expressions call functions that may read yet others';
COMMENT ON COLUMN expand_contract.verifications.recorded IS 'how many of the rows that differ are in expand_contract.mismatches';

CREATE TABLE expand_contract.verify_walks (
    job           bigint PRIMARY KEY REFERENCES expand_contract.jobs ON DELETE CASCADE,
    upto          jsonb,
    is_handed_out boolean NOT NULL DEFAULT false,
    open_chunks   integer NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
COMMENT ON TABLE expand_contract.verify_walks IS 'how far the keys of a verification have been handed out to its workers';
COMMENT ON COLUMN expand_contract.verify_walks.upto IS 'the key that the last chunk ends with';

CREATE TABLE expand_contract.mismatches (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verification bigint NOT NULL REFERENCES expand_contract.verifications ON DELETE CASCADE,
    key          jsonb NOT NULL,
    difference   text NOT NULL CHECK (difference IN ('different', 'missing', 'extra')),
    column_name  text,
    source_value text,
    target_value text,
    repair       text
);
CREATE INDEX ON expand_contract.mismatches (verification);
COMMENT ON TABLE expand_contract.mismatches IS 'the first rows that a verification found to differ, one line a column';
COMMENT ON COLUMN expand_contract.mismatches.column_name IS 'NULL for a row that one side only has';
COMMENT ON COLUMN expand_contract.mismatches.repair IS 'SQL that would put it right; nobody runs it';

CREATE TYPE @extschema@.ec_verification AS (
    id              bigint,
    ok              boolean,
    rows_source     bigint,
    rows_target     bigint,
    missing         bigint,
    extra           bigint,
    different       bigint,
    checksum_source text,
    checksum_target text,
    started_at      timestamptz,
    finished_at     timestamptz
);
COMMENT ON TYPE @extschema@.ec_verification IS 'the result of a verification';
