# Column usage: what counts as a use of a column, and of whom.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'expand_contract'\nmax_worker_processes = 16\nexpand_contract.max_tracked_columns = 2000");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id bigint PRIMARY KEY, old text, new text);
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 100) i;
	CREATE VIEW names AS SELECT id, old FROM users;
	CREATE FUNCTION sql_old(bigint) RETURNS text LANGUAGE sql AS
		'SELECT old FROM users WHERE id = $1';
	CREATE FUNCTION plpgsql_old(bigint) RETURNS text LANGUAGE plpgsql AS
		'BEGIN RETURN old FROM users WHERE id = $1; END';
	CREATE ROLE alice LOGIN;
	CREATE ROLE bob LOGIN;
	GRANT ALL ON users, names TO alice, bob;
	CREATE FUNCTION definer_old(bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS
		'SELECT old FROM users WHERE id = $1';
});
is($node->safe_psql('postgres', q{SELECT ec_track('users', '{old}')}),
	1, 'one column is tracked');
is($node->safe_psql('postgres', q{SELECT ec_track('users', '{old}')}),
	0, 'once');

my ($reads, $writes) = (0, 0);

# Run a script, and see by how much the counts of a column have grown.
sub counts
{
	my ($sql, $more_reads, $more_writes, $name, $column) = @_;
	$column ||= q{relation = 'users'::regclass AND column_name = 'old'};
	my $query =
	  "SELECT reads, writes FROM expand_contract.column_usage() WHERE $column";
	my @before = split /\|/, $node->safe_psql('postgres', $query);
	my ($stdout, $stderr);

	my $result = $node->psql('postgres', $sql,
		stdout => \$stdout, stderr => \$stderr);
	is($result, 0, "$name: runs") or diag($stderr);
	my @after = split /\|/, $node->safe_psql('postgres', $query);
	is_deeply(
		[ $after[0] - $before[0], $after[1] - $before[1] ],
		[ $more_reads, $more_writes ],
		"$name: $more_reads reads, $more_writes writes");
	return;
}

counts('SELECT old FROM users WHERE id = 1', 1, 0, 'SELECT');
counts(q{SELECT id FROM users WHERE old = 'x'}, 1, 0, 'WHERE');
counts('SELECT id FROM users ORDER BY old', 1, 0, 'ORDER BY');
counts('SELECT id, new FROM users', 0, 0, 'other columns');
counts('SELECT a.old FROM users a JOIN users b ON a.old = b.old', 1, 0, 'a self join counts once');
counts('SELECT count(*) FROM users', 0, 0, 'count(*)');
counts('SELECT count(u) FROM users u', 1, 0, 'whole row');
counts('SELECT row_to_json(u) FROM users u LIMIT 1', 1, 0, 'whole row in a function');
counts('SELECT * FROM users', 1, 0, 'SELECT *');
counts('TABLE users', 1, 0, 'TABLE');
counts('SELECT 1 FROM users FOR UPDATE', 0, 0, 'FOR UPDATE');
counts('SELECT id FROM names', 1, 0, 'a view counts for all columns of the table that it mentions');
counts(q{UPDATE users SET old = 'a' WHERE id = 1}, 0, 1, 'UPDATE');
counts(q{UPDATE users SET new = 'a' WHERE old = 'a'}, 1, 0, 'UPDATE WHERE');
counts(q{UPDATE users SET old = old || 'a' WHERE id = 1}, 1, 1, 'UPDATE of itself');
counts(q{UPDATE users SET new = 'b' WHERE id = 1 RETURNING *}, 1, 0, 'RETURNING *');
counts(q{DELETE FROM users WHERE id = 99}, 0, 0, 'DELETE');
counts(q{DELETE FROM users WHERE old = 'User98'}, 1, 0, 'DELETE WHERE');
counts(q{INSERT INTO users (id, new) VALUES (200, 'n')}, 0, 0, 'INSERT without it');
counts(q{INSERT INTO users (id, old) VALUES (201, DEFAULT)}, 0, 1, 'INSERT that names it');
counts(q{INSERT INTO users VALUES (202, 'o')}, 0, 1, 'INSERT without a list');
counts(q{INSERT INTO users (id, old) VALUES (1, 'o') ON CONFLICT (id) DO UPDATE SET new = excluded.old},
	0, 1, 'ON CONFLICT with EXCLUDED');
counts(q{INSERT INTO users AS u (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET old = u.old},
	1, 1, 'ON CONFLICT DO UPDATE');
counts(q{MERGE INTO users u USING (SELECT 1 AS id) s ON u.id = s.id
	WHEN MATCHED AND u.old = 'x' THEN DELETE
	WHEN MATCHED THEN UPDATE SET old = 'm'}, 1, 1, 'MERGE');
counts(q{MERGE INTO users u USING (SELECT 1 AS id) s ON u.id = s.id
	WHEN MATCHED THEN UPDATE SET new = 'm'}, 0, 0, 'MERGE without it');
counts('TRUNCATE users', 0, 0, 'TRUNCATE');
counts(q{COPY users (id, old) FROM PROGRAM 'seq -f "%g,old" 1 100' CSV}, 0, 1, 'COPY FROM');
counts(q{COPY users (id) FROM PROGRAM 'seq 101 200' CSV}, 0, 0, 'COPY FROM without it');
counts('COPY users TO STDOUT', 1, 0, 'COPY TO');
counts('COPY users (id) TO STDOUT', 0, 0, 'COPY TO without it');
counts('COPY (SELECT old FROM users) TO STDOUT', 1, 0, 'COPY of a query');
counts('CREATE TABLE other AS SELECT old FROM users', 1, 0, 'CREATE TABLE AS');
counts('WITH u AS MATERIALIZED (SELECT old FROM users) SELECT 1 FROM u', 1, 0, 'WITH');
counts('SELECT 1 WHERE EXISTS (SELECT FROM users WHERE old IS NULL)', 1, 0, 'a subquery');

# EXPLAIN alone runs nothing, not even as the first statement of a session.
counts('EXPLAIN SELECT old FROM users', 0, 0, 'EXPLAIN');
counts('EXPLAIN ANALYZE SELECT old FROM users', 1, 0, 'EXPLAIN ANALYZE');
counts(q{EXPLAIN SELECT old FROM users; COPY users TO STDOUT; SELECT old FROM users}, 2, 0,
	'EXPLAIN exempts itself alone');
counts(q{DO $$BEGIN SET LOCAL ROLE alice; EXECUTE 'EXPLAIN SELECT * FROM pg_authid';
	EXCEPTION WHEN insufficient_privilege THEN NULL; END$$; COPY users TO STDOUT},
	1, 0, 'EXPLAIN that was refused exempts nothing');

# Each execution counts, however it was planned.
for my $mode (qw(auto force_generic_plan force_custom_plan))
{
	counts(qq{SET plan_cache_mode = $mode; PREPARE p(int) AS SELECT old FROM users WHERE id = \$1;
		} . join(';', map { "EXECUTE p($_)" } 1 .. 8),
		8, 0, "prepared, $mode");
}
counts(q{PREPARE p AS SELECT old FROM users; EXPLAIN EXECUTE p; DEALLOCATE p}, 0, 0,
	'preparing and explaining');
counts('SELECT sql_old(1)', 1, 0, 'a SQL function');
counts('SELECT plpgsql_old(i) FROM generate_series(1, 10) i', 10, 0, 'a PL/pgSQL function, each call');
counts(q{DO $$BEGIN PERFORM old FROM users; EXECUTE 'SELECT old FROM users'; END$$}, 2, 0, 'DO');
counts(q{BEGIN; DECLARE c CURSOR FOR SELECT old FROM users; FETCH 5 FROM c; FETCH 5 FROM c; COMMIT},
	1, 0, 'a cursor counts once');
counts(q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET max_parallel_workers_per_gather = 2; SELECT count(old) FROM users}, 1, 0, 'parallel workers');
like(
	$node->safe_psql('postgres', q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
		SET min_parallel_table_scan_size = 0; EXPLAIN SELECT count(old) FROM users}),
	qr/Gather/, 'that plan is a parallel one');

# Who: the login, not what SET ROLE or a definer made of it.
sub last_reader
{
	return $node->safe_psql('postgres',
		q{SELECT last_reader FROM ec_column_usage WHERE column_name = 'old' AND relation = 'users'::regclass});
}
sub as
{
	my ($user, $application, $sql) = @_;

	return $node->safe_psql('postgres', $sql,
		connstr => $node->connstr('postgres') . " user=$user application_name=$application");
}
as('alice', 'shop/1.2', 'SELECT old FROM users');
is(last_reader(), 'shop/1.2 (alice)', 'application and role of the last reader');
as('bob', 'shop/1.3', 'SELECT definer_old(1)');
is(last_reader(), 'shop/1.3 (bob)', 'SECURITY DEFINER: who called');
as('postgres', 'admin', 'SET ROLE alice; SELECT old FROM users');
is(last_reader(), 'admin (postgres)', 'SET ROLE: who logged in');
as('alice', 'a', q{SET application_name = 'b'; SELECT old FROM users});
is(last_reader(), 'b (alice)', 'application_name as it is now');
as('alice', "app$_", 'SELECT old FROM users') for (1 .. 10);
is( $node->safe_psql('postgres', q{
		SELECT string_agg(r ->> 'application', ' ' ORDER BY n) FROM ec_column_usage,
		jsonb_array_elements(readers) WITH ORDINALITY AS r (r, n)
		WHERE column_name = 'old' AND relation = 'users'::regclass}),
	join(' ', map { "app$_" } reverse(3 .. 10)),
	'the most recent distinct readers, the last one first');

# Whose reads do not count.
counts(q{SET application_name = 'pg_dump'; SELECT old FROM users; UPDATE users SET old = 'd' WHERE id = 1},
	0, 1, 'ignore_usage_from: reads, not writes');
counts(q{SET expand_contract.ignore_usage_from = 'etl, pg_dump';
	SET application_name = 'etl'; SELECT old FROM users; SET application_name = 'etl2'; SELECT old FROM users},
	1, 0, 'ignore_usage_from is a list');
counts(q{CREATE TABLE copies AS SELECT 1; DROP TABLE copies}, 0, 0, 'a session without any use');
$node->command_ok([ 'pg_dump', '-f', $node->basedir . '/dump',
		$node->connstr('postgres') . ' application_name=pg_dump' ], 'pg_dump');
like(last_reader(), qr/^etl2/, 'pg_dump did not count');

# What the extension reads itself.
counts(q{SELECT ec_verify('users', '{"new": "old"}')}, 0, 0, 'a verification');
counts(q{SELECT ec_verify('users', '{"new": "old"}'); SELECT old FROM users}, 1, 0,
	'after a verification');
counts(q{DO $$BEGIN PERFORM ec_verify('users', '{"new": "1 / (length(old) - length(old))"}');
	EXCEPTION WHEN division_by_zero THEN NULL; END$$; SELECT old FROM users}, 1, 0,
	'after one that failed');
counts(q{SELECT ec_backfill('users', 'new = old', 'new IS DISTINCT FROM old') AS job \gset
	CALL ec_wait(:job)}, 0, 0, 'a backfill');

# Foreign keys: their checks and actions are not uses; what triggers do is.
$node->safe_psql('postgres', q{
	CREATE TABLE groups (code text PRIMARY KEY, note text);
	CREATE TABLE members (id int PRIMARY KEY, code text REFERENCES groups ON UPDATE CASCADE ON DELETE CASCADE);
	INSERT INTO groups VALUES ('a'), ('b');
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM note FROM groups; RETURN OLD; END';
	CREATE TRIGGER look BEFORE DELETE ON members FOR EACH ROW EXECUTE FUNCTION look();
	SELECT ec_track('groups');
	SELECT ec_track('members');
});
my $code = q{relation = 'groups'::regclass AND column_name = 'code'};
my $member_code = q{relation = 'members'::regclass AND column_name = 'code'};
counts(q{INSERT INTO members VALUES (1, 'a'), (2, 'b')}, 0, 0, 'the check of a foreign key', $code);
counts(q{UPDATE groups SET code = 'c' WHERE note IS NULL AND ctid = '(0,1)'}, 0, 1, 'an update of the key', $code);
counts(q{UPDATE groups SET code = 'd' WHERE note IS NULL AND ctid = '(0,2)'}, 0, 0, 'its cascade', $member_code);
counts(q{DELETE FROM groups}, 2, 0, 'a trigger that a cascade fires, twice',
	q{relation = 'groups'::regclass AND column_name = 'note'});

# Partitions.
$node->safe_psql('postgres', q{
	CREATE TABLE events (id int, old text) PARTITION BY RANGE (id);
	CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
	CREATE TABLE events_2 (extra int, old text, id int);
	ALTER TABLE events_2 DROP extra;
	SELECT ec_track('events', '{old}');
});
my $events = q{relation = 'events'::regclass};
counts('SELECT old FROM events', 1, 0, 'a partitioned table counts once', $events);
counts('SELECT old FROM events_1', 1, 0, 'a partition, directly', $events);
counts('SELECT id FROM events_1', 0, 0, 'another column of it', $events);
counts(q{SELECT old FROM events; SELECT old FROM events_2;
	ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (10) TO (20); SELECT old FROM events_2},
	2, 0, 'a partition that is attached, with other column numbers', $events);
counts(q{INSERT INTO events VALUES (1, 'a'), (11, 'b')}, 0, 1, 'rows routed to partitions', $events);

# A session that has held its locks for long counts from the moment of ec_track.
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; SELECT new FROM users LIMIT 1');
$node->safe_psql('postgres', q{SELECT ec_track('users', '{new}')});
$session->query_safe('SELECT new FROM users LIMIT 1');
is($node->safe_psql('postgres', q{SELECT reads FROM ec_column_usage WHERE column_name = 'new'}),
	1, 'a transaction that was there before ec_track');
$node->safe_psql('postgres', q{SELECT ec_untrack('users', '{new}')});
$session->query_safe('SELECT new FROM users LIMIT 1; COMMIT');
$session->quit;

# Before ec_track has committed nobody counts, and nobody says so.
$session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; SELECT ec_track('users', '{new}')});
$node->safe_psql('postgres', 'SELECT new FROM users');
my $uncounted = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
$session->query_safe('COMMIT');
$session->quit;
is($node->safe_psql('postgres',
		qq{SELECT reads, tracked_since > '$uncounted', unknown_since FROM ec_column_usage WHERE column_name = 'new'}),
	'0|t|', 'tracked since the commit');
$node->safe_psql('postgres', q{SELECT ec_untrack('users', '{new}')});

# Nothing of a transaction that rolled back remains, in either direction.
$node->safe_psql('postgres', q{BEGIN; SELECT ec_track('users', '{new}'); SELECT new FROM users; ROLLBACK});
is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_column_usage WHERE column_name = 'new'}),
	0, 'ec_track was rolled back');
counts(q{SELECT old FROM users; BEGIN; SELECT ec_untrack('users'); SELECT old FROM users; ROLLBACK; SELECT old FROM users},
	2, 0, 'ec_untrack was rolled back');
counts(q{BEGIN; DROP EXTENSION expand_contract; SELECT old FROM users; ROLLBACK; SELECT old FROM users},
	1, 0, 'DROP EXTENSION was rolled back');

# The application does not wait for whoever drops the extension.
$session = $node->background_psql('postgres');
$session->query_safe('BEGIN; DROP EXTENSION expand_contract');
is($node->safe_psql('postgres', q{SET statement_timeout = '180s'; SELECT count(old) FROM users}),
	100, 'a new session does not wait for DROP EXTENSION');
$session->query_safe('ROLLBACK');
$session->quit;
is($node->safe_psql('postgres',
		q{SELECT unknown_until > tracked_since FROM ec_column_usage
		  WHERE column_name = 'old' AND relation = 'users'::regclass}),
	't', 'and what it did is unknown, not silence');

# Names are followed, and what is dropped is forgotten.
counts(q{ALTER TABLE users RENAME old TO older; SELECT older FROM users}, 1, 0, 'a renamed column',
	q{relation = 'users'::regclass});
$node->safe_psql('postgres', 'ALTER TABLE users RENAME TO people');
is($node->safe_psql('postgres', q{SELECT relation, column_name FROM ec_column_usage WHERE relation::text ~ 'people'}),
	'people|older', 'a renamed table');
$node->safe_psql('postgres', 'ALTER TABLE people DROP older CASCADE; DROP TABLE events');
is($node->safe_psql('postgres',
		q{SELECT count(*) FROM ec_column_usage WHERE relation::text ~ 'people|events'}),
	0, 'dropped columns and tables are not shown');
$node->safe_psql('postgres', q{ALTER TABLE people ADD older text; SELECT older FROM people});
is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_column_usage WHERE relation::text ~ 'people'}),
	0, 'another column of that name is not tracked');
$node->safe_psql('postgres', q{SELECT ec_untrack('members', '{id}')});
$node->poll_query_until('postgres',
	q{SELECT count(*) = 3 FROM expand_contract.usage})
  or BAIL_OUT('the rows of what was dropped are still there');
pass('their rows go with the next flush, which comes after ec_untrack at once');

# Rights: the owner and those who monitor.
$node->safe_psql('postgres', q{CREATE TABLE hers (a int, b int); ALTER TABLE hers OWNER TO alice;
	SELECT ec_grant('alice'); SELECT ec_grant('bob'); CREATE ROLE watcher LOGIN IN ROLE pg_monitor});
is(as('alice', 'x', q{SELECT ec_track('hers')}), 2, 'the owner may track');
is(as('alice', 'x', q{SELECT string_agg(column_name, ' ') FROM ec_column_usage}), 'a b', 'and sees his tables');
is(as('bob', 'x', 'SELECT count(*) FROM ec_column_usage'), 0, 'others see nothing');
is(as('watcher', 'x', q{SELECT count(*) FROM ec_column_usage WHERE relation::text = 'hers'}), 2, 'pg_monitor sees all');
for my $call (q{ec_track('hers')}, q{ec_untrack('hers')})
{
	my ($result, $stdout, $stderr) = $node->psql('postgres', "SELECT $call",
		connstr => $node->connstr('postgres') . ' user=bob', extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($stderr, qr/42501: .*must be owner of table hers/, "$call by another");
}

# Errors leave everything as it was.
for my $case (
	[ q{ec_track('hers', '{a, c}')}, qr/42703: .*column "c" of relation "hers" does not exist/ ],
	[ q{ec_track('hers', '{NULL}')}, qr/22004: .*"columns" must not contain nulls/ ],
	[ q{ec_track(NULL)}, qr/22004: .*"relation" must not be null/ ],
	[ q{ec_track('pg_class')}, qr/42809: .*DETAIL:  It is a system catalog/s ],
	[ q{ec_track('ec_progress')}, qr/42809: .*DETAIL:  It is a view/s ],
	[ q{ec_track('hers_a')}, qr/42809: .*DETAIL:  It is not a table/s ])
{
	my ($result, $stdout, $stderr) = $node->psql('postgres',
		"CREATE INDEX IF NOT EXISTS hers_a ON hers (a); SELECT $case->[0]",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($stderr, $case->[1], "error of $case->[0]");
}

# The cluster has so many places.
$node->safe_psql('postgres', q{SELECT format('CREATE TABLE wide_%s (%s)', n, string_agg('c' || i || ' int', ', '))
	FROM generate_series(1, 2) n, generate_series(1, 700) i GROUP BY n \gexec
	SELECT ec_track('wide_1')});
my ($result, $stdout, $stderr) = $node->psql('postgres', q{SELECT ec_track('wide_2')},
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($stderr, qr/53400: .*too many columns are tracked/, 'no more than there is room for');
counts('SELECT c700 FROM wide_1', 1, 0, 'many columns', q{column_name = 'c700'});
$node->safe_psql('postgres', 'DROP TABLE wide_1, wide_2');

# What is tracked survives a dump and a copy, and starts afresh there.
$node->safe_psql('postgres', 'SELECT a FROM hers');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/dump', $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $node->basedir . '/dump' ], 'restore');
is($node->safe_psql('restored', q{SELECT b FROM hers; SELECT string_agg(column_name || reads, ' ') FROM ec_column_usage
	WHERE relation::text = 'hers'}), 'a0 b1', 'tracked after a restore, by name');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE restored');
is($node->safe_psql('copy', q{SELECT a FROM hers; SELECT string_agg(column_name || reads, ' ') FROM ec_column_usage
	WHERE relation::text = 'hers'}) =~ s/b./b/r, 'a1 b', 'tracked in a copied database');
$node->safe_psql('postgres', 'DROP DATABASE copy');
$node->safe_psql('restored', 'DROP EXTENSION expand_contract CASCADE; SELECT b FROM hers; CREATE EXTENSION expand_contract');
is($node->safe_psql('restored', 'SELECT count(*) FROM ec_column_usage'), 0, 'nothing is tracked after DROP EXTENSION');
$node->stop;
done_testing();
