/* expand_contract--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION expand_contract" to load this file. \quit

-- Tables and internal functions live in the schema expand_contract; what users
-- call lives in the schema the extension is created in.  Tables are closed to
-- everyone: they are written by the C functions as the extension's owner, and
-- read through views that filter by ownership.  USAGE is for the few internal
-- functions that SQL run as the user calls.
CREATE SCHEMA expand_contract;
GRANT USAGE ON SCHEMA expand_contract TO PUBLIC;
COMMENT ON SCHEMA expand_contract IS 'tables and internal functions of the extension expand_contract';

----------------------------------------------------------------------
-- core
----------------------------------------------------------------------
--@core@

----------------------------------------------------------------------
-- jobs (src/worker)
----------------------------------------------------------------------
--@jobs@

----------------------------------------------------------------------
-- migrations (src/migrate)
----------------------------------------------------------------------
--@migrations@

----------------------------------------------------------------------
-- backfill (src/backfill)
----------------------------------------------------------------------
--@backfill@

----------------------------------------------------------------------
-- verification (src/verify)
----------------------------------------------------------------------
CREATE FUNCTION expand_contract.checksum_step(internal, VARIADIC "any") RETURNS internal
    LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_step';
COMMENT ON FUNCTION expand_contract.checksum_step(internal, VARIADIC "any") IS 'transition function of ec_checksum';

CREATE FUNCTION expand_contract.checksum_combine(internal, internal) RETURNS internal
    LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_combine';
COMMENT ON FUNCTION expand_contract.checksum_combine(internal, internal) IS 'combine function of ec_checksum';

CREATE FUNCTION expand_contract.checksum_serialize(internal) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_serialize';
COMMENT ON FUNCTION expand_contract.checksum_serialize(internal) IS 'serialization function of ec_checksum';

CREATE FUNCTION expand_contract.checksum_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_deserialize';
COMMENT ON FUNCTION expand_contract.checksum_deserialize(bytea, internal) IS 'deserialization function of ec_checksum';

CREATE FUNCTION expand_contract.checksum_final(internal) RETURNS text
    LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_final';
COMMENT ON FUNCTION expand_contract.checksum_final(internal) IS 'final function of ec_checksum';

CREATE AGGREGATE ec_checksum(VARIADIC "any") (
    SFUNC = expand_contract.checksum_step,
    STYPE = internal,
    SSPACE = 64,
    FINALFUNC = expand_contract.checksum_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = expand_contract.checksum_combine,
    SERIALFUNC = expand_contract.checksum_serialize,
    DESERIALFUNC = expand_contract.checksum_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE ec_checksum(VARIADIC "any") IS 'checksum of a set of rows, whatever their order: COUNT:32 hex digits';

CREATE TABLE expand_contract.verifications (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation        oid NOT NULL,
    relation_name   text NOT NULL,
    reads           oid[] NOT NULL,
    mapping         jsonb NOT NULL,
    verified_by     oid NOT NULL,
    rows_source     bigint NOT NULL,
    rows_target     bigint NOT NULL,
    missing         bigint NOT NULL,
    extra           bigint NOT NULL,
    different       bigint NOT NULL,
    checksum_source text NOT NULL,
    checksum_target text NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL
);
COMMENT ON TABLE expand_contract.verifications IS 'what each verification found';
COMMENT ON COLUMN expand_contract.verifications.relation_name IS 'its name on that day';
COMMENT ON COLUMN expand_contract.verifications.reads IS 'the relation and all others that the expressions name';

CREATE TABLE expand_contract.mismatches (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verification bigint NOT NULL REFERENCES expand_contract.verifications ON DELETE CASCADE,
    key          jsonb NOT NULL,
    column_name  text NOT NULL,
    source_value text,
    target_value text
);
CREATE INDEX ON expand_contract.mismatches (verification);
COMMENT ON TABLE expand_contract.mismatches IS 'the first rows that a verification found to differ, one line a column';

-- The values come from the table and whatever else the expressions read, so
-- only those may see them who could read them there: SELECT on each as a whole,
-- and no row security in the way.  When the table is gone, its rights are too:
-- then the one who verified.  The extension's owner holds the record anyway.
CREATE VIEW ec_mismatches WITH (security_barrier) AS
SELECT m.verification, m.key, m.column_name, m.source_value, m.target_value
  FROM expand_contract.mismatches m
  JOIN expand_contract.verifications v ON v.id = m.verification
 WHERE NOT EXISTS (SELECT
                     FROM pg_catalog.unnest(v.reads) AS r (relation)
                    WHERE pg_catalog.has_table_privilege(r.relation, 'SELECT') IS NOT TRUE
                       OR pg_catalog.row_security_active(r.relation))
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = v.relation)
       AND pg_catalog.pg_has_role(v.verified_by, 'USAGE')
    OR EXISTS (SELECT
                 FROM pg_catalog.pg_extension e
                WHERE e.extname = 'expand_contract'
                  AND pg_catalog.pg_has_role(e.extowner, 'USAGE'))
 ORDER BY m.id;
COMMENT ON VIEW ec_mismatches IS 'the first rows that each verification found to differ; at most expand_contract.max_mismatches of each';
GRANT SELECT ON ec_mismatches TO PUBLIC;

CREATE TYPE ec_verification AS (
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
COMMENT ON TYPE ec_verification IS 'the result of a verification';

CREATE FUNCTION ec_verify(relation regclass, mapping jsonb) RETURNS ec_verification
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ec_verify';
COMMENT ON FUNCTION ec_verify(regclass, jsonb) IS 'compares columns of a table with expressions over the same row, and records what differs';
REVOKE EXECUTE ON FUNCTION ec_verify(regclass, jsonb) FROM PUBLIC;

----------------------------------------------------------------------
-- who may call what
----------------------------------------------------------------------
--@grants@
