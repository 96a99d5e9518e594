# A dump, its restore, and the repeat of ec_expand that doc/dual_write.md asks for:
# where a unique index, a foreign key or NOT NULL has come to the new columns since
# the backfill; where functions, enum values, schemas and columns of the
# expressions have been renamed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('original', 'copy');

my $users  = q{SELECT ec_expand('email', 'users', '{"email": "lower(legacy)", "team": "grp"}', '{"legacy": "email", "grp": "team"}')};
my $orders = q{SELECT ec_expand('orders', 'orders', '{"id": "id", "label": "shop.label_of(name)"}', '{"id": "id", "name": "label"}', target => 'orders_new')};
$node->safe_psql(
	'original', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE groups (id int PRIMARY KEY);
	INSERT INTO groups VALUES (1);
	CREATE TABLE users (gone int, id int PRIMARY KEY, legacy text, email text, grp int, team int);
	ALTER TABLE users DROP gone;
	INSERT INTO users (id, legacy, grp) VALUES (1, 'Ada', 1);
	$users;
	CREATE SCHEMA shop;
	CREATE FUNCTION shop.label_of(name text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(name)';
	CREATE TABLE orders (id int PRIMARY KEY, name text);
	CREATE TABLE orders_new (id int PRIMARY KEY, label text);
	$orders;
	INSERT INTO orders VALUES (1, 'Box');
});
for my $change ('email', 'orders')
{
	my $job = $node->safe_psql('original', "SELECT ec_backfill_change('$change', delay_ms => 0)");
	$node->safe_psql('original', "CALL ec_wait($job)");
}

# what comes after the backfill, as the journey has it
$node->safe_psql(
	'original', q{
	CREATE UNIQUE INDEX users_email ON users (email);
	ALTER TABLE users ALTER email SET NOT NULL, ADD FOREIGN KEY (team) REFERENCES groups;
	CREATE UNIQUE INDEX orders_label ON orders_new (label);
});

my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('original'), '-f', $dump ], 'dump');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'restore');

for my $call ($users, $orders)
{
	is($node->safe_psql('copy', $call), 'expanded', 'the same call sets the change up, although an index has come since');
	is($node->safe_psql('copy', $call), 'unchanged', '... once');
}
is( $node->safe_psql(
		'copy', q{
		INSERT INTO users (id, legacy, grp) VALUES (2, 'Bob', 1);
		INSERT INTO orders VALUES (2, 'Can');
		INSERT INTO orders_new VALUES (3, 'dot');
		SELECT u.id, u.email, u.team FROM users u ORDER BY 1;
		SELECT o.id, o.name, n.label FROM orders o JOIN orders_new n USING (id) ORDER BY 1}),
	"1|ada|1\n2|bob|1\n1|Box|box\n2|Can|can\n3|dot|dot",
	'dual writes go on');
is($node->safe_psql('copy', "SELECT (ec_verify_change('$_')).ok"), 't', "$_ is verified") for ('email', 'orders');
done_testing();
