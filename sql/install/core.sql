-- Whoever may query pg_inherits may call it: the views and functions below use it
-- with the rights of their callers.
CREATE FUNCTION expand_contract.family_of(relation oid) RETURNS SETOF oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE family AS (
        SELECT $1 AS oid
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid
    )
    SELECT f.oid FROM family f
$$;
COMMENT ON FUNCTION expand_contract.family_of(oid) IS 'a table, its partitions and children';
GRANT EXECUTE ON FUNCTION expand_contract.family_of(oid) TO PUBLIC;

CREATE FUNCTION @extschema@.ec_grant(role regrole) RETURNS void
AS 'MODULE_PATHNAME', 'ec_grant' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_grant(regrole) IS 'grants a role all functions of the extension that PUBLIC may not execute';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_grant(regrole) FROM PUBLIC;
