-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION expand_contract" to load this file. \quit

-- Tables and internal functions live in the schema expand_contract; what users
-- call lives in the schema the extension is created in.  Tables are closed to
-- everyone: they are written by the C functions as the extension's owner, and
-- read through views that filter by ownership.  USAGE is for the few internal
-- functions that SQL run as the user calls.

-- No name below is looked up in the schema we are created in: whoever can write
-- to it could put a function or an operator of his own there, which then runs
-- for everyone who reads our views.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

CREATE SCHEMA expand_contract;
GRANT USAGE ON SCHEMA expand_contract TO PUBLIC;
COMMENT ON SCHEMA expand_contract IS 'tables and internal functions of the extension expand_contract';
