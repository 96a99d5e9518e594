# Dumps in other ways than whole ones by a superuser: by the owner of the database,
# and the schema first and the data after it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	CREATE DATABASE original OWNER app;
	CREATE DATABASE by_owner;
	CREATE DATABASE in_parts;
});
$node->safe_psql('original', q{
	CREATE EXTENSION expand_contract;
	SELECT ec_grant('app');
	GRANT SELECT ON ALL TABLES IN SCHEMA expand_contract TO app;
	GRANT SELECT ON ALL SEQUENCES IN SCHEMA expand_contract TO app;
	SET ROLE app;
	CREATE TABLE t (id int PRIMARY KEY, a text, b int);
	SELECT ec_expand('c', 't', '{"b": "a::int"}', '{"a": "b::text"}');
	INSERT INTO t (id, a) VALUES (1, '1'), (2, 'two'), (3, 'three');
	INSERT INTO t (id, b) VALUES (4, 4);
	SELECT ec_apply('001', 'CREATE TABLE one ()');
	SELECT ec_set_flag('a flag', true);
});
my $rows = $node->safe_psql('original', 'SELECT * FROM t ORDER BY id');
my $queue = 'SELECT change, key, operation, error_code FROM expand_contract.discrepancies ORDER BY id, salt';
my $ours = "$queue; SELECT name, phase FROM expand_contract.changes; SELECT version FROM ec_migrations; SELECT ec_flag('a flag')";
my $expected = $node->safe_psql('original', $ours);

sub dump_of
{
	my ($file, @options) = @_;
	my $path = $node->basedir . "/$file";

	$node->command_ok([ 'pg_dump', @options, '-f', $path, $node->connstr('original') ], "pg_dump @options");
	return $path;
}

sub restore
{
	my ($path, $database) = @_;

	$node->command_ok([ 'psql', '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $path ], 'is restored');
	return;
}

# As doc/beside.md has it.
restore(dump_of('by_owner.sql', '-U', 'app'), 'by_owner');
is($node->safe_psql('by_owner', 'SELECT * FROM t ORDER BY id'), $rows, 'a dump by the owner has every row');
is($node->safe_psql('by_owner', $ours), $expected, 'and the ledger, the changes and the queue');

my $schema = dump_of('schema.sql', '--schema-only');
my $data = dump_of('data.sql', '--data-only');
restore($schema, 'in_parts');
restore($data, 'in_parts');
is($node->safe_psql('in_parts', 'SELECT * FROM t ORDER BY id'), $rows, 'data after the schema: every row as it was');
is($node->safe_psql('in_parts', $ours), $expected, 'and the ledger, the changes and the queue, nothing twice');
is($node->safe_psql('in_parts', q{INSERT INTO t (id, a) VALUES (5, '5') RETURNING b}), '5', 'dual writes go on');
is($node->safe_psql('in_parts', q{UPDATE t SET a = '2' WHERE id = 2; UPDATE t SET a = '3' WHERE id = 3; SELECT ec_reconcile()}), '0', 'the queue is gone through');
is($node->safe_psql('in_parts', q{SELECT ec_apply('002', 'CREATE TABLE two ()')}), 'applied', 'the ledger goes on');

$node->stop;
done_testing();
