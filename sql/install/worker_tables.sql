CREATE TABLE expand_contract.jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('backfill', 'copy', 'verify', 'statement', 'reconcile', 'contract', 'delete', 'prepare', 'advance')),
    change text,
    relation oid,
    relation_name text NOT NULL,
    parameters jsonb NOT NULL,
    settings jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    owner oid NOT NULL,
    -- of the session that submitted it, or resumed it last: where the owner cannot log in, workers come as this
    login oid NOT NULL,
    workers integer NOT NULL CHECK (workers >= 1),
    batch_size integer NOT NULL CHECK (batch_size >= 0),
    delay_ms integer NOT NULL CHECK (delay_ms >= 0),
    max_lag interval,
    start_at timestamptz,
    run_window text,
    rows_estimate bigint NOT NULL,
    -- a copied or restored database does not go on with the original's jobs
    system_identifier bigint NOT NULL,
    database oid NOT NULL,
    -- starts since the last batch that committed: a job that keeps killing its
    -- worker is not started for ever
    starts integer NOT NULL DEFAULT 0,
    -- when it last got a worker, or left one to others: owners take turns
    turn_at timestamptz,
    submitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    error_code text,
    error_message text,
    error_detail text,
    error_hint text,
    part_of bigint
);
CREATE INDEX jobs_unfinished ON expand_contract.jobs (id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_parts ON expand_contract.jobs (part_of) WHERE part_of IS NOT NULL;
CREATE INDEX jobs_turns ON expand_contract.jobs (owner, turn_at);
COMMENT ON TABLE expand_contract.jobs IS 'background work: what it is, whose it is, and its state';
COMMENT ON COLUMN expand_contract.jobs.queued_at IS 'when it came to be queued, or paused, last';
COMMENT ON COLUMN expand_contract.jobs.max_lag IS 'NULL: as expand_contract.max_replication_lag says';
COMMENT ON COLUMN expand_contract.jobs.part_of IS
    'the job that has submitted it, and that waits, without a worker, until it has ended';
COMMENT ON COLUMN expand_contract.jobs.run_window IS 'on the clock of the TimeZone in settings';

-- The clusters that this database has been in.  No dump has it, and, as it is
-- unlogged, no publication and no standby: what is in it of another cluster came
-- with the files, by pg_upgrade or in a copy of them.  It has no index, because that
-- of an unlogged table in a copied database does not survive a crash.
CREATE UNLOGGED TABLE expand_contract.origin (
    system_identifier bigint NOT NULL,
    database oid NOT NULL,
    catalog_version integer NOT NULL
);
COMMENT ON TABLE expand_contract.origin IS 'the cluster that this database is in, by which pg_upgrade is told from a copy';
COMMENT ON COLUMN expand_contract.origin.catalog_version IS 'of its system catalogs, which only pg_upgrade changes';

-- One row per worker of a job, updated with every batch: room for HOT.
CREATE TABLE expand_contract.job_slots (
    job bigint NOT NULL REFERENCES expand_contract.jobs ON DELETE CASCADE,
    slot integer NOT NULL,
    position jsonb,
    sweep integer NOT NULL DEFAULT 1,
    work_done bigint NOT NULL DEFAULT 0,
    work_total bigint NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_per_second float8 NOT NULL DEFAULT 0,
    active_seconds float8 NOT NULL DEFAULT 0,
    skipped_locked bigint NOT NULL DEFAULT 0,
    wal_bytes bigint NOT NULL DEFAULT 0,
    -- of the table, as the worker saw it: to ask the table itself would mean to
    -- wait for whoever has locked it
    bytes_at_start bigint,
    bytes_now bigint,
    throttled_by text,
    resume_at timestamptz, -- its worker has left in a pause, which is over then
    notice text, -- what the job has to say while it goes on
    relation oid, -- that it is at, if it is not the job's own but a part of it
    rows_failed bigint NOT NULL DEFAULT 0, -- left out, with on_error => 'skip'
    PRIMARY KEY (job, slot)
) WITH (fillfactor = 20);
COMMENT ON TABLE expand_contract.job_slots IS 'where each worker of a job stands; committed with the rows it wrote';

-- The course of a job, for ec_report: a limited number of rows for each worker.  They
-- refer to the slot, whose row the batch has locked anyway, and not to the job, whose
-- row ec_pause and other workers lock.
CREATE TABLE expand_contract.job_samples (
    job bigint NOT NULL,
    slot integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rows_done bigint NOT NULL,
    waits text, -- the first word of what it waits for
    PRIMARY KEY (job, slot, at),
    FOREIGN KEY (job, slot) REFERENCES expand_contract.job_slots ON DELETE CASCADE
);
COMMENT ON TABLE expand_contract.job_samples IS 'how far each worker of a job was when, and what it waited for';

-- A standby that is not there any more must not be taken for one that has caught up.
CREATE TABLE expand_contract.job_standbys (
    job bigint NOT NULL REFERENCES expand_contract.jobs ON DELETE CASCADE,
    name text NOT NULL,
    address text NOT NULL, -- empty: local
    timeline integer NOT NULL,
    PRIMARY KEY (job, timeline, name, address)
);
COMMENT ON TABLE expand_contract.job_standbys IS 'the standbys that the workers of a job have seen';
