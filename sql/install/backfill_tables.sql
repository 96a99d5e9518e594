CREATE TABLE expand_contract.job_sweeps (
    job bigint PRIMARY KEY REFERENCES expand_contract.jobs ON DELETE CASCADE,
    phase integer NOT NULL DEFAULT 0, -- of a copy: 0 writes, 1 deletes
    sweep integer NOT NULL DEFAULT 0,
    began timestamptz,
    total_blocks bigint NOT NULL DEFAULT 0,
    all_blocks bigint NOT NULL DEFAULT 0,
    open_chunks integer NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    suppressed bigint NOT NULL DEFAULT 0,
    example text,
    empty_sweeps integer NOT NULL DEFAULT 0,
    late_sweeps integer NOT NULL DEFAULT 0,
    holder integer NOT NULL DEFAULT 0, -- of locked rows, and whom the log has named
    known_holder integer NOT NULL DEFAULT 0,
    -- after the sweep: has somebody looked for rows that are left, and found one?
    is_checked boolean NOT NULL DEFAULT false,
    found boolean NOT NULL DEFAULT false
) WITH (fillfactor = 20);
COMMENT ON TABLE expand_contract.job_sweeps IS 'the present sweep of a backfill, delete or copy, shared by its workers';

-- The table itself, or its partitions or children.
CREATE TABLE expand_contract.job_leaves (
    job bigint NOT NULL REFERENCES expand_contract.jobs ON DELETE CASCADE,
    leaf oid NOT NULL,
    sweep integer NOT NULL,
    filenode oid NOT NULL,
    is_first boolean NOT NULL,
    next_block bigint NOT NULL,
    end_block bigint NOT NULL,
    blocks bigint NOT NULL,
    place jsonb, -- by key: the next one of those handed out; blocks are a guess then
    moved_blocks double precision NOT NULL DEFAULT 0, -- filled by rows that moved, since our last VACUUM
    PRIMARY KEY (job, leaf)
) WITH (fillfactor = 50);
COMMENT ON TABLE expand_contract.job_leaves IS
    'how far the present sweep of a backfill has been handed out, table by table';
