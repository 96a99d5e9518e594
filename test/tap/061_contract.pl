# The whole life of a change of columns, while old and new versions of an
# application write to the table: every phase, and every way back, ends with the
# data that the applications wrote, and with no error that is theirs.
#
# A model table is written in the transactions of the applications, so any
# snapshot of both can be compared.
use strict;
use warnings;

use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $self = $ENV{PGAPPNAME};

# Longer than the longest of our tries for a lock (1 s): whoever waits for a
# lock for that long is logged.
my $longer_than_a_try = 1500;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 2s
	expand_contract.ignore_usage_from = '$self'
	expand_contract.backfill_delay = 1ms
	log_lock_waits = on
	deadlock_timeout = $longer_than_a_try
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id int PRIMARY KEY, legacy_email text, note text);
	CREATE TABLE model (id int PRIMARY KEY, email text NOT NULL);
	CREATE SEQUENCE ids START 1001;
	INSERT INTO users SELECT i, 'User' || i || '@Example.com' FROM generate_series(1, 1000) i;
	INSERT INTO model SELECT id, lower(legacy_email) FROM users;
	CREATE INDEX ON users (legacy_email);
	ALTER TABLE users ADD COLUMN email text;
});

# An application: pgbench with a script, until it is stopped; what it says on
# the way is an error.
my %application;

sub application
{
	my ($name, $column, $value, $model) = @_;
	my $file = $node->basedir . '/' . ($name =~ s/\W/_/gr) . '.sql';
	my %run = (out => '', err => '');

	append_to_file($file, qq{
\\set id random(1, 1000)
\\set r random(1, 1000000)
BEGIN;
SELECT email FROM model WHERE id = :id FOR UPDATE;
UPDATE users SET $column = $value WHERE id = :id;
UPDATE model SET email = $model WHERE id = :id;
COMMIT;
BEGIN;
SELECT nextval('ids') AS id \\gset new_
INSERT INTO users (id, $column) VALUES (:new_id, $value);
INSERT INTO model VALUES (:new_id, $model);
COMMIT;
SELECT $column FROM users WHERE id = :id;
UPDATE users SET note = 'seen' WHERE id = :id;
\\sleep 5 ms
});
	$run{handle} = start(
		[
			'pgbench', '-n', '-M', 'prepared', '-c', '2', '-T', '600', '-f', $file,
			$node->connstr('postgres') . " application_name=$name"
		],
		'>', \$run{out}, '2>', \$run{err});
	$application{$name} = \%run;
	$node->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '$name' AND query LIKE '%note%'")
	  or BAIL_OUT("$name does not run");
	return;
}

sub errors_of
{
	my ($name) = @_;

	$application{$name}{handle}->pump_nb;
	return join "\n", grep { !/^pgbench \(/ } split /\n/, $application{$name}{err};
}

sub stop_application
{
	my ($name) = @_;

	$application{$name}{handle}->signal('TERM');
	$application{$name}{handle}->finish;
	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = '$name'");
	return;
}

# Under load there is always something going on; wait until the applications
# have come further.
sub let_them_work
{
	my $before = $node->safe_psql('postgres', 'SELECT last_value FROM ids');

	$node->poll_query_until('postgres', "SELECT last_value > $before + 20 FROM ids")
	  or BAIL_OUT('the applications do not go on');
	return;
}

sub data_is_right
{
	my ($when, $column) = @_;

	let_them_work();
	is( $node->safe_psql(
			'postgres',
			"SELECT count(*) FILTER (WHERE lower(u.$column) IS DISTINCT FROM m.email), count(*) > 1000"
			  . " FROM users u FULL JOIN model m USING (id)"),
		'0|t',
		"$column is what was written, $when");
	return;
}

sub phase
{
	return $node->safe_psql('postgres', "SELECT phase FROM ec_changes WHERE change = '$_[0]'");
}

sub backfill
{
	my ($change) = @_;
	my $job = $node->safe_psql('postgres', "SELECT ec_backfill_change('$change')");

	$node->safe_psql('postgres', "CALL ec_wait($job)");
	return;
}

sub gates_open
{
	$node->poll_query_until('postgres',
		q{SELECT bool_and(passed) FROM ec_gates('users_email', 'contract')})
	  or BAIL_OUT($node->safe_psql('postgres',
			q{SELECT gate, observed, hint FROM ec_gates('users_email', 'contract') WHERE NOT passed}));
	return;
}

application('shop/1.0', 'legacy_email', q{'Old' || :r || '@Example.com'}, q{'old' || :r || '@example.com'});

# Back from the phases before the cutover.
for my $phase (qw(dual_write backfilled verified))
{
	$node->safe_psql('postgres', 'UPDATE users SET email = NULL');
	$node->safe_psql('postgres',
		"SELECT ec_expand('until_$phase', 'users', '{\"email\": \"lower(legacy_email)\"}', '{\"legacy_email\": \"email\"}')");
	let_them_work();
	backfill("until_$phase") if $phase ne 'dual_write';
	$node->safe_psql('postgres', "SELECT ec_verify_change('until_$phase')") if $phase eq 'verified';
	is(phase("until_$phase"), $phase, "phase $phase");
	is($node->safe_psql('postgres', "SELECT ec_revert('until_$phase')"), 'reverted', "back from $phase");
	data_is_right("after the way back from $phase", 'legacy_email');
}

# Forward.
$node->safe_psql('postgres', 'UPDATE users SET email = NULL');
$node->safe_psql('postgres',
	q{SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}')});
application('shop/2.0', 'email', q{'new' || :r || '@example.com'}, q{'new' || :r || '@example.com'});
backfill('users_email');
is( $node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('users_email')}), 't', 'verified under load');
is($node->safe_psql('postgres', q{SELECT ec_cutover('users_email')}), 'cut_over', 'cut over');
data_is_right('after the cutover', $_) for qw(legacy_email email);
let_them_work();
my ($code, $out, $err) = $node->psql('postgres', q{SELECT ec_contract('users_email')});
like($err, qr/does not pass the gates of contract: .*old_reads, old_writes/, 'contraction refuses while the old version runs');
like($err, qr{old_reads: column legacy_email was last read \S+ ago by shop/1\.0 \(\w+\)}, 'and says who reads');
like($err, qr{old_writes: column legacy_email was last written \S+ ago by shop/1\.0}, 'and who writes');
is($node->safe_psql('postgres', q{SELECT ec_revert('users_email')}), 'verified', 'back from the cutover');
data_is_right('after the way back from the cutover', $_) for qw(legacy_email email);
is( $node->safe_psql('postgres',
		q{SELECT ok FROM ec_verify_change('users_email')}), 't', 'still verified');
$node->safe_psql('postgres', q{SELECT ec_cutover('users_email')});

# The old version is gone.  While a reader holds his lock, contraction tries,
# and lets the others pass in between.
is(errors_of('shop/1.0'), '', 'the old version has met no error');
stop_application('shop/1.0');
gates_open();
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN');
$reader->query_safe('SELECT count(*) FROM users');
my %contract = (out => '', err => '');
$contract{handle} = start(
	[
		'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', q{SET expand_contract.lock_timeout = '10min'},
		'-c', q{SELECT ec_contract('users_email', quarantine => '1 day')}
	],
	'>', \$contract{out}, '2>', \$contract{err});
$node->poll_query_until('postgres',
	q{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'users'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted})
  or BAIL_OUT('contraction does not try');
let_them_work() for 1 .. 5;
is(phase('users_email'), 'cut_over', 'contraction waits for the reader');
$reader->query_safe('COMMIT');
$reader->quit;
$contract{handle}->finish;
is($contract{out}, "quarantined\n", 'then the old column is in quarantine');
like($contract{err}, qr/index public\.users_legacy_email_idx/, 'and what goes with it was said');
unlike(slurp_file($node->logfile), qr/shop\S+ LOG:  process \d+ still waiting for (?:Access|Row)\w+Lock on relation/,
	'nobody has waited for longer than a try');

($code, $out, $err) = $node->psql('postgres', q{SELECT legacy_email FROM users LIMIT 1});
like($err, qr/column "legacy_email" does not exist/, 'old code fails');
data_is_right('in quarantine', $_) for qw(legacy_email__quarantined email);

is($node->safe_psql('postgres', q{SELECT ec_revert('users_email')}), 'cut_over', 'back from the quarantine');
data_is_right('after the way back from the quarantine', $_) for qw(legacy_email email);
application('shop/1.1', 'legacy_email', q{'Old' || :r || '@Example.com'}, q{'old' || :r || '@example.com'});
data_is_right('with old code again', $_) for qw(legacy_email email);
is(errors_of('shop/1.1'), '', 'which has met no error');
stop_application('shop/1.1');

# A drop by itself that was taken back does not come.
gates_open();
$node->safe_psql('postgres', q{SELECT ec_contract('users_email', quarantine => '1 hour')});
is($node->safe_psql('postgres', q{SELECT ec_contract('users_email', auto_drop => true)}), 'quarantined', 'to be dropped');
is( $node->safe_psql('postgres', q{SELECT state FROM ec_progress WHERE kind = 'contract'}),
	'queued', 'a job will do that');
$node->safe_psql('postgres', q{SELECT ec_revert('users_email')});
is( $node->safe_psql('postgres', q{SELECT state FROM ec_progress WHERE kind = 'contract'}),
	'cancelled', 'not after the way back');

# The drop by itself; first there is something in its way.
gates_open();
is( $node->safe_psql('postgres',
		q{SELECT ec_contract('users_email', quarantine => '2 s', auto_drop => true)}),
	'quarantined', 'in quarantine, and to be dropped');
$node->safe_psql('postgres', 'CREATE VIEW late AS SELECT legacy_email__quarantined FROM users');
my $job = $node->safe_psql('postgres', q{SELECT max(job) FROM ec_progress WHERE kind = 'contract'});
$node->poll_query_until('postgres', "SELECT state = 'failed' FROM ec_progress WHERE job = $job")
  or BAIL_OUT('the job did not fail');
like($node->safe_psql('postgres', "SELECT last_error FROM ec_progress WHERE job = $job"),
	qr/^XE020: .*gates of contract: dependents.*view public\.late/s, 'the job says what is in the way');
is(phase('users_email'), 'quarantined', 'and nothing was dropped');
$node->safe_psql('postgres', 'DROP VIEW late');
$node->safe_psql('postgres', "SELECT ec_resume($job)");
$node->safe_psql('postgres', "CALL ec_wait($job)");
is(phase('users_email'), 'contracted', 'resumed, it drops the old column');
is( $node->safe_psql('postgres',
		q{SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped}),
	'id,note,email', 'the old column is gone');
data_is_right('in the end', 'email');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass}), '0', 'and so are the triggers');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ec_column_usage'), '0', 'and the watch');
is(errors_of('shop/2.0'), '', 'the new version has met no error');
stop_application('shop/2.0');
unlike(slurp_file($node->logfile), qr/shop\S+ LOG:  process \d+ still waiting for (?:Access|Row)\w+Lock on relation/,
	'nobody has waited for longer than a try, ever');

$node->stop;
done_testing();
