# Rows that a job cannot do, or not yet: somebody keeps them locked, or an old
# release of the application goes on writing them.  The job does all others,
# says what it waits for, and ends when nothing is left.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 1000;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 1');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');
audited_table($node, $rows);

sub wait_until
{
	my ($sql, $name) = @_;

	ok($node->poll_query_until('postgres', $sql), $name) or BAIL_OUT("waited in vain: $name");
	return;
}

# ------------------------------------------------------------ locked rows

my $holder = $node->background_psql('postgres');
my $other = $node->background_psql('postgres');
$holder->query_safe(q{SET application_name = 'holder'});
my $holder_pid = $holder->query_safe('SELECT pg_backend_pid()');

sub check_locked
{
	my ($name, $method, $reason, $log_line, $release) = @_;
	my $log_offset = -s $node->logfile;
	my $job = $node->safe_psql('postgres',
		"SELECT ec_backfill('users', 'email = lower(name)', delay_ms => 0, method => '$method')");

	wait_until("SELECT throttled_by ~ '^$reason\$' FROM ec_progress WHERE job = $job",
		"$name: ec_progress names the holder");
	is( $node->safe_psql('postgres',
			q{SELECT string_agg(id::text, ' ') FROM users WHERE email IS DISTINCT FROM lower(name)}),
		'50',
		"$name: all other rows are done");
	wait_until("SELECT sweep > 4 FROM ec_progress_workers WHERE job = $job",
		"$name: the job looks again and again");
	my @lines = slurp_file($node->logfile, $log_offset) =~
	  /LOG:  expand_contract job $job waits for rows that (.*)/g;
	is(scalar(@lines), 1, "$name: the log names him, once");
	like($lines[0], $log_line, "$name: with what is known of him");
	$release->();
	$node->safe_psql('postgres', "CALL ec_wait($job)");
	check_exactly_once($node, $rows, $name);
	$node->safe_psql('postgres', 'ALTER TABLE users DISABLE TRIGGER audit;
		UPDATE users SET email = NULL; ALTER TABLE users ENABLE TRIGGER audit; TRUNCATE audit; VACUUM users');
	return;
}

for my $method ('blocks', 'key')
{
	$holder->query_safe('BEGIN; SAVEPOINT a; SELECT FROM users WHERE id = 50 FOR UPDATE');
	check_locked("by $method", $method, "locked rows of pid $holder_pid", qr/^pid $holder_pid has locked/,
		sub { $holder->query_safe('COMMIT') });
}
like(slurp_file($node->logfile),
	qr/DETAIL:  Rows: 1\. Application "holder" is idle in transaction, in a transaction for \d\d:\d\d:\d\d\./,
	'the log says which application it is, and for how long it has been at it');

$holder->query_safe('BEGIN; SELECT FROM users WHERE id = 50 FOR SHARE');
$other->query_safe('BEGIN; SELECT FROM users WHERE id = 50 FOR KEY SHARE');
check_locked('two holders, one in the way', 'blocks', "locked rows of pid $holder_pid",
	qr/^pid $holder_pid has locked/, sub { $holder->query_safe('COMMIT') });
$other->query_safe('COMMIT');

$node->safe_psql('postgres', q{BEGIN; SELECT FROM users WHERE id = 50 FOR UPDATE; PREPARE TRANSACTION 'somebody'});
check_locked('prepared', 'blocks', 'locked rows of a prepared transaction',
	qr/^a prepared transaction has locked/,
	sub { $node->safe_psql('postgres', q{COMMIT PREPARED 'somebody'}) });
$holder->quit;
$other->quit;

# ------------------------------------------------------------ late rows

# The old release goes on to write, until it is gone.
$node->safe_psql(
	'postgres', q{
	ALTER TABLE users DISABLE TRIGGER audit;
	CREATE SEQUENCE ids START 100000;
	CREATE TABLE old_release AS SELECT true AS runs;
	CREATE PROCEDURE old_release() LANGUAGE plpgsql AS $$
	BEGIN
		LOOP
			INSERT INTO users SELECT nextval('ids'), 'New' FROM old_release WHERE runs;
			EXIT WHEN NOT FOUND;
			COMMIT;
		END LOOP;
	END $$;
});
my $old_release = $node->background_psql('postgres');
$old_release->query_until(qr/it runs/, "\\echo it runs\nCALL old_release();\n");
my $log_offset = -s $node->logfile;
my $job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 5)});
wait_until("SELECT state = 'running' AND last_error ~ 'keeps receiving rows .* sweep \\d+ has found \\d+ more. HINT: .*ec_expand' FROM ec_progress WHERE job = $job",
	'a job whose table keeps receiving rows says so, and suggests dual write');
my $sweep = $node->safe_psql('postgres', "SELECT sweep FROM ec_progress_workers WHERE job = $job");
wait_until("SELECT state = 'running' AND sweep > $sweep FROM ec_progress JOIN ec_progress_workers USING (job) WHERE job = $job",
	'and goes on');
$node->safe_psql('postgres', 'UPDATE old_release SET runs = false');
$old_release->quit;
$node->safe_psql('postgres', "CALL ec_wait($job)");
is( $node->safe_psql('postgres', "SELECT state, last_error IS NULL FROM ec_progress WHERE job = $job"),
	'done|t',
	'when the last is written it ends, and has nothing more to say');
is($node->safe_psql('postgres', 'SELECT count(*) FROM users WHERE email IS NULL'),
	'0', 'with all rows done');
my @lines = slurp_file($node->logfile, $log_offset) =~
  /LOG:  expand_contract job $job: table public.users keeps receiving rows/g;
is(scalar(@lines), 1, 'the log has said so once');
like(slurp_file($node->logfile, $log_offset), qr/HINT:  Keep the columns in step .*ec_expand/,
	'with the way out');

$node->stop;
done_testing();
