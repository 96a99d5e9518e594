# A change to another table from its backfill to the drop of the old one, while
# an old version of an application writes to the one and a new version to the
# other; and the way back from the quarantine.
use strict;
use warnings;

use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $self = $ENV{PGAPPNAME};
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 2s
	expand_contract.ignore_usage_from = '$self'
	expand_contract.backfill_delay = 1ms
});
$node->start;

sub sql { return $node->safe_psql('postgres', @_); }

sql(q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE orders (id int PRIMARY KEY, total text NOT NULL);
	CREATE TABLE orders_new (id int PRIMARY KEY, cents int NOT NULL);
	CREATE TABLE model (id int PRIMARY KEY, cents int NOT NULL);
	CREATE SEQUENCE ids START 501;
	CREATE ROLE clerk;
	GRANT SELECT ON orders TO clerk;
	INSERT INTO orders SELECT i, i::text FROM generate_series(1, 500) i;
	INSERT INTO model SELECT id, total::int * 100 FROM orders;
});

my %application;

# The row of the model is locked first, so that the two versions do not meet in
# the two tables.
sub application
{
	my ($name, $table, $column, $value) = @_;
	my $file = $node->basedir . '/' . ($name =~ s/\W/_/gr) . '.sql';
	my %run = (out => '', err => '');

	append_to_file($file, qq{
\\set id random(1, 500)
\\set r random(1, 100000)
BEGIN;
SELECT cents FROM model WHERE id = :id FOR UPDATE;
UPDATE $table SET $column = $value WHERE id = :id;
UPDATE model SET cents = :r * 100 WHERE id = :id;
COMMIT;
BEGIN;
SELECT nextval('ids') AS id \\gset new_
INSERT INTO model VALUES (:new_id, :r * 100);
INSERT INTO $table (id, $column) VALUES (:new_id, $value);
COMMIT;
BEGIN;
DELETE FROM model WHERE id = :new_id - 10;
DELETE FROM $table WHERE id = :new_id - 10;
COMMIT;
SELECT $column FROM $table WHERE id = :id;
\\sleep 5 ms
});
	$run{handle} = start(
		[
			'pgbench', '-n', '-M', 'prepared', '-c', '2', '-T', '600', '-f', $file,
			$node->connstr('postgres') . " application_name=$name"
		],
		'>', \$run{out}, '2>', \$run{err});
	$application{$name} = \%run;
	let_them_work();
	return;
}

sub let_them_work
{
	my $before = sql('SELECT last_value FROM ids');

	$node->poll_query_until('postgres', "SELECT last_value > $before + 20 FROM ids")
	  or BAIL_OUT('the applications do not go on');
	return;
}

sub has_met_no_error
{
	my ($name) = @_;
	my $run = $application{$name};

	$run->{handle}->pump_nb;
	is(join("\n", grep { !/^pgbench \(/ } split /\n/, $run->{err}), '', "$name has met no error");
	$run->{handle}->signal('TERM');
	$run->{handle}->finish;
	return;
}

sub data_is_right
{
	my ($when, $table, $cents) = @_;

	let_them_work();
	is( sql("SELECT count(*) FILTER (WHERE $cents IS DISTINCT FROM m.cents), count(*) >= 500 FROM $table t FULL JOIN model m USING (id)"),
		'0|t',
		"$table is what was written, $when");
	return;
}

sub gates_open
{
	$node->poll_query_until('postgres',
		q{SELECT bool_and(passed) FROM ec_gates('orders', 'contract')})
	  or BAIL_OUT(sql(q{SELECT gate, observed, hint FROM ec_gates('orders', 'contract') WHERE NOT passed}));
	return;
}

application('shop/1.0', 'orders', 'total', ':r');
sql(q{SELECT ec_expand('orders', 'orders', '{"id": "id", "cents": "total::int * 100"}', '{"id": "id", "total": "(cents / 100)::text"}', target => 'orders_new')});
my $job = sql(q{SELECT ec_backfill_change('orders')});
sql("CALL ec_wait($job)");
data_is_right('after the backfill', 'orders_new', 't.cents');
is(sql(q{SELECT ok FROM ec_verify_change('orders')}), 't', 'verified');
is(sql(q{SELECT ec_cutover('orders')}), 'cut_over', 'cut over');
application('shop/2.0', 'orders_new', 'cents', ':r * 100');
data_is_right('with both versions', 'orders_new', 't.cents');
data_is_right('with both versions', 'orders', 't.total::int * 100');

my ($code, $out, $err) = $node->psql('postgres', q{SELECT ec_contract('orders')});
like($err, qr/gates of contract: old_reads, old_writes/, 'the old version is in the way');
has_met_no_error('shop/1.0');
gates_open();
is(sql(q{SELECT ec_contract('orders', quarantine => '1 day')}), 'quarantined', 'in quarantine');
data_is_right('in quarantine', 'orders__quarantined', 't.total::int * 100');
is(sql(q{SELECT ec_revert('orders')}), 'cut_over', 'back from the quarantine');
data_is_right('after the way back', 'orders', 't.total::int * 100');
is(sql(q{SELECT has_table_privilege('clerk', 'orders', 'SELECT')}), 't', 'with its grants');
is(sql(q{SELECT ec_revert('orders')}), 'verified', 'back from the cutover');
data_is_right('after that', 'orders', 't.total::int * 100');
is(sql(q{SELECT ec_cutover('orders')}), 'cut_over', 'forward again');

gates_open();
($code, $out, $err) = $node->psql('postgres', q{SELECT ec_contract('orders', quarantine => '0')});
like($err, qr/These are: grant public\.orders to clerk, table constraint orders_pkey/, 'what goes with it is said');
is(sql(q{SELECT ec_contract('orders')}), 'contracted', 'contracted');
is(sql(q{SELECT to_regclass('orders') IS NULL AND to_regclass('orders__quarantined') IS NULL}), 't', 'the old table is gone');
data_is_right('in the end', 'orders_new', 't.cents');
has_met_no_error('shop/2.0');
is(sql(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders_new'::regclass}), '0', 'and so are the triggers');
is(sql(q{SELECT phase FROM ec_changes WHERE change = 'orders'}), 'contracted', 'the change is known still');

$node->stop;
done_testing();
