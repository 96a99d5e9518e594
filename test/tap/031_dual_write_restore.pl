# A dump and its restore: the change is there, for a table that has other
# numbers now, and so are its queue and its flag; its jobs are not.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('original', 'copy', 'part');

# the dropped columns are not in the dump, so those behind them move up
$node->safe_psql(
	'original', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (gone int, gone_too text, id int PRIMARY KEY, legacy_email text, email text, price text, cents int);
	ALTER TABLE users DROP gone, DROP gone_too;
	SELECT ec_expand('email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
	SELECT ec_expand('cents', 'users', '{"cents": "price::int"}');
	INSERT INTO users (id, legacy_email, price) VALUES (1, 'Ada', 'cheap');
	SELECT ec_set_flag('email', true);
	CREATE TABLE people (gone int, id int PRIMARY KEY, a text, b text);
	ALTER TABLE people DROP gone;
	SELECT ec_expand('renamed', 'people', '{"b": "upper(a)"}');
	ALTER TABLE people RENAME a TO old;
	SELECT ec_dual_write('renamed', false);
	INSERT INTO people (id, old) VALUES (1, 'gap');
	SELECT ec_dual_write('renamed', true);
	-- a number that the other cluster has yet to come to
	UPDATE expand_contract.gaps SET writer = '4000000000'::xid8;
});
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('original'), '-f', $dump ], 'dump');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'restore');

is( $node->safe_psql('copy', 'SELECT change, relation, phase, flag, discrepancies FROM ec_changes ORDER BY 1'),
	"cents|users|dual_write|f|1\nemail|users|dual_write|t|0\nrenamed|people|dual_write|f|0",
	'changes, flags and the queue are restored');
is( $node->safe_psql(
		'copy', q{
		INSERT INTO users (id, legacy_email) VALUES (2, 'Bob');
		INSERT INTO users (id, email, price) VALUES (3, 'Eve', '3');
		UPDATE users SET price = '1' WHERE id = 1;
		SELECT * FROM users ORDER BY id}),
	"1|Ada|ada|1|1\n2|Bob|bob||\n3|Eve|Eve|3|3",
	'dual writes go on');
is($node->safe_psql('copy', 'SELECT ec_reconcile()'), '0', 'the queue can be gone through');
is( $node->safe_psql('copy',
		q{SELECT ec_expand('email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}')}),
	'expanded',
	'the same call sets the change up for its new table');
is( $node->safe_psql('copy',
		q{SELECT ec_expand('email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}')}),
	'unchanged',
	'... once');
like(
	($node->psql('copy', 'ALTER TABLE users DROP COLUMN email'))[2],
	qr/cannot drop column email of table users because other objects depend on it/,
	'... and protects it again');
$node->safe_psql('copy', q{DO $$BEGIN UPDATE users SET email = NULL, legacy_email = 'Late' WHERE id = 2; END$$});
my $job = $node->safe_psql('copy', q{SELECT ec_backfill_change('email')});
$node->safe_psql('copy', "CALL ec_wait($job)");
is($node->safe_psql('copy', 'SELECT email FROM users WHERE id = 2'), 'late', 'so does its backfill');

$node->safe_psql('copy', q{INSERT INTO people (id, old) VALUES (2, 'new')});
is($node->safe_psql('copy', 'SELECT b FROM people WHERE id = 2'), 'NEW', 'renamed columns are found by their new names');
is($node->safe_psql('copy', q{SELECT gaps FROM ec_changes WHERE change = 'renamed'}), '1', 'an open gap is restored');
$job = $node->safe_psql('copy', q{SELECT ec_backfill_change('renamed', 'repair')});
$node->safe_psql('copy', "CALL ec_wait($job)");
is($node->safe_psql('copy', q{SELECT gaps, b FROM ec_changes, people WHERE change = 'renamed' AND id = 1}),
	'0|GAP', '... and repaired');

# The table alone: a trigger without its change lets rows pass.
$node->safe_psql('part', 'CREATE EXTENSION expand_contract');
$node->command_ok([ 'pg_dump', '-d', $node->connstr('original'), '-t', 'users', '-f', $dump ], 'dump of the table');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('part'), '-f', $dump ], 'restore of the table');
my ($result, $out, $err) = $node->psql('part',
	q{INSERT INTO users (id, legacy_email) VALUES (2, 'Bob'); INSERT INTO users (id, legacy_email) VALUES (3, 'Eve')});
is($result, 0, 'writes go on');
is(scalar(() = $err =~ /"~ec_email" of table "users" finds no change/g), 1, 'with one warning');

# A crash in the middle of nothing forgets neither side.
$node->safe_psql('original', q{UPDATE users SET legacy_email = 'Crash' WHERE id = 1});
$node->stop('immediate');
$node->start;
is($node->safe_psql('original', 'SELECT legacy_email, email FROM users'), 'Crash|crash', 'both sides survive a crash');
is($node->safe_psql('original', 'SELECT count(*) FROM ec_discrepancies'), '1', 'and so does the queue');

$node->stop;
done_testing();
