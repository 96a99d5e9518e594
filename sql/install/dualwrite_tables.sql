-- Rows are only added by writers, so that a REPEATABLE READ writer never meets
-- the row of another; the reconciler folds and removes them.  No foreign key,
-- which would lock the row of the change.  No sequence either: an application
-- that asks for lastval() after its INSERT would get our number.
CREATE TABLE expand_contract.discrepancies (
    id bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    salt uuid NOT NULL DEFAULT gen_random_uuid(),
    change text COLLATE "C" NOT NULL,
    key jsonb NOT NULL,
    operation text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('forward', 'backward')),
    error_code text NOT NULL,
    error text NOT NULL,
    is_unset boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    writes bigint NOT NULL DEFAULT 1,
    first_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    PRIMARY KEY (id, salt)
);
CREATE INDEX ON expand_contract.discrepancies USING hash (key); -- of any length
COMMENT ON TABLE expand_contract.discrepancies IS 'modern writes that failed and are still to be made';
COMMENT ON COLUMN expand_contract.discrepancies.id IS 'the order of entries: microseconds, so that a writer''s lastval() stays its own';
COMMENT ON COLUMN expand_contract.discrepancies.salt IS 'tells entries of the same microsecond apart';
COMMENT ON COLUMN expand_contract.discrepancies.is_unset IS 'the new columns were left unset: whoever has set them since knows better';
COMMENT ON COLUMN expand_contract.discrepancies.writes IS 'how many failed writes the reconciler has folded into this one';

-- An entry that a BEFORE trigger makes is of a row that is still to be stored.
CREATE FUNCTION expand_contract.settle_discrepancy() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_settle_discrepancy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.settle_discrepancy() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.settle_discrepancy() IS 'takes an entry out again if its row was not stored: ON CONFLICT, or another trigger, has thrown it away';
CREATE TRIGGER settle AFTER INSERT ON expand_contract.discrepancies
    FOR EACH ROW EXECUTE FUNCTION expand_contract.settle_discrepancy();
ALTER TABLE expand_contract.discrepancies ENABLE ALWAYS TRIGGER settle; -- rows of a subscription too

CREATE TABLE expand_contract.gaps (
    id bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    salt uuid NOT NULL DEFAULT gen_random_uuid(),
    change text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    writer xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    repaired_by bigint,
    repaired_at timestamptz,
    PRIMARY KEY (id, salt)
);
CREATE INDEX ON expand_contract.gaps (change) WHERE repaired_by IS NULL;
COMMENT ON COLUMN expand_contract.gaps.id IS 'the order of gaps, as in discrepancies';
COMMENT ON TABLE expand_contract.gaps IS 'transactions whose writes were not carried over, until a repair';

CREATE TABLE expand_contract.flags (
    name text COLLATE "C" PRIMARY KEY,
    value boolean NOT NULL
);
COMMENT ON TABLE expand_contract.flags IS 'read switches of applications';

SELECT pg_catalog.pg_extension_config_dump('expand_contract.discrepancies', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.gaps', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.flags', '');
