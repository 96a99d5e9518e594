CREATE FUNCTION @extschema@.ec_backfill_change(change text, mode text DEFAULT 'fill', batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL,
    run_window text DEFAULT NULL, max_lag interval DEFAULT NULL, on_error text DEFAULT 'raise') RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_backfill_change' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval, text)
    IS 'brings the rows of a change in step in the background; returns the job';
REVOKE EXECUTE ON FUNCTION
    @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_verify_change(change text) RETURNS @extschema@.ec_verification
AS 'MODULE_PATHNAME', 'ec_verify_change' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_verify_change(text)
    IS 'compares every row of a change under one snapshot, and records differences';

CREATE FUNCTION @extschema@.ec_verify_job(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_verify_job' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_verify_job(text, integer, integer, integer, timestamptz, text, interval)
    IS 'the same in the background, chunk by chunk with a snapshot each; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_verify_change(text),
    @extschema@.ec_verify_job(text, integer, integer, integer, timestamptz, text, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_change_type(change text, relation regclass, types jsonb, "using" jsonb DEFAULT NULL,
    backward jsonb DEFAULT NULL, on_error text DEFAULT 'record') RETURNS text
AS 'MODULE_PATHNAME', 'ec_change_type' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_change_type(text, regclass, jsonb, jsonb, jsonb, text)
    IS 'registers a change that gives columns another type and keeps their names';

CREATE FUNCTION @extschema@.ec_prepare(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_prepare' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_prepare(text, integer, integer, integer, timestamptz, text, interval)
    IS 'builds what hangs on columns on those that take their names over, in the background; returns the job';

CREATE FUNCTION @extschema@.ec_advance(change text, until text DEFAULT 'verified', batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL,
    run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_advance' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_advance(text, text, integer, integer, integer, timestamptz, text, interval)
    IS 'takes a change from phase to phase in the background, up to the one that is named; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_change_type(text, regclass, jsonb, jsonb, jsonb, text),
    @extschema@.ec_advance(text, text, integer, integer, integer, timestamptz, text, interval),
    @extschema@.ec_prepare(text, integer, integer, integer, timestamptz, text, interval) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_successor(relation regclass, name text, partition_by text DEFAULT NULL) RETURNS regclass
AS 'MODULE_PATHNAME', 'ec_make_successor' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_successor(regclass, text, text)
    IS 'makes an empty table that has what another one has, in another partitioning if asked';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_successor(regclass, text, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_advise(relation regclass,
    OUT approach text, OUT recommended boolean, OUT why text, OUT cost text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_advise' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_advise(regclass) IS 'recommends a way to change a table, with estimates of time, locks and disk space';

CREATE FUNCTION expand_contract.running_versions(pattern text, OUT application text, OUT version text) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT m[1], m[2]
      FROM pg_stat_activity a, regexp_matches(a.application_name, pattern) AS m
     WHERE a.datname = current_database() AND cardinality(m) >= 2 AND m[1] <> '' AND m[2] <> ''
$$;
COMMENT ON FUNCTION expand_contract.running_versions(text) IS 'application and version of the sessions of this database, from application_name';
REVOKE EXECUTE ON FUNCTION expand_contract.running_versions(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_require_version(change text, application text, minimum text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_require_version' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_require_version(text, text, text)
    IS 'which version of an application must be deployed before a change contracts';

CREATE FUNCTION @extschema@.ec_gates(change text, step text, OUT gate text, OUT passed boolean,
    OUT observed text, OUT required text, OUT hint text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_gates' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_gates(text, text) IS 'the gates of the cutover or contraction of a change';

CREATE FUNCTION @extschema@.ec_cutover(change text, override text[] DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME', 'ec_cutover' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_cutover(text, text[]) IS 'passes the gates, sets the flag of the change, and tells the channel expand_contract';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_require_version(text, text, text), @extschema@.ec_cutover(text, text[]) FROM PUBLIC;

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
REVOKE EXECUTE ON FUNCTION expand_contract.triggers_of(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.ec_contract(change text, override text[] DEFAULT '{}', quarantine interval DEFAULT '7 days',
    auto_drop boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'ec_contract' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_contract(text, text[], interval, boolean)
    IS 'passes the gates and renames the old shape away; when the quarantine has passed, drops it';

CREATE FUNCTION @extschema@.ec_revert(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_revert' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_revert(text) IS 'takes a change one step back; nothing is lost';

CREATE FUNCTION @extschema@.ec_forget(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_forget' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_forget(text) IS 'frees the name of a change that has ended, or that can be neither contracted nor reverted';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_contract(text, text[], interval, boolean), @extschema@.ec_revert(text),
    @extschema@.ec_forget(text) FROM PUBLIC;

-- Looks at the gates of a change for its owner, whoever else asks gets NULL: it
-- may be everyone's, as the view needs it.  STABLE, so that a query that does
-- not ask for it does not pay for it.
CREATE FUNCTION expand_contract.blocked_by(change text) RETURNS text[]
AS 'MODULE_PATHNAME', 'ec_sql_blocked_by' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.blocked_by(text) IS 'the closed gates of the next step of a change; behind ec_changes';

-- Likewise, with those that are open; no rows where blocked_by is NULL.
CREATE FUNCTION expand_contract.next_gates(change text, OUT step text, OUT gate text, OUT passed boolean) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_next_gates' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.next_gates(text) IS 'the gates of the next step of a change; behind ec_metrics_gates';

CREATE VIEW @extschema@.ec_changes WITH (security_barrier) AS
SELECT c.name COLLATE "default" AS change, c.relation, c.target, c.phase, c.since,
       c.dual_write AND coalesce(current_setting('expand_contract.enable_modern_write', true)::boolean, true)
           -- each table of the change, and each partition and child, has all triggers
           AND NOT EXISTS (
               SELECT FROM (SELECT expand_contract.family_of(c.relation)
                             UNION
                            SELECT expand_contract.family_of(c.target) WHERE c.backward IS NOT NULL) AS f (oid),
                      unnest(CASE WHEN c.target IS NULL THEN '{""}' ELSE '{_insert,_update,_delete,_truncate}'::text[] END) AS s (suffix)
                WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = f.oid AND g.tgenabled = 'A'
                                     AND g.tgname = '~ec_' || c.name || s.suffix))
           AS dual_write,
       c.on_error, c.forward, c.backward,
       CASE WHEN c.whole_table AND c.phase NOT IN ('contracted', 'reverted') THEN '{*}'
            ELSE (SELECT array_agg(o.present_name COLLATE "default" ORDER BY o.attnum)
                    FROM expand_contract.change_columns o
                   WHERE o.change = c.name AND o.goes AND o.present_name <> '') END AS old_columns,
       (SELECT count(DISTINCT d.key) FROM expand_contract.discrepancies d WHERE d.change = c.name) AS discrepancies,
       (SELECT count(*) FROM expand_contract.gaps g WHERE g.change = c.name AND g.repaired_by IS NULL) AS gaps,
       coalesce((SELECT f.value FROM expand_contract.flags f WHERE f.name = c.name), false) AS flag,
       t.oid IS NULL AS is_gone, c.quarantine_until, c.auto_drop,
       expand_contract.blocked_by(c.name) AS blocked_by,
       coalesce(substring(c.name FROM '^(.*)/[^/]*$'), '') AS scope
  FROM expand_contract.changes c
  LEFT JOIN pg_class t ON t.oid = c.relation
  LEFT JOIN pg_class n ON n.oid = c.target
 WHERE pg_has_role(coalesce(t.relowner, n.relowner), 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY c.registered_at;
COMMENT ON VIEW @extschema@.ec_changes IS 'changes of tables one owns (pg_monitor: all), and where they are';
GRANT SELECT ON @extschema@.ec_changes TO PUBLIC;

CREATE VIEW @extschema@.ec_change_events WITH (security_barrier) AS
SELECT e.id, e.change COLLATE "default" AS change, e.event, e.value, e.at, e.by_role
  FROM expand_contract.change_events e
  LEFT JOIN expand_contract.changes c ON c.name = e.change
  LEFT JOIN pg_class t ON t.oid = c.relation
  LEFT JOIN pg_class n ON n.oid = c.target
 WHERE pg_has_role(coalesce(t.relowner, n.relowner), 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY e.id, e.salt;
COMMENT ON VIEW @extschema@.ec_change_events IS 'what happened to changes of tables one owns (pg_monitor: all), and to flags';
GRANT SELECT ON @extschema@.ec_change_events TO PUBLIC;

CREATE FUNCTION @extschema@.ec_report(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_report' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_report(text) IS 'an HTML page with the life of a change: its phases, jobs, pauses, verifications and gates, and who did what';

CREATE FUNCTION @extschema@.ec_runbook(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_runbook' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_runbook(text) IS 'Markdown: where a change stands, the next command, its gates, and when to go back';

-- What the server drops with some columns, or (NULL) with the whole table, and
-- its partitions and children: the walk through pg_depend that DROP makes.  What
-- is a part of something (the rule of a view, the trigger of a constraint, a
-- member of an extension) takes that along, if it is not the one that falls.
-- stands: it needs CASCADE; behind: it is behind one that does; elsewhere: it is
-- another session's, for as long as that lasts.
CREATE FUNCTION expand_contract.falls(relation oid, columns smallint[],
    OUT classid oid, OUT objid oid, OUT objsubid integer, OUT stands boolean, OUT behind boolean, OUT "on" text, OUT elsewhere boolean)
RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE family AS MATERIALIZED (
        SELECT f.oid FROM expand_contract.family_of($1) f (oid)
    ), ours AS MATERIALIZED ( -- goes before
        SELECT t.oid FROM pg_trigger t
         WHERE t.tgfoid IN ('expand_contract.dual_write()'::regprocedure, 'expand_contract.dual_write_table()'::regprocedure)
    ), walk (classid, objid, objsubid, stands, behind, "on") AS (
        SELECT 'pg_class'::regclass::oid, c.attrelid, c.attnum::integer, false, false, NULL::text COLLATE "C"
          FROM pg_attribute r
          JOIN pg_attribute c ON c.attrelid IN (SELECT f.oid FROM family f) AND c.attname = r.attname
         WHERE r.attrelid = $1 AND r.attnum = ANY (columns) AND r.attnum > 0 AND NOT r.attisdropped AND NOT c.attisdropped
         UNION
        SELECT 'pg_class'::regclass::oid, f.oid, 0, false, false, NULL FROM family f WHERE columns IS NULL
         UNION
        SELECT coalesce(o.refclassid, d.classid), coalesce(o.refobjid, d.objid), coalesce(o.refobjsubid, d.objsubid),
               o.refobjid IS NOT NULL OR d.deptype = 'n', w.stands OR w.behind,
               CASE WHEN w.classid = 'pg_class'::regclass AND w.objid IN (SELECT f.oid FROM family f)
                    THEN coalesce('column ' || quote_ident((SELECT a.attname FROM pg_attribute a
                              WHERE a.attrelid = w.objid AND a.attnum = d.refobjsubid AND a.attnum > 0)), 'the table')
                    ELSE (SELECT i.type || ' ' || i.identity FROM pg_identify_object(w.classid, w.objid, w.objsubid) i) END COLLATE "C"
          FROM walk w
          JOIN pg_depend d ON d.refclassid = w.classid AND d.refobjid = w.objid AND (w.objsubid = 0 OR d.refobjsubid = w.objsubid)
          LEFT JOIN LATERAL (
                SELECT p.refclassid, p.refobjid, p.refobjsubid FROM pg_depend p
                 WHERE p.classid = d.classid AND p.objid = d.objid AND p.objsubid = d.objsubid AND p.deptype IN ('i', 'e')
                   AND NOT (d.refclassid = p.refclassid AND d.refobjid = p.refobjid)
                 LIMIT 1) o ON d.deptype NOT IN ('i', 'e')
         WHERE NOT (d.classid = 'pg_trigger'::regclass AND d.objid IN (SELECT t.oid FROM ours t))
           AND NOT (coalesce(o.refclassid, d.classid) = 'pg_class'::regclass AND coalesce(o.refobjsubid, d.objsubid) = 0
                    AND coalesce(o.refobjid, d.objid) IN (SELECT f.oid FROM family f))
    )
    SELECT f.*, EXISTS (SELECT FROM pg_identify_object(f.classid, f.objid, f.objsubid) o
                          JOIN pg_namespace n ON n.nspname = o.schema
                         WHERE pg_is_other_temp_schema(n.oid))
      FROM (SELECT w.classid, w.objid, w.objsubid, bool_and(w.stands), bool_and(w.behind), min(w."on")
              FROM walk w
             WHERE w."on" IS NOT NULL
             GROUP BY 1, 2, 3) f
$$;
COMMENT ON FUNCTION expand_contract.falls(oid, smallint[]) IS 'the objects that the server drops with columns or a table';

-- Looks at the body of a function that is kept as text: 'parsed' where it uses
-- one of the columns, 'text' where only its text tells, which may be wrong, 'long'
-- where that is too long to be looked into; NULL where it names none.  Without
-- may_analyse, a text in SQL is only read for its words.
CREATE FUNCTION expand_contract.body_names(function oid, relation oid, columns smallint[], may_analyse boolean) RETURNS text
AS 'MODULE_PATHNAME', 'ec_sql_body_names' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.body_names(oid, oid, smallint[], boolean) IS 'whether the text of a function names columns';

-- What would lose its footing with some columns, or (NULL) with the whole table.
--   goes    the server drops it along with them and says nothing
--   falls   the server drops it, if with CASCADE only
--   blocks  stands in the way of that, or would fail at its next use
-- What is neither is behind something that blocks, or is told by text alone.
CREATE FUNCTION expand_contract.dependents(relation oid, columns smallint[] DEFAULT NULL,
    OUT kind text, OUT object text, OUT goes boolean, OUT falls boolean, OUT blocks boolean, OUT because text) RETURNS SETOF record
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    -- the partitions and children, where the columns have other numbers
    WITH family AS MATERIALIZED (
        SELECT f.oid FROM expand_contract.family_of($1) f (oid)
    ), watched AS MATERIALIZED (
        SELECT c.attrelid, c.attnum, c.attname, c.attacl, c.attrelid = $1 AS is_root
          FROM pg_attribute r
          JOIN pg_attribute c ON c.attrelid IN (SELECT f.oid FROM family f) AND c.attname = r.attname
         WHERE r.attrelid = $1 AND r.attnum > 0 AND NOT r.attisdropped AND NOT c.attisdropped
           AND (columns IS NULL OR r.attnum = ANY (columns))
    ), falls AS MATERIALIZED (
        SELECT f.* FROM expand_contract.falls($1, columns) f
    ), falling AS (
        SELECT CASE WHEN g.attgenerated <> '' THEN 'generated column' ELSE o.type END AS type,
               CASE WHEN g.attgenerated <> '' THEN regexp_replace(o.identity, '^for ', '') ELSE o.identity END AS identity,
               w.stands, w.behind, w."on", w.elsewhere
          FROM falls w
          LEFT JOIN pg_trigger t ON w.classid = 'pg_trigger'::regclass AND t.oid = w.objid
          LEFT JOIN pg_rewrite v ON w.classid = 'pg_rewrite'::regclass AND v.oid = w.objid
          LEFT JOIN pg_attrdef d ON w.classid = 'pg_attrdef'::regclass AND d.oid = w.objid
          LEFT JOIN pg_attribute g ON w.stands AND (g.attrelid, g.attnum) = (d.adrelid, d.adnum)
                                   OR w.classid = 'pg_class'::regclass AND w.objsubid > 0 AND (g.attrelid, g.attnum) = (w.objid, w.objsubid),
               LATERAL pg_identify_object(w.classid, w.objid, w.objsubid) o
         WHERE t.tgisinternal IS NOT TRUE
           AND NOT (v.rulename IS NOT NULL AND v.rulename = '_RETURN')
           AND o.schema IS DISTINCT FROM 'pg_toast'
           AND NOT (w.classid = 'pg_type'::regclass AND NOT w.stands) -- row types and their arrays
           AND NOT (w.classid = 'pg_class'::regclass AND w.objsubid = 0 AND NOT w.stands AND EXISTS ( -- told by their constraint
                    SELECT FROM pg_constraint x WHERE x.conindid = w.objid AND x.contype IN ('p', 'u', 'x')))
           AND o.type <> 'publication relation' -- see below
           AND NOT (w.classid = 'pg_constraint'::regclass AND NOT w.stands AND EXISTS ( -- from 18 on
                    SELECT FROM pg_constraint x WHERE x.oid = w.objid AND x.contype = 'n'))
    ), functions AS MATERIALIZED (
        SELECT p.oid, f.is_strangers, f.bytes,
               f.bytes > 900000 OR f.is_strangers AND sum(f.bytes) OVER (PARTITION BY f.is_strangers ORDER BY p.oid) > 10000000 AS is_long
          FROM pg_proc p
          JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal'),
       LATERAL (SELECT octet_length(p.prosrc)::bigint,
                       NOT (has_table_privilege(p.proowner, $1, 'INSERT, DELETE, TRUNCATE, TRIGGER')
                            OR has_any_column_privilege(p.proowner, $1, 'SELECT, INSERT, UPDATE, REFERENCES'))) f (bytes, is_strangers)
         WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'expand_contract'::regnamespace)
           AND NOT pg_is_other_temp_schema(p.pronamespace)
           AND p.prosqlbody IS NULL
           AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')
    ), named AS MATERIALIZED (
        -- anybody's: what is too long for the functions of the server, or for whoever looks, must not stop him
        SELECT p.oid, f.is_strangers,
               CASE WHEN f.is_long THEN 'long'
                    WHEN l.lanname = 'sql' AND p.prosrc LIKE '%*%' AND NOT f.is_strangers
                      OR EXISTS (SELECT FROM watched w WHERE w.is_root AND strpos(lower(p.prosrc), lower(replace(w.attname, '"', '""'))) > 0)
                    -- the server analyses no text of a role that has no right on the table: it can be made to take hours
                    THEN expand_contract.body_names(f.oid, $1, columns, NOT f.is_strangers) END AS how
          FROM functions f JOIN pg_proc p ON p.oid = f.oid JOIN pg_language l ON l.oid = p.prolang
    )
    SELECT f.type, f.identity, NOT f.stands AND NOT f.behind, true, f.stands AND NOT f.behind AND NOT f.elsewhere,
           CASE WHEN f.elsewhere THEN 'temporary, of another session'
                WHEN f.behind THEN 'goes with ' || f."on"
                WHEN f.stands THEN 'depends on ' || f."on"
                ELSE 'dropped with it' END
      FROM falling f
    UNION
    -- the server does not look into these, and leaves them as they are
    SELECT 'function', (pg_identify_object('pg_proc'::regclass, n.oid, 0)).identity, false, false, n.how = 'parsed',
           CASE n.how WHEN 'parsed' THEN 'its body uses it, and would fail'
                      WHEN 'long' THEN 'its text is too long to be looked into'
                      ELSE 'its text names it; nobody can tell whether it uses it' END
      FROM named n
     WHERE n.how IS NOT NULL AND NOT (n.how = 'long' AND n.is_strangers)
    UNION
    SELECT 'function', count(*) || CASE WHEN count(*) = 1 THEN ' function' ELSE ' functions' END, false, false, false,
           'of roles that have no right on the table; their text is too long to be looked into'
      FROM named n
     WHERE n.how = 'long' AND n.is_strangers
    HAVING count(*) > 0
    UNION
    SELECT 'publication', quote_ident(p.pubname), false, false, true, 'publishes the table to subscribers that still have the column'
      FROM pg_publication p
     WHERE p.puballtables
        OR EXISTS (SELECT FROM pg_publication_rel r
                    WHERE r.prpubid = p.oid AND r.prrelid IN (SELECT f.oid FROM family f)
                      AND (r.prattrs IS NULL OR EXISTS (SELECT FROM watched w WHERE w.attrelid = r.prrelid AND w.attnum = ANY (r.prattrs))))
        OR EXISTS (SELECT FROM pg_publication_namespace n JOIN pg_class t ON t.relnamespace = n.pnnspid
                    WHERE n.pnpubid = p.oid AND t.oid = $1)
    UNION
    -- a publication that lists the column, or has it in its filter, loses the table
    SELECT 'publication relation', (pg_identify_object(f.classid, f.objid, f.objsubid)).identity, false, true, false, 'goes with the column that it lists'
      FROM falls f
     WHERE f.classid = 'pg_publication_rel'::regclass
    UNION
    SELECT 'grant', quote_ident(w.attname) || ' to ' || coalesce(r.rolname::text, 'PUBLIC'), true, true, false, 'dropped with it'
      FROM watched w, LATERAL aclexplode(w.attacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE w.is_root
    UNION
    SELECT 'grant', (pg_identify_object('pg_class'::regclass, t.oid, 0)).identity || ' to ' || coalesce(r.rolname::text, 'PUBLIC'), true, true, false, 'dropped with it'
      FROM pg_class t, LATERAL aclexplode(t.relacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE t.oid = $1 AND columns IS NULL AND a.grantee <> t.relowner
     ORDER BY 3, 5 DESC, 1, 2, 6
$$;
COMMENT ON FUNCTION expand_contract.dependents(oid, smallint[])
    IS 'the objects that are dropped with columns or a table, or prevent dropping them';
REVOKE EXECUTE ON FUNCTION expand_contract.dependents(oid, smallint[]), expand_contract.falls(oid, smallint[]),
    expand_contract.body_names(oid, oid, smallint[], boolean) FROM PUBLIC;
