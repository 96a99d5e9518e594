# Tables of our names that are not ours: planted before the extension comes, or
# in the place of one of its own.  The library is preloaded, so every statement
# looks for tracked columns.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'expand_contract'\nmax_worker_processes = 16\nrestart_after_crash = off");
$node->start;
$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	GRANT CREATE ON DATABASE postgres TO mallory;
});

my $wide = join(', ', map { "c$_ int8 DEFAULT " . (4702111234474983745 + $_) } 1 .. 500);
my $right = q{relation regclass, attnum smallint, column_name name, tracked_since timestamptz, reads bigint,
	writes bigint, readers bytea, writers bytea, unknown_since timestamptz, unknown_until timestamptz};
my %planted = (
	'a view' => q{CREATE VIEW expand_contract.usage AS SELECT 1 AS x},
	'a wide table' => qq{CREATE TABLE expand_contract.usage (y int, $wide); INSERT INTO expand_contract.usage (y) VALUES (1)},
	'a partitioned table' => qq{CREATE TABLE expand_contract.usage ($right) PARTITION BY LIST (attnum)},
	'a table of other types' => q{CREATE TABLE expand_contract.usage (relation text, attnum text, column_name int, tracked_since text, reads text,
		writes text, readers int, writers int, unknown_since text, unknown_until text);
		INSERT INTO expand_contract.usage VALUES ('x', 'x', 1, 'x', 'x', 'x', 1, 1, 'x', 'x')},
	'a table just like ours' => qq{CREATE TABLE expand_contract.usage ($right);
		INSERT INTO expand_contract.usage VALUES ('pg_class', 2, 'relname', now(), 1, 1, '', '', NULL, NULL)},
	'an index' => q{CREATE TABLE expand_contract.t (a int); CREATE INDEX usage ON expand_contract.t (a)},
	'a composite type' => q{CREATE TYPE expand_contract.usage AS (a int)},
);

foreach my $what (sort keys %planted)
{
	$node->safe_psql('postgres', qq{
		CREATE SCHEMA expand_contract;
		$planted{$what};
		CREATE TABLE expand_contract.usage_flush (a timestamptz, b text);
		INSERT INTO expand_contract.usage_flush VALUES (now(), 'x');
	}, extra_params => [ '-U', 'mallory' ]);
	# the first statement of its session
	my ($result, $stdout, $stderr) = $node->psql('postgres', 'CREATE EXTENSION expand_contract');
	isnt($result, 0, "$what: the extension does not take the schema over");
	like($stderr, qr/schema "expand_contract" already exists/, "$what: and says so");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname = 'pg_class'}),
		1, "$what: the server is there");
	$node->safe_psql('postgres', 'DROP SCHEMA expand_contract CASCADE',
		extra_params => [ '-U', 'mallory' ]);
}

# The extension's own, from the first moment on.
is( $node->safe_psql('postgres', q{
		CREATE EXTENSION expand_contract;
		CREATE TABLE users (id int, old text);
		SELECT ec_track('users', '{old}');
		SELECT old FROM users;
		SELECT reads FROM ec_column_usage}),
	"1\n1", 'what is tracked in the session that creates the extension counts');
$node->safe_psql('postgres', q{
	BEGIN; DROP EXTENSION expand_contract; ROLLBACK; SELECT old FROM users});
is($node->safe_psql('postgres', 'SELECT reads FROM ec_column_usage'), 2, 'and goes on');

# Whoever takes a table out of the extension, its owner say, has nothing counted by it.
$node->safe_psql('postgres', q{
	ALTER EXTENSION expand_contract DROP TABLE expand_contract.usage;
	ALTER TABLE expand_contract.usage RENAME TO usage_away;
	CREATE VIEW expand_contract.usage AS SELECT *, 1 / 0 AS bad FROM expand_contract.usage_away;
});
is($node->safe_psql('postgres', 'SELECT old FROM users; SELECT count(*) FROM ec_column_usage'),
	0, 'a view in the place of a table is not read');
my ($result, $stdout, $stderr) = $node->psql('postgres',
	q{INSERT INTO expand_contract.usage_away (relation, attnum, column_name) VALUES ('users', 1, 'id')});
like($stderr, qr/is a trigger of expand_contract\.usage only/, 'nor is its trigger one of ours');
$node->safe_psql('postgres', q{
	DROP VIEW expand_contract.usage;
	ALTER TABLE expand_contract.usage_away RENAME TO usage;
	ALTER TABLE expand_contract.usage ALTER writers TYPE text;
	ALTER EXTENSION expand_contract ADD TABLE expand_contract.usage;
});
is($node->safe_psql('postgres', 'SELECT old FROM users; SELECT count(*) FROM ec_column_usage'),
	0, 'nor is one whose columns are of other types');

# Where nothing is expanded, no statement touches a table of the extension.
is( $node->safe_psql('postgres', q{
		BEGIN;
		ALTER TABLE users ADD a int, ADD b int;
		ALTER TABLE users RENAME a TO c;
		CREATE INDEX ON users (id);
		CREATE TABLE parts (id int) PARTITION BY RANGE (id);
		CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1);
		DROP TABLE parts;
		SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
		 WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'expand_contract'::regnamespace
		   AND c.relname <> 'usage' AND c.relname <> 'usage_flush';
		SELECT sum(pg_stat_get_xact_numscans(oid)) FROM pg_class
		 WHERE relnamespace = 'expand_contract'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'usage%';
		ROLLBACK}),
	"0\n0", 'DDL locks and scans none of our tables');

$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'nothing has crashed');
done_testing();
