-- A publication FOR ALL TABLES has the extension's tables as well: each that is logged has a key.
SET client_min_messages = error;
SELECT t.oid::regclass AS without_a_key
  FROM pg_class t
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e'
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'expand_contract'
 WHERE t.relkind = 'r' AND t.relpersistence = 'p'
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary);
-- the server lets each be updated and deleted from
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE FUNCTION refused() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    own regclass;
    col text;
BEGIN
    FOR own, col IN
        SELECT t.oid, (SELECT attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum LIMIT 1)
          FROM pg_class t WHERE t.relkind = 'r' AND t.relnamespace = 'expand_contract'::regnamespace
    LOOP
        BEGIN
            EXECUTE format('EXPLAIN UPDATE %s SET %I = %I', own, col, col);
            EXECUTE format('EXPLAIN DELETE FROM %s', own);
        EXCEPTION WHEN OTHERS THEN
            RETURN NEXT own || ': ' || sqlerrm;
        END;
    END LOOP;
END $$;
SELECT * FROM refused();
-- and a change lives through it, from the queue to its end
CREATE TABLE published (id int PRIMARY KEY, a text, b int);
SELECT ec_expand('published', 'published', '{"b": "a::int"}', '{"a": "b::text"}');
INSERT INTO published (id, a) VALUES (1, 'x'), (2, '2');
UPDATE published SET a = '1' WHERE id = 1;
SELECT ec_reconcile('published');
SELECT ec_dual_write('published', false);
UPDATE published SET a = '3';
SELECT ec_dual_write('published', true);
SELECT ec_set_flag('published', true);
SELECT ec_set_flag('published', false);
SELECT ec_revert('published');
DROP PUBLICATION everything;
DROP TABLE published;
DROP FUNCTION refused();
DELETE FROM expand_contract.changes WHERE name = 'published';
DELETE FROM expand_contract.gaps WHERE change = 'published';
