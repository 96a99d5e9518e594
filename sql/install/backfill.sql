CREATE FUNCTION expand_contract.differs(anyelement, anyelement) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_differs' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.differs(anyelement, anyelement)
    IS 'whether two values have different images; NULL equals NULL';

CREATE FUNCTION expand_contract.made_here(xid) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_made_here' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.made_here(xid) IS 'whether the current transaction has made the row version with this xmin';

CREATE FUNCTION @extschema@.ec_backfill(relation regclass, assignments text, predicate text DEFAULT NULL,
    batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL, workers integer DEFAULT 1,
    method text DEFAULT 'auto', start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_backfill' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_backfill(regclass, text, text, integer, integer, integer, text, timestamptz, text, interval)
    IS 'updates a table in the background, in small batches that commit; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_backfill(regclass, text, text, integer, integer, integer, text,
    timestamptz, text, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_delete(relation regclass, predicate text, batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, method text DEFAULT 'auto',
    start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_delete' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_delete(regclass, text, integer, integer, integer, text, timestamptz, text, interval)
    IS 'deletes rows of a table in the background, in small batches that commit; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_delete(regclass, text, integer, integer, integer, text,
    timestamptz, text, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_copy(source regclass, target regclass, mapping jsonb, key text[] DEFAULT NULL,
    mode text DEFAULT 'fill', batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL, workers integer DEFAULT 1,
    method text DEFAULT 'auto', start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_copy' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_copy(regclass, regclass, jsonb, text[], text, integer, integer, integer, text, timestamptz, text, interval)
    IS 'copies a table into another in the background, in small batches that commit; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_copy(regclass, regclass, jsonb, text[], text, integer, integer, integer,
    text, timestamptz, text, interval) FROM PUBLIC;
