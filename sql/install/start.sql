-- No name below is looked up in the schema we are created in: whoever can write
-- to it could put a function or an operator of his own there, which then runs
-- for everyone who reads our views.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
