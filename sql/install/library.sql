-- The library comes with the server's files and the SQL with each database: no
-- script goes on with a library that would then refuse what it has made.
CREATE FUNCTION expand_contract.require_library(version text) RETURNS void
AS 'MODULE_PATHNAME', 'ec_sql_require_library' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.require_library(text) IS 'an error unless this session runs the library of that version';
REVOKE EXECUTE ON FUNCTION expand_contract.require_library(text) FROM PUBLIC;
SELECT expand_contract.require_library('@EXTVERSION@');
