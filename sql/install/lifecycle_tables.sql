-- Of jobs, so not in a dump.
CREATE TABLE expand_contract.change_jobs (
    job bigint PRIMARY KEY REFERENCES expand_contract.jobs ON DELETE CASCADE,
    change text COLLATE "C" NOT NULL,
    mode text NOT NULL CHECK (mode IN ('fill', 'repair')),
    snapshot pg_snapshot NOT NULL DEFAULT pg_current_snapshot()
);
COMMENT ON TABLE expand_contract.change_jobs IS 'the backfills and repairs of changes';
COMMENT ON COLUMN expand_contract.change_jobs.snapshot IS 'at submission: gaps that it shows had been committed';

CREATE TABLE expand_contract.required_versions (
    change text COLLATE "C" NOT NULL REFERENCES expand_contract.changes ON UPDATE CASCADE ON DELETE CASCADE,
    application text NOT NULL,
    minimum text NOT NULL,
    PRIMARY KEY (change, application)
);
COMMENT ON TABLE expand_contract.required_versions IS 'the deployment manifest: what must be running before a change contracts';
SELECT pg_catalog.pg_extension_config_dump('expand_contract.required_versions', '');

CREATE TABLE expand_contract.sightings (
    application text NOT NULL,
    version text NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (application, version)
);
COMMENT ON TABLE expand_contract.sightings IS 'versions of applications that were seen in pg_stat_activity';

CREATE TABLE expand_contract.sighting_watch (
    since timestamptz NOT NULL,
    sampled_at timestamptz NOT NULL,
    single boolean PRIMARY KEY DEFAULT true CHECK (single) -- a publication FOR ALL TABLES asks for a key
);
CREATE UNIQUE INDEX ON expand_contract.sighting_watch ((true));
COMMENT ON TABLE expand_contract.sighting_watch IS 'since when sightings are looked for without a pause, and the last look';
