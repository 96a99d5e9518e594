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
$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('postgres', 'CREATE DATABASE restored');

# the dropped column is not in the dump, so those behind it move up
my %define = (
	plain => 'CREATE TABLE NAME (gone int, id int PRIMARY KEY, legacy text NOT NULL, unmapped text, email text);
		ALTER TABLE NAME DROP gone',
	parts => 'CREATE TABLE NAME (gone int, id int PRIMARY KEY, legacy text NOT NULL, unmapped text, email text) PARTITION BY RANGE (id);
		ALTER TABLE NAME DROP gone;
		CREATE TABLE NAME_1 (email text, unmapped text, legacy text NOT NULL, id int NOT NULL);
		ALTER TABLE NAME ATTACH PARTITION NAME_1 FOR VALUES FROM (0) TO (100)');
my $all = q{'{backfill_complete, verified, old_reads, old_writes, dependents}'};
my $expand = q{SELECT ec_expand('NAME', 'NAME', '{"email": "lower(legacy)"}', '{"legacy": "email"}', old_columns => '{legacy, unmapped}')};
my $cutover = q{SELECT ec_cutover('NAME', '{backfill_complete, verified}')};
my $contract = "SELECT ec_contract('NAME', $all, '0')";
my $revert = q{SELECT ec_revert('NAME')};

# SQL for each of these tables and changes, which have the same name.
sub sql_for
{
	my ($sql, @names) = @_;

	return join '', map { ($sql =~ s/NAME/$_/gr) . ";\n" } @names;
}

my @dual_write = ('dual_write_plain', 'dual_write_parts');
my @cut_over = ('cut_over_plain', 'cut_over_parts');
my @quarantined = ('quarantined_plain', 'quarantined_parts');
my @renamed = (@dual_write, @cut_over, @quarantined);
my @plain = grep { /plain/ } @renamed;
my @dropped = ('dropped_before', 'dropped_after');

$node->safe_psql('original', q{
	CREATE EXTENSION expand_contract;
	-- every name but the key's goes to a new column; the columns keep it after a prefix
	CREATE PROCEDURE reuse_names(relation regclass, prefix text) LANGUAGE plpgsql AS $$
	DECLARE
		name name;
	BEGIN
		FOR name IN SELECT attname FROM pg_attribute
					 WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attname <> 'id' LOOP
			EXECUTE format('ALTER TABLE %s RENAME %I TO %I', relation, name, prefix || name);
			EXECUTE format('ALTER TABLE %s ADD %I text DEFAULT ''decoy''', relation, name);
		END LOOP;
	END $$;
	CREATE FUNCTION shape(relation regclass) RETURNS text LANGUAGE sql AS $$
		SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		 WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
	$$;
	CREATE TABLE orders (id int PRIMARY KEY, gone int, total text);
	ALTER TABLE orders DROP gone;
	CREATE TABLE orders_new (id int PRIMARY KEY, total text);
	SELECT ec_expand('orders', 'orders', '{"id": "id", "total": "total"}', '{"id": "id", "total": "total"}', target => 'orders_new');
	} . sql_for($define{plain}, @plain, @dropped, 'again')
	. sql_for($define{parts}, grep { /parts/ } @renamed)
	. sql_for($expand, @renamed, @dropped, 'again')
	. sql_for(q{INSERT INTO NAME VALUES (1, 'A', 'unmapped')}, @renamed)
	. sql_for($cutover, @cut_over, @quarantined, 'orders')
	. sql_for($contract, @quarantined, 'orders')
	. sql_for(q{CALL reuse_names('NAME', 'real_')}, @renamed)
	. q{
	ALTER TABLE dropped_before DROP unmapped;
	ALTER TABLE dropped_before ADD unmapped int;
	ALTER TABLE orders__quarantined RENAME TO real_orders;
	CREATE TABLE orders__quarantined (id int);
	ALTER TABLE orders_new RENAME total TO real_total;
	ALTER TABLE orders_new ADD total text});

my $file = $node->basedir . '/original.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('original'), '-f', $file ], 'dump');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $file ], 'restore');

# Once more, where the columns are known by their names alone.
$node->safe_psql('restored', sql_for(q{CALL reuse_names('NAME', 'still_')}, @renamed) . q{
	ALTER TABLE dropped_after DROP unmapped, ADD unmapped int;
	ALTER TABLE again RENAME unmapped TO "Other; one";
	ALTER TABLE orders_new RENAME real_total TO really_total;
	ALTER TABLE orders_new ADD real_total text});
is( $node->safe_psql('restored', q{SELECT change, old_columns FROM ec_changes WHERE change <> 'orders' ORDER BY 1}),
	join("\n",
		'again|{legacy,"Other; one"}',
		(map { "$_|{still_real_legacy,still_real_unmapped}" } 'cut_over_parts', 'cut_over_plain'),
		'dropped_after|{legacy}',
		'dropped_before|{legacy}',
		(map { "$_|{still_real_legacy,still_real_unmapped}" } 'dual_write_parts', 'dual_write_plain'),
		(map { "$_|{still_real_legacy__quarantined,still_real_unmapped__quarantined}" } 'quarantined_parts', 'quarantined_plain')),
	'the old columns are known, and not what has their names');

# The call that sets up the change again must not take other columns.
my $stderr = ($node->psql('restored', sql_for($expand, @renamed), on_error_stop => 0))[2];
my @refused = $stderr =~ /cannot be set up again while one of its columns has another name/g;
is(scalar @refused, scalar @renamed, 'ec_expand takes no other columns');
like($stderr, qr/HINT:  It is in quarantine: use ec_revert/, 'and says so of a quarantine');

$node->safe_psql('restored', sql_for($cutover, @dual_write, @dropped)
	. sql_for($contract, @dual_write, @cut_over, @dropped)
	. sql_for($revert, @quarantined));
is($node->safe_psql('restored', sql_for(q{SELECT shape('NAME') ~ '^id legacy unmapped still_real_email '}, @quarantined)),
	"t\nt", 'the right columns come back');
$node->safe_psql('restored', sql_for($contract, @quarantined) . sql_for($contract, @renamed, @dropped));
for my $suffix ('', '__quarantined')
{
	is( $node->safe_psql('restored', sql_for(q{SELECT shape('NAME')}, $suffix eq '' ? (@dual_write, @cut_over) : @quarantined)),
		join("\n", ("id still_real_email still_legacy$suffix still_unmapped$suffix still_email "
			  . "real_legacy$suffix real_unmapped$suffix real_email legacy$suffix unmapped$suffix email")
			x ($suffix eq '' ? 4 : 2)),
		"the right columns have gone $suffix");
}
is($node->safe_psql('restored', sql_for('SELECT still_real_email FROM NAME', @renamed)), join("\n", ('a') x 6), 'and the new ones are there');
is($node->safe_psql('restored', sql_for(q{SELECT shape('NAME')}, @dropped)), join("\n", ('id email unmapped') x 2),
	'the namesake of a column that was dropped stays');

# The way out that the refusal names.
my $again = $expand =~ s/NAME/again/gr;
$stderr = ($node->psql('restored', $again))[2];
like($stderr, qr/HINT:  Give all columns the names of today, "Other; one" in place of unmapped, in the same call/, 'ec_expand names a way out');
$again =~ s/unmapped/"Other; one"/;
is($node->safe_psql('restored', $again), 'expanded', 'which works');
is( $node->safe_psql('restored', qq{
	ALTER TABLE again ADD unmapped int;
	$again}),
	'unchanged', 'set up, the change does not depend on the names');
$node->safe_psql('restored', sql_for($cutover, 'again') . sql_for($contract, 'again') x 2);
is($node->safe_psql('restored', q{SELECT shape('again')}), 'id email unmapped', 'and the right columns go');

# Another table.
is( $node->safe_psql('restored', q{
	INSERT INTO orders_new (id, really_total, real_total, total) VALUES (1, 'right', 'wrong', 'wrong');
	SELECT total FROM real_orders}),
	'right', 'dual writes read the right column');
is($node->safe_psql('restored', sql_for($revert, 'orders') . 'SELECT total FROM orders'), "cut_over\nright", 'the right table comes back');
$node->safe_psql('restored', sql_for($contract, 'orders') x 2);
is( $node->safe_psql('restored',
		q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname ~ 'orders' AND relkind = 'r'}),
	'orders__quarantined orders_new', 'and the right one goes');

$node->stop;
done_testing();
