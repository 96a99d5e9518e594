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

-- functions and views

DROP FUNCTION expand_contract.batch_sizes(integer, float8[], float8, float8);
