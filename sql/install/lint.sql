CREATE FUNCTION @extschema@.ec_lint(script text, phase text = 'expand', OUT statement integer, OUT command text,
        OUT rule text, OUT severity text, OUT relation regclass, OUT lock_mode text, OUT rewrites boolean,
        OUT scans boolean, OUT detail text, OUT recipe text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_lint(text, text) IS
    'statements of a script that break running code, lose data or block others, with safe alternatives; runs nothing';

CREATE FUNCTION @extschema@.ec_effects(script text, OUT statement integer, OUT command text, OUT relation regclass,
        OUT lock_mode text, OUT rewrites boolean, OUT scans boolean)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_effects(text) IS
    'the locks, rewrites and full scans of each statement of a script; runs nothing';

CREATE FUNCTION @extschema@.ec_plan(script text, phase text = 'expand', OUT step integer, OUT statement integer,
        OUT kind text, OUT command text, OUT lock_mode text, OUT relation regclass, OUT rewrites boolean,
        OUT scans boolean, OUT detail text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_plan(text, text) IS
    'the steps in which a script runs online, so that it holds nobody up for long; runs nothing';
