-- Read by C with the columns at their places: usage_sync.c.
CREATE TABLE expand_contract.usage (
    relation      regclass NOT NULL,
    attnum        smallint NOT NULL,
    column_name   name NOT NULL,
    tracked_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    reads         bigint NOT NULL DEFAULT 0,
    writes        bigint NOT NULL DEFAULT 0,
    readers       bytea NOT NULL DEFAULT '',
    writers       bytea NOT NULL DEFAULT '',
    unknown_since timestamptz,
    unknown_until timestamptz,
    PRIMARY KEY (relation, attnum)
) WITH (fillfactor = 50);
COMMENT ON TABLE expand_contract.usage IS 'tracked columns, and their use at the last flush';
COMMENT ON COLUMN expand_contract.usage.unknown_until IS 'the end of the last time of which nothing is known; NULL until the first flush';
COMMENT ON COLUMN expand_contract.usage.readers IS 'the recent ones, as shared memory has them';
COMMENT ON COLUMN expand_contract.usage.writers IS 'the recent ones, as shared memory has them';

CREATE TABLE expand_contract.usage_flush (
    flushed_at timestamptz NOT NULL,
    single     boolean PRIMARY KEY DEFAULT true CHECK (single) -- a publication FOR ALL TABLES asks for a key
);
CREATE UNIQUE INDEX ON expand_contract.usage_flush ((true));
COMMENT ON TABLE expand_contract.usage_flush IS 'the last flush: what was counted after it is in shared memory only';

-- With the table, because its triggers need it.
CREATE FUNCTION expand_contract.usage_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_usage_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.usage_changed() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.usage_changed() IS 'starts new rows afresh, and tells every session what is tracked';
CREATE TRIGGER complete BEFORE INSERT ON expand_contract.usage
    FOR EACH ROW EXECUTE FUNCTION expand_contract.usage_changed();
CREATE TRIGGER announce AFTER INSERT OR DELETE OR UPDATE OF relation, attnum ON expand_contract.usage
    FOR EACH ROW EXECUTE FUNCTION expand_contract.usage_changed();

-- What is tracked survives a dump, by names; what was counted does not.
SELECT pg_catalog.pg_extension_config_dump('expand_contract.usage', '');

-- What standbys have counted, as somebody brought it here.
CREATE TABLE expand_contract.standby_usage (
    standby        text NOT NULL,
    relation       regclass NOT NULL,
    attnum         smallint NOT NULL,
    reads          bigint NOT NULL,
    last_read      timestamptz,
    last_reader    text,
    counting_since timestamptz NOT NULL,
    unknown_until  timestamptz,
    taken_at       timestamptz NOT NULL,
    PRIMARY KEY (standby, relation, attnum),
    FOREIGN KEY (relation, attnum) REFERENCES expand_contract.usage ON DELETE CASCADE
);
COMMENT ON TABLE expand_contract.standby_usage IS 'reads of tracked columns on standbys, as they were imported';
