-- Everyone's: a partition that somebody creates gets the trigger with it.  It
-- does nothing on a table that is not the change's.
CREATE FUNCTION expand_contract.dual_write() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_dual_write_row' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.dual_write() IS 'keeps the columns of a change in step; its argument is the change';

CREATE FUNCTION expand_contract.dual_write_table() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_dual_write_table' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.dual_write_table() IS 'keeps the two tables of a change in step, a statement at a time; its argument is the change';

CREATE FUNCTION expand_contract.note_ddl() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'ec_note_ddl' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.note_ddl() IS 'warns of DDL that ends what a change has promised';
REVOKE EXECUTE ON FUNCTION expand_contract.note_ddl() FROM PUBLIC;

CREATE FUNCTION expand_contract.note_partitions() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'ec_note_partitions' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.note_partitions() IS 'gives new partitions the triggers of changes to other tables, and notes what comes and goes with a partition';
REVOKE EXECUTE ON FUNCTION expand_contract.note_partitions() FROM PUBLIC;

CREATE FUNCTION expand_contract.note_subscriptions() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'ec_note_subscriptions' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.note_subscriptions() IS 'warns of subscriptions whose rows a change does not see, and leaves a gap';
REVOKE EXECUTE ON FUNCTION expand_contract.note_subscriptions() FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_expand(change text, relation regclass, forward jsonb, backward jsonb DEFAULT NULL,
    target regclass DEFAULT NULL, key text[] DEFAULT NULL, old_columns text[] DEFAULT NULL,
    on_error text DEFAULT 'record', allow_existing boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'ec_expand' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text, boolean)
    IS 'registers a change and starts its dual writes: expanded or unchanged';

CREATE FUNCTION @extschema@.ec_dual_write(change text, enabled boolean) RETURNS text
AS 'MODULE_PATHNAME', 'ec_dual_write' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_dual_write(text, boolean)
    IS 'switches the modern write of a change on or off';

CREATE FUNCTION @extschema@.ec_set_flag(name text, value boolean) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_set_flag' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_set_flag(text, boolean) IS 'sets a read switch, and tells the channel expand_contract';

-- For applications: everyone may ask, and nobody sees the table.
CREATE FUNCTION @extschema@.ec_flag(name text) RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$SELECT coalesce((SELECT f.value FROM expand_contract.flags f
                       WHERE f.name = CASE WHEN s.scope = '' OR starts_with(ec_flag.name, s.scope || '/') THEN ec_flag.name
                                           ELSE s.scope || '/' || ec_flag.name END), false)
       FROM (SELECT coalesce(current_setting('expand_contract.scope', true), '')) AS s (scope)$$;
COMMENT ON FUNCTION @extschema@.ec_flag(text) IS 'a read switch; false unless it has been set';

CREATE FUNCTION @extschema@.ec_reconcile(change text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_reconcile' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_reconcile(text)
    IS 'makes queued modern writes again now; how many rows are left';

CREATE FUNCTION @extschema@.ec_reconcile_job(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_reconcile_job' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_reconcile_job(text, integer, integer, timestamptz, text, interval)
    IS 'makes queued modern writes again in the background, until none is left; returns the job';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text, boolean),
    @extschema@.ec_dual_write(text, boolean), @extschema@.ec_set_flag(text, boolean), @extschema@.ec_reconcile(text),
    @extschema@.ec_reconcile_job(text, integer, integer, timestamptz, text, interval) FROM PUBLIC;

-- Everyone's, as repairs ask it as the owner of the table; it tells nobody else.
CREATE FUNCTION expand_contract.is_queued(change text, now boolean, names text[], VARIADIC "values" "any") RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_is_queued' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION expand_contract.is_queued(text, boolean, text[], "any")
    IS 'whether a failed write of the row with that key waits to be reconciled: repairs leave it alone';

-- A row a row of the table: its failed writes together.
CREATE VIEW expand_contract.open_discrepancies AS
SELECT d.change, d.key,
       (array_agg(d.operation ORDER BY d.id DESC))[1] AS operation,
       (array_agg(d.direction ORDER BY d.id DESC))[1] AS direction,
       (array_agg(d.error_code ORDER BY d.id DESC))[1] AS error_code,
       (array_agg(d.error ORDER BY d.id DESC))[1] AS error,
       sum(d.writes)::bigint AS writes,
       min(coalesce(d.first_at, d.at)) AS first_at,
       max(d.at) AS last_at,
       max(d.attempts) AS attempts,
       max(d.next_attempt_at) AS next_attempt_at
  FROM expand_contract.discrepancies d
 GROUP BY d.change, d.key;
COMMENT ON VIEW expand_contract.open_discrepancies IS 'rows whose modern write failed, of every change';

-- Figures for those who monitor; key and message hold row data, so they are for
-- those who could read it in the table.
CREATE VIEW @extschema@.ec_discrepancies WITH (security_barrier) AS
SELECT d.change, c.relation,
       CASE WHEN r.is_readable THEN d.key END AS key,
       d.operation, d.direction, d.error_code,
       CASE WHEN r.is_readable THEN d.error END AS error,
       d.writes, d.first_at, d.last_at,
       date_trunc('second', clock_timestamp() - d.first_at) AS age,
       d.attempts, d.next_attempt_at
  FROM expand_contract.open_discrepancies d
  JOIN expand_contract.changes c ON c.name = d.change
  JOIN pg_class t ON t.oid = c.relation,
       -- what fails in a target is told with values of the target
       LATERAL (SELECT has_table_privilege(t.oid, 'SELECT') AND NOT row_security_active(t.oid)
                   AND (c.target IS NULL OR has_table_privilege(c.target::oid, 'SELECT') IS TRUE
                                            AND NOT row_security_active(c.target::oid))) AS r (is_readable)
 WHERE pg_has_role(t.relowner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY d.first_at;
COMMENT ON VIEW @extschema@.ec_discrepancies IS 'rows whose modern write failed and is still to be made';
GRANT SELECT ON @extschema@.ec_discrepancies TO PUBLIC;
