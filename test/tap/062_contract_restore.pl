# A change in quarantine survives a dump: what was renamed away is known by its
# new name in the restored database, is still kept right there, and comes back
# or goes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "expand_contract.stabilization_period = 0\n");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('original', 'back', 'forth');

# the dropped column is not in the dump, so those behind it move up
$node->safe_psql(
	'original', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (gone int, id int PRIMARY KEY, legacy_email text NOT NULL, email text);
	ALTER TABLE users DROP gone;
	CREATE TABLE orders (id int PRIMARY KEY, total text);
	CREATE TABLE orders_new (id int PRIMARY KEY, total text);
});
my $all = q{'{backfill_complete, verified, old_reads, old_writes, dependents}'};
for my $sql (
	q{SELECT ec_expand('email', 'users', '{"email": "legacy_email"}', '{"legacy_email": "email"}')},
	q{SELECT ec_expand('orders', 'orders', '{"id": "id", "total": "total"}', '{"id": "id", "total": "total"}', target => 'orders_new')},
	map { ("SELECT ec_cutover('$_', '{backfill_complete, verified}')", "SELECT ec_contract('$_', $all, '0')") } ('email', 'orders'))
{
	$node->safe_psql('original', $sql);
}

my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('original'), '-f', $dump ], 'dump');
for my $database ('back', 'forth')
{
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $dump ],
		"restore, to go $database");
	is( $node->safe_psql($database, 'SELECT change, phase FROM ec_changes ORDER BY 1'),
		"email|quarantined\norders|quarantined", 'both are in quarantine');
	is( $node->safe_psql(
			$database, q{
			INSERT INTO users (id, email) VALUES (1, 'a');
			INSERT INTO orders_new VALUES (1, 'b');
			SELECT legacy_email__quarantined, email, o.total FROM users JOIN orders__quarantined o USING (id)}),
		'a|a|b',
		'dual writes go on');
}
is($node->safe_psql('back', "SELECT ec_revert('$_')"), 'cut_over', "$_ comes back") for ('email', 'orders');
is( $node->safe_psql('back', q{SELECT legacy_email, o.total FROM users JOIN orders o USING (id)}),
	'a|b', 'with its names');
like(
	($node->psql('back', 'INSERT INTO users (id) VALUES (2)'))[2],
	qr/violates check constraint "~ec_legacy_email_not_null"/,
	'and with what was NOT NULL');
is($node->safe_psql('forth', "SELECT ec_contract('$_', $all)"), 'contracted', "$_ goes") for ('email', 'orders');
is( $node->safe_psql('forth', q{SELECT u.*, to_regclass('orders__quarantined') IS NULL FROM users u}),
	'1|a|t', 'and is gone');

$node->stop;
done_testing();
