# A dump and a restore give columns other numbers.  Which columns are a change's
# own is known all the same: by their names at the dump, and by what is done to
# these names in the restored database before ec_expand is called there again.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "expand_contract.stabilization_period = 0\n");
$node->start;
my $all = q{'{backfill_complete, verified, old_reads, old_writes}'};

sub shape
{
	my ($database, $table) = @_;

	return $node->safe_psql($database,
		"SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		  WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped");
}

# Every name but the key's goes to a new column; the columns keep it after a prefix.
sub reuse_names
{
	my ($database, $table, $prefix) = @_;

	$node->safe_psql($database, join ';', map {
		qq{ALTER TABLE $table RENAME "$_" TO "$prefix$_"; ALTER TABLE $table ADD "$_" text DEFAULT 'decoy'}
	} grep { $_ ne 'id' } split / /, shape($database, $table));
}

sub dump_and_restore
{
	my ($from, $to) = @_;
	my $file = $node->basedir . "/$from.sql";

	$node->command_ok([ 'pg_dump', '-d', $node->connstr($from), '-f', $file ], "dump of $from");
	$node->safe_psql('postgres', "CREATE DATABASE $to");
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($to), '-f', $file ], "restore to $to");
}

my $plain = 'CREATE TABLE users (gone int, id int PRIMARY KEY, legacy text NOT NULL, unmapped text, email text);
	ALTER TABLE users DROP gone';
my $partitioned = 'CREATE TABLE parts (gone int, id int PRIMARY KEY, legacy text NOT NULL, unmapped text, email text) PARTITION BY RANGE (id);
	ALTER TABLE parts DROP gone;
	CREATE TABLE parts_1 (email text, unmapped text, legacy text NOT NULL, id int NOT NULL);
	ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (0) TO (100)';

# A call for each of two changes, each named like its table.
sub on_both
{
	my ($call) = @_;

	return join ';', map { $call =~ s/TABLE/$_/gr } ('users', 'parts');
}

my $expand = q{SELECT ec_expand('TABLE', 'TABLE', '{"email": "lower(legacy)"}', '{"legacy": "email"}', old_columns => '{legacy, unmapped}')};
my $cutover = q{SELECT ec_cutover('TABLE', '{backfill_complete, verified}')};
my $contract = "SELECT ec_contract('TABLE', $all, '0')";

for my $phase ('dual_write', 'cut_over', 'quarantined')
{
	my $from = $phase;
	my $to = "${phase}_restored";
	my $suffix = $phase eq 'quarantined' ? '__quarantined' : '';

	$node->safe_psql('postgres', "CREATE DATABASE $from");
	$node->safe_psql($from, "CREATE EXTENSION expand_contract; $plain; $partitioned;" . on_both($expand));
	$node->safe_psql($from, on_both(q{INSERT INTO TABLE VALUES (1, 'A', 'unmapped')}));
	$node->safe_psql($from, on_both($cutover)) if $phase ne 'dual_write';
	$node->safe_psql($from, on_both($contract)) if $phase eq 'quarantined';
	reuse_names($from, $_, 'real_') for ('users', 'parts');
	dump_and_restore($from, $to);
	# once more, where the columns are known by their names alone
	reuse_names($to, $_, 'still_') for ('users', 'parts');
	is( $node->safe_psql($to, q{SELECT DISTINCT old_columns FROM ec_changes}),
		"{still_real_legacy$suffix,still_real_unmapped$suffix}",
		"$phase: ec_changes knows them");
	# the call that sets up the change again must not take the others
	like(
		($node->psql($to, $expand =~ s/TABLE/users/gr))[2],
		qr/cannot be set up again while a column of it has another name/,
		"$phase: ec_expand takes no other columns");

	$node->safe_psql($to, on_both($cutover)) if $phase eq 'dual_write';
	$node->safe_psql($to, on_both($contract)) if $phase ne 'quarantined';
	if ($phase eq 'quarantined')
	{
		$node->safe_psql($to, on_both(q{SELECT ec_revert('TABLE')}));
		like(shape($to, $_), qr/^id legacy unmapped still_real_email/, "$phase: the right columns of $_ come back")
		  for ('users', 'parts');
		$node->safe_psql($to, on_both($contract));
	}
	$node->safe_psql($to, on_both($contract));
	for my $table ('users', 'parts')
	{
		is( shape($to, $table),
			"id still_real_email still_legacy$suffix still_unmapped$suffix still_email "
			  . "real_legacy$suffix real_unmapped$suffix real_email legacy$suffix unmapped$suffix email",
			"$phase: the right columns of $table have gone");
		is($node->safe_psql($to, "SELECT still_real_email FROM $table WHERE id = 1"), 'a', "$phase: the new one is there");
	}
}

my $set_up = $expand =~ s/TABLE/users/gr;
my $cut_over = $cutover =~ s/TABLE/users/gr;
my $remove = $contract =~ s/TABLE/users/gr;

# A column that is dropped from the restored table is gone, whoever gets its name.
$node->safe_psql('postgres', 'CREATE DATABASE dropped');
$node->safe_psql('dropped', "CREATE EXTENSION expand_contract; $plain; $set_up");
dump_and_restore('dropped', 'dropped_2');
$node->safe_psql('dropped_2', 'ALTER TABLE users DROP unmapped, ADD unmapped int');
is($node->safe_psql('dropped_2', 'SELECT old_columns FROM ec_changes'), '{legacy}', 'a dropped column is no old column');
$node->safe_psql('dropped_2', $cut_over);
$node->safe_psql('dropped_2', $remove) for 1 .. 2;
is(shape('dropped_2', 'users'), 'id email unmapped', 'its namesake stays');

# So it is when the dump is made after that.
$node->safe_psql('postgres', 'CREATE DATABASE before');
$node->safe_psql('before', "CREATE EXTENSION expand_contract; $plain; $set_up");
$node->safe_psql('before', 'ALTER TABLE users DROP unmapped; ALTER TABLE users ADD unmapped int');
dump_and_restore('before', 'after');
is($node->safe_psql($_, 'SELECT old_columns FROM ec_changes'), '{legacy}', "a dropped column is none, $_ the dump") for 'before', 'after';
$node->safe_psql('after', $cut_over);
$node->safe_psql('after', $remove) for 1 .. 2;
is(shape('after', 'users'), 'id email unmapped', 'its namesake stays, after the dump');

# The way out that the refusal names.
dump_and_restore('dropped', 'again');
$node->safe_psql('again', 'ALTER TABLE users RENAME unmapped TO "Other; one"');
my $stderr = ($node->psql('again', $set_up))[2];
like($stderr, qr/HINT:  Use (ALTER TABLE .*?), call ec_expand again/, 'ec_expand names a way out');
my ($way_out) = $stderr =~ /HINT:  Use (ALTER TABLE .*?), call ec_expand again/;
$node->safe_psql('again', $way_out);
is($node->safe_psql('again', $set_up), 'expanded', 'which works');
$node->safe_psql('again', 'ALTER TABLE users RENAME unmapped TO "Other; one"; ALTER TABLE users ADD unmapped int');
is($node->safe_psql('again', $set_up), 'unchanged', 'set up, the change does not depend on the names');
$node->safe_psql('again', $cut_over);
$node->safe_psql('again', $remove) for 1 .. 2;
is(shape('again', 'users'), 'id email unmapped', 'and the right columns go');

# Another table: the names of tables, and of columns on both sides.
$node->safe_psql('postgres', 'CREATE DATABASE tables');
$node->safe_psql(
	'tables', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE orders (id int PRIMARY KEY, gone int, total text);
	ALTER TABLE orders DROP gone;
	CREATE TABLE orders_new (id int PRIMARY KEY, total text);
	SELECT ec_expand('orders', 'orders', '{"id": "id", "total": "total"}', '{"id": "id", "total": "total"}', target => 'orders_new');
	SELECT ec_cutover('orders', '{backfill_complete, verified}')});
$node->safe_psql('tables', "SELECT ec_contract('orders', $all, '0')");
$node->safe_psql('tables', q{
	ALTER TABLE orders__quarantined RENAME TO real_orders;
	CREATE TABLE orders__quarantined (id int);
	ALTER TABLE orders_new RENAME total TO real_total;
	ALTER TABLE orders_new ADD total text});
dump_and_restore('tables', 'tables_2');
$node->safe_psql('tables_2', q{
	ALTER TABLE orders_new RENAME real_total TO really_total;
	ALTER TABLE orders_new ADD real_total text;
	INSERT INTO orders_new (id, really_total, real_total, total) VALUES (1, 'right', 'wrong', 'wrong')});
is($node->safe_psql('tables_2', 'SELECT total FROM real_orders'), 'right', 'dual writes read the right column');
$node->safe_psql('tables_2', q{SELECT ec_revert('orders')});
is($node->safe_psql('tables_2', 'SELECT total FROM orders'), 'right', 'the right table comes back');
$node->safe_psql('tables_2', "SELECT ec_contract('orders', $all, '0')") for 1 .. 2;
is( $node->safe_psql('tables_2', q{SELECT string_agg(relname, ' ' ORDER BY 1) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'}),
	'orders__quarantined orders_new', 'and the right one goes');

$node->stop;
done_testing();
