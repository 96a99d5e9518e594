# An extension whose owner is no superuser: he can write the expressions of
# changes, which run with the rights of writers and of the tables' owners.  They
# run for owners of tables only whose rights he has himself.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

sub as_role
{
	my ($role, $sql) = @_;
	my ($result, $stdout, $stderr) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);

	return $result == 0 ? $stdout : $stderr;
}

$node->safe_psql('postgres', q{
	CREATE ROLE dba SUPERUSER LOGIN;
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app, dba});
as_role('dba', 'CREATE EXTENSION expand_contract');
as_role('dba', q{SELECT ec_grant('app')});
as_role('app', q{
	CREATE TABLE users (id int PRIMARY KEY, old text, new text);
	CREATE TABLE strict (id int PRIMARY KEY, old text, new text);
	CREATE TABLE orders (id int PRIMARY KEY, old text);
	CREATE TABLE orders_new (id int PRIMARY KEY, new text);
	SELECT ec_expand('record', 'users', '{"new": "upper(old)"}', '{"old": "new"}');
	SELECT ec_expand('raise', 'strict', '{"new": "upper(old)"}', on_error => 'raise');
	SELECT ec_expand('orders', 'orders', '{"id": "id", "new": "upper(old)"}', target => 'orders_new');
	GRANT INSERT, SELECT ON users, strict, orders TO PUBLIC;
	INSERT INTO users VALUES (1, 'a');
	INSERT INTO orders VALUES (1, 'a')});
is($node->safe_psql('postgres', 'SELECT u.new, o.new FROM users u, orders_new o'), 'A|A', q{a superuser's extension computes for anybody});

# Who would run this would be told by the result.
$node->safe_psql('postgres', q{ALTER ROLE dba NOSUPERUSER});
is(as_role('dba', q{UPDATE expand_contract.change_columns SET expression = '(CURRENT_USER)::text' WHERE expression LIKE 'upper%'}),
	'', 'the owner of the extension writes an expression');

my $refused = qr/change "\w+" cannot run as role "app".*Role "dba" owns the extension/s;
for my $writer ('app', $node->safe_psql('postgres', 'SELECT current_user'))
{
	my $id = $writer eq 'app' ? 2 : 3;

	is(as_role($writer, "INSERT INTO users VALUES ($id, 'b') RETURNING new"), '', "on_error 'record': nothing is computed for $writer");
	like(as_role($writer, "INSERT INTO strict VALUES ($id, 'b')"), $refused, "on_error 'raise': refused to $writer");
	unlike(as_role($writer, "INSERT INTO orders VALUES ($id, 'b')"), qr/ERROR/, "to another table: the write of $writer stays");
}
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT change || ' ' || error_code, ', ' ORDER BY change || ' ' || error_code) FROM expand_contract.discrepancies}),
	'orders 42501, record 42501', 'and is recorded');
is($node->safe_psql('postgres', q{SELECT count(*) FROM orders_new WHERE id > 1}), 0, 'nothing was written');
like(as_role('app', "SELECT $_"), $refused, "$_ is refused")
  for "ec_verify_change('record')", "ec_verify_change('orders')", "ec_reconcile('record')", "ec_backfill_change('record')",
  q{ec_expand('record', 'users', '{"new": "upper(old)"}', '{"old": "new"}')},
  q{ec_expand('another', 'users', '{"new": "upper(old)"}')};

# Whose rights he has, he can run the code of anyway.
$node->safe_psql('postgres', 'GRANT app TO dba');
is(as_role('app', "INSERT INTO strict VALUES (4, 'b') RETURNING new"), 'app', 'a member of the role has its rights');

# Given back to a superuser, with the expression that was meant.
$node->safe_psql('postgres', q{
	REVOKE app FROM dba;
	ALTER ROLE dba SUPERUSER;
	UPDATE expand_contract.change_columns SET expression = 'upper(old)' WHERE expression LIKE '%CURRENT_USER%'});
like(as_role('app', "SELECT ec_reconcile('record')"), qr/^\d+$/, q{a superuser's extension reconciles});
is($node->safe_psql('postgres', q{SELECT string_agg(new, ' ' ORDER BY id) FROM users}), 'A B B', 'what was recorded');

$node->stop;
done_testing();
