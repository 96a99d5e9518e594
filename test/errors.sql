\set ECHO none
-- What a statement raises, one field a line.  Included by regression tests:
--     \getenv abs_srcdir PG_ABS_SRCDIR
--     \set errors :abs_srcdir '/test/errors.sql'
--     \i :errors
CREATE OR REPLACE FUNCTION errors_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; context text;
BEGIN
    EXECUTE statement;
    RETURN NEXT 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
        context = PG_EXCEPTION_CONTEXT;
    RETURN NEXT state || ': ' || message;
    IF detail <> '' THEN RETURN NEXT 'DETAIL: ' || detail; END IF;
    IF hint <> '' THEN RETURN NEXT 'HINT: ' || hint; END IF;
    -- of the context, our own lines
    RETURN QUERY SELECT 'CONTEXT: ' || line FROM regexp_split_to_table(context, E'\n') line
                  WHERE line ~ 'migration "';
END $$;
\set ECHO all
