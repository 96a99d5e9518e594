-- From version 0.9 to 1.0: what make cannot work out from sql/install.
--
-- Whoever changes the install script of 1.0 looks here:
--
--   a table, column, constraint, index,           the ALTER or CREATE that
--   trigger, type, event trigger                  makes it so
--   arguments or result of a function             DROP it before the line
--                                                 "functions and views"
--   columns of a view, but for new ones           DROP VIEW likewise
--   at the end
--   a function or view that is gone               DROP it after that line
--   a C symbol that is gone                       core/sql_version.c keeps it
--                                                 for one version
--   a body or a comment of a function or view     nothing: make takes it from
--                                                 sql/install
--
-- A column that the library reads before the update is read as
-- core/sql_version.h says.  test/tap/070_update.pl compares what this makes with
-- a fresh install, and names the differences.

-- jobs: the role that workers connect as, and turns.  Owners could log in so far.
ALTER TABLE expand_contract.jobs ADD COLUMN login oid, ADD COLUMN turn_at timestamptz;
UPDATE expand_contract.jobs SET login = owner;
ALTER TABLE expand_contract.jobs ALTER COLUMN login SET NOT NULL;
ALTER TABLE expand_contract.job_slots ADD COLUMN resume_at timestamptz;
CREATE INDEX jobs_turns ON expand_contract.jobs (owner, turn_at);

-- Who gave a way down, and whose rights a change's expressions have: names said
-- the former so far, and the tables the latter.
ALTER TABLE expand_contract.schema_migrations ADD COLUMN down_by_oid oid, ADD COLUMN down_system bigint;
UPDATE expand_contract.schema_migrations m
   SET down_by_oid = r.oid, down_system = (SELECT s.system_identifier FROM pg_control_system() s)
  FROM pg_roles r
 WHERE r.rolname = m.down_by;
COMMENT ON COLUMN expand_contract.schema_migrations.down_by IS
    'the role that gave "down", as it was called then';
COMMENT ON COLUMN expand_contract.schema_migrations.down_by_oid IS
    'which role that is, in the cluster of down_system: a name can be another role''s by now';
COMMENT ON COLUMN expand_contract.schema_migrations.down_system IS 'the identifier of that cluster''s system';

ALTER TABLE expand_contract.changes ADD COLUMN owner oid, ADD COLUMN owner_name text COLLATE "C";
UPDATE expand_contract.changes c
   SET owner = r.oid, owner_name = r.rolname
  FROM pg_class t JOIN pg_roles r ON r.oid = t.relowner
 WHERE t.oid = c.relation;
COMMENT ON COLUMN expand_contract.changes.owner IS 'of its tables at ec_expand: whose rights the expressions have, as long as he owns them';
COMMENT ON COLUMN expand_contract.changes.owner_name IS 'his name then, which counts in a restored database, where he has another OID';

REVOKE EXECUTE ON FUNCTION expand_contract.usage_changed() FROM PUBLIC;

-- other columns of the result
DROP FUNCTION expand_contract.dependents(oid, smallint[]);

-- functions and views

DROP FUNCTION expand_contract.batch_sizes(integer, float8[], float8, float8);
