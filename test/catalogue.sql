-- Everything that the extension has made in a database, a line a property: two
-- databases with the same output have the same extension.  Not in it: OIDs, the
-- order of columns (so the lists of a view's query are sorted), and what is in
-- the tables.
WITH extension AS (
    SELECT * FROM pg_extension WHERE extname = 'expand_contract'
), member AS (
    SELECT d.classid, d.objid, o.type, o.identity
      FROM extension e
      JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e',
           LATERAL pg_identify_object(d.classid, d.objid, 0) o
), relation AS (
    SELECT m.type, m.identity, c.*
      FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
), function AS (
    SELECT m.type, m.identity, p.*
      FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
), attribute AS (
    SELECT r.type || ' ' || r.identity || '.' || a.attname AS object, a.*
      FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE r.relkind <> 'S'
), property (object, property, value) AS (
    SELECT type || ' ' || identity, 'exists', NULL FROM member
    UNION ALL
    SELECT m.type || ' ' || m.identity, 'comment', d.description
      FROM member m JOIN pg_description d ON d.classoid = m.classid AND d.objoid = m.objid AND d.objsubid = 0
    UNION ALL
    SELECT m.type || ' ' || m.identity, 'rights in the script', acl.item
      FROM member m JOIN pg_init_privs i ON i.classoid = m.classid AND i.objoid = m.objid AND i.objsubid = 0,
           LATERAL (SELECT unnest(i.initprivs)::text) acl (item)
    UNION ALL
    SELECT 'extension', 'dumped', c.relation::regclass || ' ' || c.condition
      FROM extension, LATERAL unnest(extconfig, extcondition) c (relation, condition)
    UNION ALL
    -- functions
    SELECT f.type || ' ' || f.identity, p.property, p.value
      FROM function f,
           LATERAL (VALUES ('definition', CASE WHEN f.prokind <> 'a' THEN pg_get_functiondef(f.oid) END),
                           ('arguments', pg_get_function_arguments(f.oid)),
                           ('result', pg_get_function_result(f.oid)),
                           ('parallel', f.proparallel::text),
                           ('volatile', f.provolatile::text),
                           ('owner', f.proowner::regrole::text)) p (property, value)
    UNION ALL
    SELECT f.type || ' ' || f.identity, 'right', acl.item
      FROM function f, LATERAL (SELECT unnest(coalesce(f.proacl, acldefault('f', f.proowner)))::text) acl (item)
    UNION ALL
    SELECT f.type || ' ' || f.identity, 'aggregate', (to_jsonb(a) - 'aggfnoid')::text
      FROM function f JOIN pg_aggregate a ON a.aggfnoid = f.oid
    UNION ALL
    -- tables, views, sequences, types
    SELECT r.type || ' ' || r.identity, p.property, p.value
      FROM relation r,
           LATERAL (VALUES ('definition', (SELECT string_agg(item, ', ' ORDER BY item COLLATE "C")
                                              FROM regexp_split_to_table(pg_get_viewdef(r.oid), ',\s+') item
                                             WHERE r.relkind = 'v')),
                           ('options', (SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(r.reloptions) o)),
                           ('persistence', r.relpersistence::text),
                           ('replica identity', r.relreplident::text),
                           ('row security', r.relrowsecurity::text),
                           ('owner', r.relowner::regrole::text),
                           ('sequence', (SELECT to_jsonb(s) - 'seqrelid' FROM pg_sequence s WHERE s.seqrelid = r.oid)::text)) p (property, value)
    UNION ALL
    SELECT r.type || ' ' || r.identity, 'right', acl.item
      FROM relation r, LATERAL (SELECT unnest(coalesce(r.relacl, acldefault((CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", r.relowner)))::text) acl (item)
     WHERE r.relkind <> 'c'
    UNION ALL
    SELECT a.object, p.property, p.value
      FROM attribute a
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum,
           LATERAL (VALUES ('type', format_type(a.atttypid, a.atttypmod)),
                           ('not null', a.attnotnull::text),
                           ('collation', nullif(a.attcollation, 0)::regcollation::text),
                           ('default', pg_get_expr(d.adbin, d.adrelid)),
                           ('generated', a.attgenerated::text),
                           ('identity', a.attidentity::text),
                           ('storage', a.attstorage::text),
                           ('rights', a.attacl::text),
                           ('comment', col_description(a.attrelid, a.attnum))) p (property, value)
    UNION ALL
    SELECT r.type || ' ' || r.identity, 'constraint ' || k.conname,
           pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' not valid' END
      FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
    UNION ALL
    SELECT r.type || ' ' || r.identity, 'index ' || i.indexrelid::regclass,
           pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' not valid' END
      FROM relation r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT r.type || ' ' || r.identity, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
      FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
     WHERE NOT t.tgisinternal
    UNION ALL
    SELECT r.type || ' ' || r.identity, 'policy ' || p.polname, pg_get_expr(p.polqual, p.polrelid)
      FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT r.type || ' ' || r.identity, 'rule ' || w.rulename, pg_get_ruledef(w.oid)
      FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
    UNION ALL
    SELECT 'event trigger ' || e.evtname, 'definition',
           concat_ws(' ', e.evtevent, e.evttags, e.evtfoid::regprocedure, e.evtenabled::text)
      FROM member m JOIN pg_event_trigger e ON m.classid = 'pg_event_trigger'::regclass AND e.oid = m.objid
    UNION ALL
    SELECT m.type || ' ' || m.identity, 'right', acl.item
      FROM member m JOIN pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid,
           LATERAL (SELECT unnest(n.nspacl)::text) acl (item)
)
SELECT object || ': ' || concat_ws(' ', property, regexp_replace(value, '\s+', ' ', 'g'))
  FROM property
 WHERE property = 'exists' OR value IS NOT NULL
