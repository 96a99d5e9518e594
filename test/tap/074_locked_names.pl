# Anybody can have functions that name a table of his, and lock it: whoever looks
# for what depends on a column waits for one of them, and not for each.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# A hundred milliseconds for each are more than a minute and a half.
$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id int PRIMARY KEY, old text, new text);
	CREATE TABLE named (id int);
	CREATE FUNCTION user_of() RETURNS bigint LANGUAGE sql AS 'SELECT count(old) FROM users';
	DO $$ BEGIN FOR i IN 1 .. 1000 LOOP
		EXECUTE format('CREATE FUNCTION named_%s() RETURNS bigint LANGUAGE sql AS %L', i,
			'SELECT count(*) FROM (SELECT * FROM named) n');
	END LOOP; END $$});

my $dependents = q{
	SET statement_timeout = '60s';
	SELECT object, because FROM expand_contract.dependents('users'::regclass, '{2}') WHERE kind = 'function'};
my $user = 'public.user_of()|its body uses it, and would fail';
is($node->safe_psql('postgres', $dependents), $user, 'what names the column is found');

my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE named IN ACCESS EXCLUSIVE MODE');
is($node->safe_psql('postgres', $dependents), $user, 'and so it is while others name a table that is locked');
$holder->quit;

$node->stop;
done_testing();
