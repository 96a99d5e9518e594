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

# Every name but the key's goes to a new column; the columns keep it after "real_".
sub reuse_names
{
	my ($database, $table) = @_;

	for my $name (grep { $_ ne 'id' } split / /, shape($database, $table))
	{
		$node->safe_psql($database,
			qq{ALTER TABLE $table RENAME "$name" TO "real_$name"; ALTER TABLE $table ADD "$name" text DEFAULT 'decoy'});
	}
}

sub dump_and_restore
{
	my ($from, $to) = @_;
	my $file = $node->basedir . "/$from.sql";

	$node->command_ok([ 'pg_dump', '-d', $node->connstr($from), '-f', $file ], "dump of $from");
	$node->safe_psql('postgres', "CREATE DATABASE $to");
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($to), '-f', $file ], "restore to $to");
}

my %tables = (
	plain => 'CREATE TABLE users (gone int, id int PRIMARY KEY, legacy text NOT NULL, unmapped text, email text);
			  ALTER TABLE users DROP gone',
	partitioned => 'CREATE TABLE users (gone int, id int PRIMARY KEY, legacy text NOT NULL, unmapped text, email text) PARTITION BY RANGE (id);
			  ALTER TABLE users DROP gone;
			  CREATE TABLE users_1 (email text, unmapped text, legacy text NOT NULL, id int NOT NULL);
			  ALTER TABLE users ATTACH PARTITION users_1 FOR VALUES FROM (0) TO (100)');
my $expand = q{SELECT ec_expand('email', 'users', '{"email": "lower(legacy)"}', '{"legacy": "email"}', old_columns => '{legacy, unmapped}')};

for my $kind (sort keys %tables)
{
	for my $phase ('dual_write', 'cut_over', 'quarantined')
	{
		my $from = "${kind}_$phase";
		my $to = "${from}_2";

		$node->safe_psql('postgres', "CREATE DATABASE $from");
		$node->safe_psql($from, "CREATE EXTENSION expand_contract; $tables{$kind}; $expand");
		$node->safe_psql($from, q{INSERT INTO users VALUES (1, 'A', 'unmapped')});
		$node->safe_psql($from, q{SELECT ec_cutover('email', '{backfill_complete, verified}')}) if $phase ne 'dual_write';
		$node->safe_psql($from, "SELECT ec_contract('email', $all, '0')") if $phase eq 'quarantined';
		reuse_names($from, 'users');
		dump_and_restore($from, $to);
		# once more, where the columns are known by their names alone
		reuse_names($to, 'users');

		my $suffix = $phase eq 'quarantined' ? '__quarantined' : '';
		is( $node->safe_psql($to, q{SELECT old_columns FROM ec_changes}),
			"{real_real_legacy$suffix,real_real_unmapped$suffix}",
			"$from: ec_changes knows them");

		# the call that sets up the change again must not take the others
		my ($status, $stdout, $stderr) = $node->psql($to, $expand);
		isnt($status, 0, "$from: ec_expand is refused while the names are others'");
		like($stderr, qr/cannot be set up again while a column of it has another name/, "$from: and says why");

		$node->safe_psql($to, q{SELECT ec_cutover('email', '{backfill_complete, verified}')}) if $phase eq 'dual_write';
		$node->safe_psql($to, "SELECT ec_contract('email', $all, '0')") if $phase ne 'quarantined';
		if ($phase eq 'quarantined')
		{
			$node->safe_psql($to, q{SELECT ec_revert('email')});
			like(shape($to, 'users'), qr/^id legacy unmapped real_real_email/, "$from: the right ones come back");
			$node->safe_psql($to, "SELECT ec_contract('email', $all, '0')");
		}
		is($node->safe_psql($to, "SELECT ec_contract('email', $all)"), 'contracted', "$from: contracted");
		is( shape($to, 'users'),
			"id real_real_email real_legacy$suffix real_unmapped$suffix real_email legacy$suffix unmapped$suffix email",
			"$from: the right columns have gone");
		is($node->safe_psql($to, 'SELECT real_real_email FROM users WHERE id = 1'), 'a', "$from: and the new one is there");
		$node->safe_psql('postgres', "DROP DATABASE $_") for ($from, $to);
	}
}

# A column that is dropped from the restored table is gone, whoever gets its name.
$node->safe_psql('postgres', 'CREATE DATABASE dropped');
$node->safe_psql('dropped', "CREATE EXTENSION expand_contract; $tables{plain}; $expand");
dump_and_restore('dropped', 'dropped_2');
$node->safe_psql('dropped_2', 'ALTER TABLE users DROP unmapped, ADD unmapped int');
is($node->safe_psql('dropped_2', 'SELECT old_columns FROM ec_changes'), '{legacy}', 'a dropped column is no old column');
$node->safe_psql('dropped_2', q{SELECT ec_cutover('email', '{backfill_complete, verified}')});
$node->safe_psql('dropped_2', "SELECT ec_contract('email', $all, '0')") for 1 .. 2;
is(shape('dropped_2', 'users'), 'id email unmapped', 'its namesake stays');

# So it is when the dump is made after that.
$node->safe_psql('postgres', 'CREATE DATABASE before');
$node->safe_psql('before', "CREATE EXTENSION expand_contract; $tables{plain}; $expand");
$node->safe_psql('before', 'ALTER TABLE users DROP unmapped; ALTER TABLE users ADD unmapped int');
dump_and_restore('before', 'after');
is($node->safe_psql($_, 'SELECT old_columns FROM ec_changes'), '{legacy}', "a dropped column is none, $_ the dump") for 'before', 'after';
$node->safe_psql('after', q{SELECT ec_cutover('email', '{backfill_complete, verified}')});
$node->safe_psql('after', "SELECT ec_contract('email', $all, '0')") for 1 .. 2;
is(shape('after', 'users'), 'id email unmapped', 'its namesake stays, after the dump');

# The way out that the refusal names.
dump_and_restore('dropped', 'again');
$node->safe_psql('again', 'ALTER TABLE users RENAME unmapped TO "Other; one"');
my $stderr = ($node->psql('again', $expand))[2];
like($stderr, qr/HINT:  Use (ALTER TABLE .*?), call ec_expand again/, 'ec_expand names a way out');
my ($way_out) = $stderr =~ /HINT:  Use (ALTER TABLE .*?), call ec_expand again/;
$node->safe_psql('again', $way_out);
is($node->safe_psql('again', $expand), 'expanded', 'which works');
$node->safe_psql('again', 'ALTER TABLE users RENAME unmapped TO "Other; one"; ALTER TABLE users ADD unmapped int');
is($node->safe_psql('again', $expand), 'unchanged', 'set up, the change does not depend on the names');
$node->safe_psql('again', q{SELECT ec_cutover('email', '{backfill_complete, verified}')});
$node->safe_psql('again', "SELECT ec_contract('email', $all, '0')") for 1 .. 2;
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
