CREATE FUNCTION @extschema@.ec_grant(role regrole) RETURNS void
AS 'MODULE_PATHNAME', 'ec_grant' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_grant(regrole) IS 'lets a role call every function of the extension that is not everyone''s';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_grant(regrole) FROM PUBLIC;
