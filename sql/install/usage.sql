CREATE FUNCTION @extschema@.ec_track(relation regclass, columns text[] DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME', 'ec_track' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_track(regclass, text[]) IS 'tracks which applications read and write columns (NULL: all) of a table; returns how many are new';

CREATE FUNCTION @extschema@.ec_untrack(relation regclass, columns text[] DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME', 'ec_untrack' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_untrack(regclass, text[]) IS 'ends the watch on columns (NULL: all) of a table; returns how many were watched';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_track(regclass, text[]), @extschema@.ec_untrack(regclass, text[]) FROM PUBLIC;

-- Filters its rows itself: whoever reads the view calls it with his own rights.
CREATE FUNCTION expand_contract.column_usage(OUT relation regclass, OUT column_name text,
    OUT reads bigint, OUT last_read timestamptz, OUT last_reader text,
    OUT writes bigint, OUT last_write timestamptz, OUT last_writer text,
    OUT tracked_since timestamptz, OUT unknown_since timestamptz, OUT unknown_until timestamptz,
    OUT readers jsonb, OUT writers jsonb)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_column_usage' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.column_usage() IS 'tracked columns of tables one owns (pg_monitor: all); behind ec_column_usage';

CREATE VIEW @extschema@.ec_column_usage AS
SELECT relation, column_name, reads, last_read, last_reader, writes, last_write, last_writer,
       tracked_since, unknown_since, unknown_until, readers, writers
  FROM expand_contract.column_usage()
 ORDER BY relation::text COLLATE "C", column_name COLLATE "C";
COMMENT ON VIEW @extschema@.ec_column_usage IS 'the use of the tracked columns of one''s own tables (pg_monitor: all)';
GRANT SELECT ON @extschema@.ec_column_usage TO PUBLIC;

CREATE FUNCTION @extschema@.ec_export_usage() RETURNS jsonb
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
        'database', current_database(),
        'in_recovery', pg_is_in_recovery(),
        'taken_at', clock_timestamp(),
        'columns', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'relation', format('%I.%I', n.nspname, c.relname), 'column_name', u.column_name,
                'reads', u.reads, 'last_read', u.last_read, 'last_reader', u.last_reader,
                'tracked_since', u.tracked_since, 'unknown_until', u.unknown_until))
              FROM expand_contract.column_usage() u
              JOIN pg_class c ON c.oid = u.relation
              JOIN pg_namespace n ON n.oid = c.relnamespace), '[]'))
$$;
COMMENT ON FUNCTION @extschema@.ec_export_usage() IS 'the column usage counted on this standby, for ec_import_usage on the primary';

CREATE FUNCTION @extschema@.ec_import_usage(standby text, usage jsonb) RETURNS integer
AS 'MODULE_PATHNAME', 'ec_import_usage' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_import_usage(text, jsonb) IS 'records the result of ec_export_usage on a standby; returns how many columns';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_import_usage(text, jsonb) FROM PUBLIC;

CREATE VIEW @extschema@.ec_standby_usage WITH (security_barrier) AS
SELECT s.standby, s.relation, a.attname::text AS column_name, s.reads, s.last_read, s.last_reader,
       s.counting_since, s.unknown_until, s.taken_at
  FROM expand_contract.standby_usage s
  JOIN pg_catalog.pg_class c ON c.oid = s.relation
  JOIN pg_catalog.pg_attribute a ON a.attrelid = s.relation AND a.attnum = s.attnum AND NOT a.attisdropped
 WHERE pg_has_role(c.relowner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY s.standby, s.relation::text COLLATE "C", a.attname;
COMMENT ON VIEW @extschema@.ec_standby_usage IS 'reads of tracked columns on standbys, as they were last imported';
GRANT SELECT ON @extschema@.ec_standby_usage TO PUBLIC;
