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

CREATE AGGREGATE @extschema@.ec_checksum(VARIADIC "any") (
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
COMMENT ON AGGREGATE @extschema@.ec_checksum(VARIADIC "any") IS 'checksum of a set of rows, whatever their order: COUNT:32 hex digits';

CREATE VIEW @extschema@.ec_verifications WITH (security_barrier) AS
SELECT v.id AS verification, v.change, v.job, v.source_name AS source, v.target_name AS target,
       v.mapping, v.key, v.verified_by_name AS verified_by,
       CASE WHEN v.finished_at IS NOT NULL THEN v.missing = 0 AND v.extra = 0 AND v.different = 0 END AS ok,
       v.rows_source, v.rows_target, v.missing, v.extra, v.different,
       v.checksum_source, v.checksum_target, v.started_at, v.finished_at,
       v.first_snapshot, v.last_snapshot
  FROM expand_contract.verifications v
 WHERE pg_catalog.pg_has_role(v.verified_by, 'USAGE')
    OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
    OR EXISTS (SELECT
                 FROM pg_catalog.pg_extension e
                WHERE e.extname = 'expand_contract'
                  AND pg_catalog.pg_has_role(e.extowner, 'USAGE'))
 ORDER BY v.id;
COMMENT ON VIEW @extschema@.ec_verifications IS 'what each verification compared and found, who ran it, when, and under which snapshots';
GRANT SELECT ON @extschema@.ec_verifications TO PUBLIC;

-- The values come from the tables and whatever else the expressions read, so
-- only those may see them who could read them there: SELECT on each as a whole,
-- and no row security in the way.  Where the expressions call functions that
-- somebody wrote, nobody knows what they read: then the one who verified.  When
-- a table is gone, its rights are too: then the one who verified.  The
-- extension's owner holds the record anyway.
CREATE VIEW @extschema@.ec_mismatches WITH (security_barrier) AS
SELECT m.verification, m.key, m.column_name, m.source_value, m.target_value, m.difference, m.repair
  FROM expand_contract.mismatches m
  JOIN expand_contract.verifications v ON v.id = m.verification
 WHERE NOT EXISTS (SELECT
                     FROM pg_catalog.unnest(v.reads) AS r (relation)
                    WHERE pg_catalog.has_table_privilege(r.relation, 'SELECT') IS NOT TRUE
                       OR pg_catalog.row_security_active(r.relation))
       AND (NOT v.opaque OR pg_catalog.pg_has_role(v.verified_by, 'USAGE'))
    OR NOT (EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = v.source)
            AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = v.target))
       AND pg_catalog.pg_has_role(v.verified_by, 'USAGE')
    OR EXISTS (SELECT
                 FROM pg_catalog.pg_extension e
                WHERE e.extname = 'expand_contract'
                  AND pg_catalog.pg_has_role(e.extowner, 'USAGE'))
 ORDER BY m.id;
COMMENT ON VIEW @extschema@.ec_mismatches IS 'the first rows that each verification found to differ; at most expand_contract.max_mismatches of each';
GRANT SELECT ON @extschema@.ec_mismatches TO PUBLIC;

CREATE FUNCTION @extschema@.ec_verify(relation regclass, mapping jsonb) RETURNS @extschema@.ec_verification
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ec_verify';
COMMENT ON FUNCTION @extschema@.ec_verify(regclass, jsonb) IS 'compares columns of a table with expressions over the same row, and records what differs';

CREATE FUNCTION @extschema@.ec_verify(source regclass, target regclass, mapping jsonb, key text[] DEFAULT NULL)
    RETURNS @extschema@.ec_verification
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ec_verify_tables';
COMMENT ON FUNCTION @extschema@.ec_verify(regclass, regclass, jsonb, text[]) IS 'compares the rows of two tables by key, and records what is missing, extra or different';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_verify(regclass, jsonb),
    @extschema@.ec_verify(regclass, regclass, jsonb, text[]) FROM PUBLIC;
