CREATE FUNCTION @extschema@.ec_backfill_change(change text, mode text DEFAULT 'fill', batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL,
    run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_backfill_change' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval)
    IS 'brings the rows of a change in step in the background; returns the job';
REVOKE EXECUTE ON FUNCTION
    @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_verify_change(change text) RETURNS @extschema@.ec_verification
AS 'MODULE_PATHNAME', 'ec_verify_change' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_verify_change(text)
    IS 'compares every row of a change under one snapshot, and records what is out of step';

CREATE FUNCTION @extschema@.ec_verify_job(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_verify_job' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_verify_job(text, integer, integer, integer, timestamptz, text, interval)
    IS 'the same in the background, chunk by chunk with a snapshot each; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_verify_change(text),
    @extschema@.ec_verify_job(text, integer, integer, integer, timestamptz, text, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_advise(relation regclass,
    OUT approach text, OUT recommended boolean, OUT why text, OUT cost text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_advise' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_advise(regclass) IS 'which way of changing a table fits it, with estimates of time, locks and room';

CREATE FUNCTION expand_contract.running_versions(pattern text, OUT application text, OUT version text) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT m[1], m[2]
      FROM pg_stat_activity a, regexp_matches(a.application_name, pattern) AS m
     WHERE a.datname = current_database() AND cardinality(m) >= 2 AND m[1] <> '' AND m[2] <> ''
$$;
COMMENT ON FUNCTION expand_contract.running_versions(text) IS 'what application_name says of the sessions of this database';
REVOKE EXECUTE ON FUNCTION expand_contract.running_versions(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_require_version(change text, application text, minimum text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_require_version' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_require_version(text, text, text)
    IS 'which version of an application must be deployed before a change contracts';

CREATE FUNCTION @extschema@.ec_gates(change text, step text, OUT gate text, OUT passed boolean,
    OUT observed text, OUT required text, OUT hint text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_gates' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_gates(text, text) IS 'what the cutover or the contraction of a change waits for';

CREATE FUNCTION @extschema@.ec_cutover(change text, override text[] DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME', 'ec_cutover' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_cutover(text, text[]) IS 'passes the gates, sets the flag of the change, and tells the channel expand_contract';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_require_version(text, text, text), @extschema@.ec_cutover(text, text[]) FROM PUBLIC;

-- A table, and what is below it.
CREATE FUNCTION expand_contract.family_of(relation oid) RETURNS SETOF oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE family AS (
        SELECT $1 AS oid
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid
    )
    SELECT f.oid FROM family f
$$;
COMMENT ON FUNCTION expand_contract.family_of(oid) IS 'a table, its partitions and children';

-- Known by what they do: their names are no proof.
CREATE FUNCTION expand_contract.triggers_of(change text, OUT relation oid, OUT name name, OUT enabled "char",
    OUT is_clone boolean) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.tgrelid, t.tgname, t.tgenabled, t.tgparentid <> 0
      FROM expand_contract.changes c
      CROSS JOIN LATERAL (SELECT expand_contract.family_of(c.relation) UNION SELECT expand_contract.family_of(c.target)) f (oid)
      JOIN pg_trigger t ON t.tgrelid = f.oid
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE c.name = change
       AND p.pronamespace = 'expand_contract'::regnamespace AND p.proname IN ('dual_write', 'dual_write_table')
       AND t.tgargs = convert_to(change, getdatabaseencoding()) || '\x00'::bytea
$$;
COMMENT ON FUNCTION expand_contract.triggers_of(text) IS 'the triggers of a change''s dual writes, on all its tables';
REVOKE EXECUTE ON FUNCTION expand_contract.family_of(oid), expand_contract.triggers_of(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_contract(change text, override text[] DEFAULT '{}', quarantine interval DEFAULT '7 days',
    auto_drop boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'ec_contract' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_contract(text, text[], interval, boolean)
    IS 'passes the gates and renames the old shape away; when the quarantine has passed, drops it';

CREATE FUNCTION @extschema@.ec_revert(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_revert' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_revert(text) IS 'takes a change one step back; nothing is lost';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_contract(text, text[], interval, boolean), @extschema@.ec_revert(text) FROM PUBLIC;

-- Looks at the gates of a change for its owner, whoever else asks gets NULL: it
-- may be everyone's, as the view needs it.  STABLE, so that a query that does
-- not ask for it does not pay for it.
CREATE FUNCTION expand_contract.blocked_by(change text) RETURNS text[]
AS 'MODULE_PATHNAME', 'ec_sql_blocked_by' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.blocked_by(text) IS 'the closed gates of the next step of a change; behind ec_changes';

CREATE VIEW @extschema@.ec_changes WITH (security_barrier) AS
SELECT c.name COLLATE "default" AS change, c.relation, c.target, c.phase, c.since,
       c.dual_write AND coalesce(current_setting('expand_contract.enable_modern_write', true)::boolean, true)
           AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.relation AND g.tgenabled = 'A'
                          AND g.tgname = '~ec_' || c.name || CASE WHEN c.target IS NULL THEN '' ELSE '_insert' END)
           AS dual_write,
       c.on_error, c.forward, c.backward, c.old_columns,
       (SELECT count(DISTINCT d.key) FROM expand_contract.discrepancies d WHERE d.change = c.name) AS discrepancies,
       (SELECT count(*) FROM expand_contract.gaps g WHERE g.change = c.name AND g.repaired_by IS NULL) AS gaps,
       coalesce((SELECT f.value FROM expand_contract.flags f WHERE f.name = c.name), false) AS flag,
       t.oid IS NULL AS is_gone, c.quarantine_until, c.auto_drop,
       expand_contract.blocked_by(c.name) AS blocked_by
  FROM expand_contract.changes c
  LEFT JOIN pg_class t ON t.oid = c.relation
  LEFT JOIN pg_class n ON n.oid = c.target
 WHERE pg_has_role(coalesce(t.relowner, n.relowner), 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY c.registered_at;
COMMENT ON VIEW @extschema@.ec_changes IS 'changes of tables one owns (pg_monitor: all), and where they are';
GRANT SELECT ON @extschema@.ec_changes TO PUBLIC;

CREATE FUNCTION @extschema@.ec_runbook(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_runbook' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_runbook(text) IS 'Markdown: where a change stands, the next command, its gates, and when to go back';

-- What would lose its footing with some columns, or (NULL) with the whole table.
-- goes: the server drops it along with them and says nothing; the rest it would
-- drop with CASCADE only, or it would fail at its next use.
CREATE FUNCTION expand_contract.dependents(relation oid, columns smallint[] DEFAULT NULL,
    OUT kind text, OUT object text, OUT goes boolean, OUT because text) RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    -- the partitions and children, where the columns have other numbers
    WITH RECURSIVE family AS (
        SELECT $1 AS oid
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid
    ), watched AS (
        SELECT c.attrelid, c.attnum, c.attname, c.attacl, c.attrelid = $1 AS is_root
          FROM pg_attribute r
          JOIN pg_attribute c ON c.attrelid IN (SELECT f.oid FROM family f) AND c.attname = r.attname
         WHERE r.attrelid = $1 AND r.attnum > 0 AND NOT r.attisdropped AND NOT c.attisdropped
           AND (columns IS NULL OR r.attnum = ANY (columns))
    ), recorded AS (
        SELECT d.classid, d.objid, d.objsubid, d.deptype, w.attname
          FROM pg_depend d
          JOIN watched w ON d.refobjid = w.attrelid AND d.refobjsubid = w.attnum
         WHERE d.refclassid = 'pg_class'::regclass
         UNION
        SELECT d.classid, d.objid, d.objsubid, d.deptype, NULL
          FROM pg_depend d
         WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = 0
           AND columns IS NULL
    ), named AS (
        SELECT coalesce(w.type, CASE WHEN g.oid IS NOT NULL THEN 'generated column' END, o.type) AS type,
               coalesce(w.identity, CASE WHEN g.oid IS NOT NULL THEN regexp_replace(o.identity, '^for ', '') END, o.identity) AS identity,
               -- a constraint depends on its columns in more than one way
               bool_or(r.deptype <> 'n') AS goes, min(r.attname) AS attname
          FROM recorded r
          LEFT JOIN pg_rewrite v ON r.classid = 'pg_rewrite'::regclass AND v.oid = r.objid
          LEFT JOIN pg_trigger t ON r.classid = 'pg_trigger'::regclass AND t.oid = r.objid
          LEFT JOIN pg_attrdef g ON r.classid = 'pg_attrdef'::regclass AND g.oid = r.objid AND r.deptype = 'n'
          LEFT JOIN LATERAL pg_identify_object('pg_class'::regclass, v.ev_class, 0) w ON true,
               LATERAL pg_identify_object(r.classid, r.objid, r.objsubid) o
         WHERE r.deptype IN ('n', 'a', 'i')
           AND v.ev_class IS DISTINCT FROM $1
           AND NOT (r.classid IN ('pg_class'::regclass, 'pg_type'::regclass)
                    AND r.objid IN (SELECT f.oid FROM family f))
           -- what belongs to the table whatever becomes of the column
           AND NOT (r.classid = 'pg_type'::regclass AND r.deptype = 'i')
           AND NOT (r.classid = 'pg_trigger'::regclass AND (t.tgisinternal OR t.tgfoid IN (
                    SELECT x.objid FROM pg_depend x JOIN pg_extension e ON e.oid = x.refobjid
                     WHERE x.classid = 'pg_proc'::regclass AND x.refclassid = 'pg_extension'::regclass
                       AND x.deptype = 'e' AND e.extname = 'expand_contract')))
           AND o.type NOT IN ('toast table', 'publication relation') -- the latter: see below
           AND NOT (r.classid = 'pg_constraint'::regclass AND EXISTS ( -- from 18 on
                    SELECT FROM pg_constraint x WHERE x.oid = r.objid AND x.contype = 'n'))
         GROUP BY 1, 2
    )
    SELECT n.type, n.identity, n.goes,
           CASE WHEN n.goes THEN 'dropped with it'
                ELSE 'depends on ' || coalesce('column ' || quote_ident(n.attname), 'the table') END
      FROM named n
    UNION
    -- sequences go with their columns, and not with others that use them
    SELECT o.type, o.identity, false, 'uses ' || s.oid::regclass || ', which goes with it'
      FROM recorded r
      JOIN pg_class s ON r.classid = 'pg_class'::regclass AND s.oid = r.objid AND s.relkind = 'S'
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid AND d.deptype = 'n'
      LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid,
           LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) o
     WHERE r.deptype IN ('a', 'i')
       AND NOT EXISTS (SELECT FROM watched w WHERE w.attrelid = f.adrelid AND w.attnum = f.adnum)
    UNION
    -- the server does not look into these
    SELECT 'function', (pg_identify_object('pg_proc'::regclass, p.oid, 0)).identity, false, 'its text names column ' || quote_ident(w.attname)
      FROM pg_proc p
      JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
      JOIN pg_class t ON t.oid = $1
      JOIN watched w ON w.is_root AND p.prosrc ~* ('(^|[^[:alnum:]_])' || regexp_replace(replace(w.attname, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g') || '($|[^[:alnum:]_])')
     WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'expand_contract'::regnamespace)
       AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')
       AND (p.prosrc ~* ('(^|[^[:alnum:]_])' || regexp_replace(replace(t.relname, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g') || '($|[^[:alnum:]_])')
            OR EXISTS (SELECT FROM pg_trigger g WHERE g.tgfoid = p.oid AND g.tgrelid IN (SELECT f.oid FROM family f)))
    UNION
    SELECT 'publication', quote_ident(p.pubname), false, 'publishes the table to subscribers that still have the column'
      FROM pg_publication p
     WHERE p.puballtables
        OR EXISTS (SELECT FROM pg_publication_rel r
                    WHERE r.prpubid = p.oid AND r.prrelid IN (SELECT f.oid FROM family f)
                      AND (r.prattrs IS NULL OR EXISTS (SELECT FROM watched w WHERE w.attrelid = r.prrelid AND w.attnum = ANY (r.prattrs))))
        OR EXISTS (SELECT FROM pg_publication_namespace n JOIN pg_class t ON t.relnamespace = n.pnnspid
                    WHERE n.pnpubid = p.oid AND t.oid = $1)
    UNION
    SELECT 'grant', quote_ident(w.attname) || ' to ' || coalesce(r.rolname::text, 'PUBLIC'), true, 'dropped with it'
      FROM watched w, LATERAL aclexplode(w.attacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE w.is_root
    UNION
    SELECT 'grant', (pg_identify_object('pg_class'::regclass, t.oid, 0)).identity || ' to ' || coalesce(r.rolname::text, 'PUBLIC'), true, 'dropped with it'
      FROM pg_class t, LATERAL aclexplode(t.relacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE t.oid = $1 AND columns IS NULL AND a.grantee <> t.relowner
     ORDER BY 3, 1, 2, 4
$$;
COMMENT ON FUNCTION expand_contract.dependents(oid, smallint[])
    IS 'what goes with columns or a table, and what stands in the way of dropping them';
REVOKE EXECUTE ON FUNCTION expand_contract.dependents(oid, smallint[]) FROM PUBLIC;
