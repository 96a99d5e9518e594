-- What the columns of the views are, for \d+ and whoever reads the catalogue.

COMMENT ON COLUMN @extschema@.ec_progress.job IS 'the number that ec_pause, ec_resume, ec_cancel, ec_configure and ec_wait take';
COMMENT ON COLUMN @extschema
	@.ec_progress.kind IS 'backfill, copy, delete, verify, reconcile or migration';
COMMENT ON COLUMN @extschema
	@.ec_progress.change IS 'the change that it works for; NULL for a job of its own';
COMMENT ON COLUMN @extschema
	@.ec_progress.relation IS 'the table that it works on; NULL when it is gone';
COMMENT ON COLUMN @extschema
	@.ec_progress.state IS 'queued, running, paused, interrupted (its worker is lost), done, failed or cancelled';
COMMENT ON COLUMN @extschema
	@.ec_progress.rows_done IS 'rows written or compared so far';
COMMENT ON COLUMN @extschema
	@.ec_progress.rows_total_estimate IS 'how many there are, by the statistics of the table';
COMMENT ON COLUMN @extschema
	@.ec_progress.percent IS 'how much of the table has been passed, 0 to 100';
COMMENT ON COLUMN @extschema @.ec_progress.rows_per_second
	IS 'over the last batches; over its whole time when no worker is at it';
COMMENT ON COLUMN @extschema
	@.ec_progress.eta IS 'how long it will take to the end, at that rate';
COMMENT ON COLUMN @extschema @.ec_progress.workers IS 'how many workers are at it';
COMMENT ON COLUMN @extschema
	@.ec_progress.throttled_by IS 'what it pauses for, or waits for; NULL when it works';
COMMENT ON COLUMN @extschema @.ec_progress.replication_lag
	IS 'the longest delay of a standby that counts; NULL without one, and for those who own no job';
COMMENT ON COLUMN @extschema
	@.ec_progress.table_growth IS 'size of the table, divided by that at the start';
COMMENT ON COLUMN @extschema @.ec_progress.wal_bytes IS 'WAL written by it so far';
COMMENT ON COLUMN @extschema
	@.ec_progress.skipped_locked IS 'rows that others held locked, to be tried again';
COMMENT ON COLUMN @extschema
	@.ec_progress.rows_failed IS 'left out with on_error => ' 'skip' ', and queued';
COMMENT ON COLUMN @extschema
	@.ec_progress.migration IS 'the version of the migration whose steps it runs, or one of whose steps it is';
COMMENT ON COLUMN @extschema @.ec_progress.last_error
	IS 'SQLSTATE and message, where one may read the rows that they can quote; else the SQLSTATE';
COMMENT ON COLUMN @extschema @.ec_progress.owner IS 'the role whose rights it has';
COMMENT ON COLUMN @extschema
	@.ec_progress.started_at IS 'when a worker took it up first';
COMMENT ON COLUMN @extschema
	@.ec_progress.finished_at IS 'when it was done, failed or cancelled';

COMMENT ON COLUMN @extschema @.ec_progress_workers.job IS 'as in ec_progress';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.worker IS 'its number within the job, from 1';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.pid IS 'its process; NULL when none is at it';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.relation IS 'the table or partition that it is at';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.sweep IS 'how often it has gone through its part';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.rows_done IS 'rows written or compared by it so far';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.rows_per_second IS 'as in ec_progress, of this worker';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.throttled_by IS 'what it pauses for, or waits for';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.wal_bytes IS 'WAL written by it so far';
COMMENT ON COLUMN @extschema
	@.ec_progress_workers.skipped_locked IS 'rows that others held locked when it came by';

COMMENT ON COLUMN @extschema
	@.ec_migrations.version IS 'what ec_apply was called with';
COMMENT ON COLUMN @extschema
	@.ec_migrations.description IS 'what it was described as';
COMMENT ON COLUMN @extschema @.ec_migrations.phase IS 'expand, migrate or contract';
COMMENT ON COLUMN @extschema
	@.ec_migrations.state IS 'applied, baselined, queued, running, cancelling, interrupted or failed';
COMMENT ON COLUMN @extschema @.ec_migrations.checksum
	IS 'of the script, without what does not change its meaning; NULL when it was baselined';
COMMENT ON COLUMN @extschema
	@.ec_migrations.executed_at IS 'when it was applied, or began';
COMMENT ON COLUMN @extschema
	@.ec_migrations.executed_by IS 'the role that applied it';
COMMENT ON COLUMN @extschema @.ec_migrations.execution_time IS 'how long that took';
COMMENT ON COLUMN @extschema @.ec_migrations.steps
	IS 'how many steps a worker runs, or statements where it ran in its caller' 's transaction';
COMMENT ON COLUMN @extschema
	@.ec_migrations.steps_done IS 'how many of them are done';
COMMENT ON COLUMN @extschema
	@.ec_migrations.error IS 'why it failed, for those who may execute ec_apply; else the SQLSTATE';
COMMENT ON COLUMN @extschema
	@.ec_migrations.direction IS 'up, or down while it is rolled back';
COMMENT ON COLUMN @extschema
	@.ec_migrations.job IS 'its job in ec_progress; NULL when it ran in its caller' 's transaction';
COMMENT ON COLUMN @extschema
	@.ec_migrations.scope IS 'whose history it belongs to, of a service or a tenant; empty where nobody says';

COMMENT ON COLUMN @extschema
	@.ec_migration_events.id IS 'in the order in which they came';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.event IS 'what happened to the migration';
COMMENT ON COLUMN @extschema @.ec_migration_events.version IS 'the migration';
COMMENT ON COLUMN @extschema @.ec_migration_events.checksum IS 'of its script then';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.allow IS 'which rules the caller set aside';
COMMENT ON COLUMN @extschema @.ec_migration_events.executed_at IS 'when';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.executed_by IS 'the role in whose name';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.execution_time IS 'how long it took';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.session_role IS 'the role that had logged in';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.application_name IS 'of the session';
COMMENT ON COLUMN @extschema @.ec_migration_events.error IS 'as in ec_migrations';
COMMENT ON COLUMN @extschema
	@.ec_migration_events.scope IS 'whose history the migration belongs to';

COMMENT ON COLUMN @extschema @.ec_changes.change IS 'its name';
COMMENT ON COLUMN @extschema @.ec_changes.relation IS 'the table with the old shape';
COMMENT ON COLUMN @extschema
	@.ec_changes.target IS 'the table with the new shape; NULL when that is the same one';
COMMENT ON COLUMN @extschema
	@.ec_changes.phase IS 'dual_write, backfilled, verified, cut_over, quarantined, contracted or reverted';
COMMENT ON COLUMN @extschema @.ec_changes.since IS 'when it came to that phase';
COMMENT ON COLUMN @extschema
	@.ec_changes.dual_write IS 'whether every write of one shape is made to the other as well, now and in every partition';
COMMENT ON COLUMN @extschema
	@.ec_changes.on_error IS 'record: a failed modern write is queued; raise: it fails the legacy write';
COMMENT ON COLUMN @extschema
	@.ec_changes.forward IS 'the expression of each new column';
COMMENT ON COLUMN @extschema
	@.ec_changes.backward IS 'the expression of each old column';
COMMENT ON COLUMN @extschema
	@.ec_changes.old_columns IS 'what contraction removes, by the names of today';
COMMENT ON COLUMN @extschema
	@.ec_changes.discrepancies IS 'rows in the queue of failed modern writes';
COMMENT ON COLUMN @extschema
	@.ec_changes.gaps IS 'times without dual writes that no repair has passed since';
COMMENT ON COLUMN @extschema @.ec_changes.flag IS 'the read switch of its name';
COMMENT ON COLUMN @extschema @.ec_changes.is_gone IS 'whether the table was dropped';
COMMENT ON COLUMN @extschema
	@.ec_changes.quarantine_until IS 'when the old shape may be dropped, while it is quarantined';
COMMENT ON COLUMN @extschema
	@.ec_changes.auto_drop IS 'whether the launcher drops it then';
COMMENT ON COLUMN @extschema
	@.ec_changes.blocked_by IS 'the closed gates of the next step; NULL for those who may not see them';

COMMENT ON COLUMN @extschema
	@.ec_change_events.id IS 'in the order in which they came';
COMMENT ON COLUMN @extschema
	@.ec_change_events.change IS 'the change; for a flag of its own, the flag';
COMMENT ON COLUMN @extschema @.ec_change_events.event
	IS 'what happened: a step, an override, a flag, a setting that opened a gate';
COMMENT ON COLUMN @extschema
	@.ec_change_events.value IS 'what to, or what it was about';
COMMENT ON COLUMN @extschema @.ec_change_events.at IS 'when';
COMMENT ON COLUMN @extschema
	@.ec_change_events.by_role IS 'the role that had logged in';

COMMENT ON COLUMN @extschema
	@.ec_verifications.verification IS 'its number, which ec_mismatches refers to';
COMMENT ON COLUMN @extschema
	@.ec_verifications.change IS 'the change that was verified; NULL for tables given by hand';
COMMENT ON COLUMN @extschema @.ec_verifications
	.job IS 'its job in ec_progress; NULL when it ran in its caller' 's transaction';
COMMENT ON COLUMN @extschema
	@.ec_verifications.source IS 'the table with the old shape';
COMMENT ON COLUMN @extschema
	@.ec_verifications.target IS 'the table with the new shape';
COMMENT ON COLUMN @extschema
	@.ec_verifications.mapping IS 'the expression that each column was compared with';
COMMENT ON COLUMN @extschema
	@.ec_verifications.key IS 'the columns that tell rows apart';
COMMENT ON COLUMN @extschema
	@.ec_verifications.verified_by IS 'the role that asked for it';
COMMENT ON COLUMN @extschema
	@.ec_verifications.ok IS 'whether no row is missing, extra or different; NULL until it is finished';
COMMENT ON COLUMN @extschema @.ec_verifications.rows_source IS 'rows of the source';
COMMENT ON COLUMN @extschema @.ec_verifications.rows_target IS 'rows of the target';
COMMENT ON COLUMN @extschema
	@.ec_verifications.missing IS 'rows that the target lacks';
COMMENT ON COLUMN @extschema
	@.ec_verifications.extra IS 'rows that the source lacks';
COMMENT ON COLUMN @extschema
	@.ec_verifications.different IS 'rows with another value';
COMMENT ON COLUMN @extschema
	@.ec_verifications.checksum_source IS 'of all rows as the mapping makes them';
COMMENT ON COLUMN @extschema
	@.ec_verifications.checksum_target IS 'of all rows as they are';
COMMENT ON COLUMN @extschema @.ec_verifications.started_at IS 'when it began';
COMMENT ON COLUMN @extschema
	@.ec_verifications.finished_at IS 'when it ended; NULL while it runs';
COMMENT ON COLUMN @extschema
	@.ec_verifications.first_snapshot IS 'the snapshot of its first chunk';
COMMENT ON COLUMN @extschema @.ec_verifications.last_snapshot IS 'that of its last';

COMMENT ON COLUMN @extschema
	@.ec_mismatches.verification IS 'the verification that found it';
COMMENT ON COLUMN @extschema @.ec_mismatches.key IS 'of the row';
COMMENT ON COLUMN @extschema
	@.ec_mismatches.column_name IS 'the column; NULL for a row that is missing or extra';
COMMENT ON COLUMN @extschema
	@.ec_mismatches.source_value IS 'what the mapping makes of the source, as text; cut when it is long';
COMMENT ON COLUMN @extschema
	@.ec_mismatches.target_value IS 'what is there, as text; cut when it is long';
COMMENT ON COLUMN @extschema
	@.ec_mismatches.difference IS 'missing, extra or different';
COMMENT ON COLUMN @extschema
	@.ec_mismatches.repair IS 'the statement that brings the row in step';

COMMENT ON COLUMN @extschema
	@.ec_discrepancies.change IS 'the change whose modern write failed';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.relation IS 'the table that was written to';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.key IS 'of the row, for those who may read the tables';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.operation IS 'INSERT, UPDATE or DELETE';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.direction IS 'forward: of the new shape; backward: of the old one';
COMMENT ON COLUMN @extschema @.ec_discrepancies.error_code IS 'SQLSTATE';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.error IS 'its message, for those who may read the tables';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.writes IS 'how many writes of the row have failed';
COMMENT ON COLUMN @extschema @.ec_discrepancies.first_at IS 'the first of them';
COMMENT ON COLUMN @extschema @.ec_discrepancies.last_at IS 'the last';
COMMENT ON COLUMN @extschema @.ec_discrepancies.age IS 'the time since the first';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.attempts IS 'how often reconciling it has been tried';
COMMENT ON COLUMN @extschema
	@.ec_discrepancies.next_attempt_at IS 'when it is tried next';

COMMENT ON COLUMN @extschema @.ec_column_usage.relation IS 'the tracked table';
COMMENT ON COLUMN @extschema @.ec_column_usage.column_name IS 'the tracked column';
COMMENT ON COLUMN @extschema @.ec_column_usage.reads IS 'statements that read it';
COMMENT ON COLUMN @extschema @.ec_column_usage.last_read IS 'when one did last';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.last_reader IS 'application and role of that one';
COMMENT ON COLUMN @extschema @.ec_column_usage.writes IS 'statements that wrote it';
COMMENT ON COLUMN @extschema @.ec_column_usage.last_write IS 'when one did last';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.last_writer IS 'application and role of that one';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.tracked_since IS 'what was before is not known';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.unknown_since IS 'from here on uses may be missing';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.unknown_until IS 'until here uses may be missing';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.readers IS 'the last read of each application and role';
COMMENT ON COLUMN @extschema
	@.ec_column_usage.writers IS 'the last write of each application and role';

COMMENT ON COLUMN @extschema
	@.ec_standby_usage.standby IS 'the name that it was imported under';
COMMENT ON COLUMN @extschema @.ec_standby_usage.relation IS 'the tracked table';
COMMENT ON COLUMN @extschema @.ec_standby_usage.column_name IS 'the tracked column';
COMMENT ON COLUMN @extschema
	@.ec_standby_usage.reads IS 'statements that read it there';
COMMENT ON COLUMN @extschema @.ec_standby_usage.last_read IS 'when one did last';
COMMENT ON COLUMN @extschema
	@.ec_standby_usage.last_reader IS 'application and role of that one';
COMMENT ON COLUMN @extschema
	@.ec_standby_usage.counting_since IS 'what was before is not known';
COMMENT ON COLUMN @extschema
	@.ec_standby_usage.unknown_until IS 'until here reads may be missing';
COMMENT ON COLUMN @extschema
	@.ec_standby_usage.taken_at IS 'when the counts were exported there';
