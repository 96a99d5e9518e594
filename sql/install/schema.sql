-- Tables and internal functions live in the schema expand_contract; what users
-- call lives in the schema the extension is created in.  Tables are closed to
-- everyone: they are written by the C functions as the extension's owner, and
-- read through views that filter by ownership.  USAGE is for the few internal
-- functions that SQL run as the user calls.

CREATE SCHEMA expand_contract;
GRANT USAGE ON SCHEMA expand_contract TO PUBLIC;
COMMENT ON SCHEMA expand_contract IS 'tables and internal functions of the extension expand_contract';
