# Columns and tables that were renamed in the middle of a change, a real pg_dump and
# pg_restore after that, in each phase: ec_expand takes the mapping with the names of
# today, nothing has to be renamed back, and the change goes on to its end.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "expand_contract.stabilization_period = 0\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('original', 'restored');

my @phases = qw(dual_write backfilled verified cut_over quarantined);
my $all = q{'{backfill_complete, verified, old_reads, old_writes, dependents}'};

# A change within the table c_PHASE, and one from s_PHASE to t_PHASE.
sub expand
{
	my ($kind, $phase, $id, $old, $new, $source, $target) = @_;
	my ($json_id, $json_old) = map { /^"/ ? $_ : qq{"$_"} } $id, $old;
	my ($text_id, $text_old) = map { s/"/\\"/gr } $id, $old;

	return "SELECT ec_expand('$kind $phase', '$source', " . ($kind eq 'c'
		? qq{'{"$new": "upper($text_old)"}', '{$json_old: "lower($new)"}', key => '{$id}')}
		: qq{'{$json_id: "$text_id", "$new": "upper($text_old)"}', '{$json_id: "$text_id", $json_old: "lower($new)"}', target => '$target', key => '{$id}', old_columns => '{*}')});
}

my $sql = 'CREATE EXTENSION expand_contract;';
for my $phase (@phases)
{
	$sql .= qq{
		-- the dropped column is not in the dump: those behind it move up
		CREATE TABLE c_$phase (gone int, id int PRIMARY KEY, old text, new text CHECK (new <> 'BAD'));
		CREATE TABLE s_$phase (gone int, id int PRIMARY KEY, old text);
		CREATE TABLE t_$phase (id int PRIMARY KEY, gone int, new text CHECK (new <> 'BAD'));
		ALTER TABLE c_$phase DROP gone; ALTER TABLE s_$phase DROP gone; ALTER TABLE t_$phase DROP gone;
		INSERT INTO c_$phase (id, old) VALUES (1, 'a'), (2, 'b');
		INSERT INTO s_$phase (id, old) VALUES (1, 'a'), (2, 'b');
		@{[expand('c', $phase, 'id', 'old', 'new', "c_$phase")]}; @{[expand('s', $phase, 'id', 'old', 'new', "s_$phase", "t_$phase")]};};
}
$node->safe_psql('original', $sql);
for my $i (1 .. $#phases)
{
	for my $change ("c $phases[$i]", "s $phases[$i]")
	{
		my $job = $node->safe_psql('original', "SELECT ec_backfill_change('$change', delay_ms => 0)");
		$node->safe_psql('original', "CALL ec_wait($job)");
		$node->safe_psql('original', "SELECT ec_verify_change('$change')") if $i > 1;
		$node->safe_psql('original', "SELECT ec_cutover('$change')") if $i > 2;
		$node->safe_psql('original', "SELECT ec_contract('$change', $all)") if $i > 3;
	}
}
# a write that is still to be made, known by a key whose column gets another name
$node->safe_psql('original', "INSERT INTO $_ (id, old) VALUES (3, 'bad')") for ('c_dual_write', 's_dual_write');
for my $phase (@phases)
{
	my $q = $phase eq 'quarantined';

	$node->safe_psql('original', qq{
		ALTER TABLE c_$phase RENAME id TO "the id";
		ALTER TABLE c_$phase RENAME @{[$q ? 'old__quarantined' : 'old']} TO "old; one";
		ALTER TABLE c_$phase RENAME new TO fresh;
		ALTER TABLE c_$phase RENAME TO is_c_$phase;
		-- and the names of then are those of other columns
		ALTER TABLE is_c_$phase ADD id int DEFAULT 77, ADD old text DEFAULT 'decoy', ADD new text DEFAULT 'decoy';
		ALTER TABLE s_$phase@{[$q ? '__quarantined' : '']} RENAME id TO "the id";
		ALTER TABLE s_$phase@{[$q ? '__quarantined' : '']} RENAME old TO "old; one";
		ALTER TABLE t_$phase RENAME id TO "the id";
		ALTER TABLE t_$phase RENAME new TO fresh;
		ALTER TABLE t_$phase RENAME TO is_t_$phase;
		ALTER TABLE s_$phase@{[$q ? '__quarantined' : '']} RENAME TO is_s_$phase;
		ALTER TABLE is_s_$phase ADD id int DEFAULT 77;
		ALTER TABLE is_t_$phase ADD new text DEFAULT 'decoy'});
}

my $dump = $node->basedir . '/original.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('original'), '-f', $dump ], 'dump');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'restore');
is($node->safe_psql('restored', q{SELECT string_agg(change || ' ' || phase, ', ' ORDER BY change) FROM ec_changes}),
	join(', ', map { my $kind = $_; map { "$kind $_ $_" } sort @phases } qw(c s)), 'the phases are in the dump');

for my $phase (@phases)
{
	for my $kind ('c', 's')
	{
		my $change = "$kind $phase";
		my ($from, $to) = ("is_${kind}_$phase", $kind eq 'c' ? "is_c_$phase" : "is_t_$phase");
		my $old = '"old; one"';
		my (undef, undef, $stderr) = $node->psql('restored', expand($kind, $phase, 'id', 'old', 'new', $from, $to));

		like($stderr, qr/cannot be set up again while one of its columns has another name/, "$change: the names of then are those of other columns");
		if ($phase eq 'quarantined')
		{
			like($stderr, qr/HINT:  It is in quarantine: use (public\.)?ec_revert/, "$change: it is in quarantine");
			# its end gives back the name of before
			$node->safe_psql('restored', ($kind eq 'c' ? 'ALTER TABLE is_c_quarantined DROP old;' : '') . "SELECT ec_revert('$change')");
			$kind eq 'c' ? ($old = 'old') : ($from = 's_quarantined');
		}
		else
		{
			like($stderr, qr/HINT:  Give all columns the names of today/, "$change: the hint says so");
		}
		my $today = expand($kind, $phase, '"the id"', $old, 'fresh', $from, $to);
		is($node->safe_psql('restored', $today), 'expanded', "$change: the call with the names of today");
		is($node->safe_psql('restored', $today), 'unchanged', "$change: ... once");
		$node->safe_psql('restored', qq{
			INSERT INTO $from ("the id", $old) VALUES (10, 'ten');
			INSERT INTO $to ("the id", fresh) VALUES (11, 'ELEVEN');
			UPDATE $from SET $old = 'one' WHERE "the id" = 1});
		my $rows = qq{SELECT string_agg(concat(f."the id", ' ', f.$old, ' ', t.fresh), ', ' ORDER BY f."the id") FROM $from f JOIN $to t USING ("the id") WHERE f."the id" IN (1, 10, 11)};
		is($node->safe_psql('restored', $rows), '1 one ONE, 10 ten TEN, 11 eleven ELEVEN', "$change: writes go both ways");
		if ($phase eq 'dual_write')
		{
			is($node->safe_psql('restored', "SELECT key FROM ec_discrepancies WHERE change = '$change'"), '{"the id": 3}', "$change: what is to be made is known by the name of today");
			$node->safe_psql('restored', qq{ALTER TABLE $to DROP CONSTRAINT } . ($kind eq 'c' ? "c_${phase}_new_check" : "t_${phase}_new_check"));
			is($node->safe_psql('restored', "SELECT ec_reconcile('$change')"), '0', "$change: and is made");
		}
		my $job = $node->safe_psql('restored', "SELECT ec_backfill_change('$change', 'repair', delay_ms => 0)");
		$node->safe_psql('restored', "CALL ec_wait($job)");
		is($node->safe_psql('restored', "SELECT ok FROM ec_verify_change('$change')"), 't', "$change: verified");
		$node->safe_psql('restored', "SELECT ec_cutover('$change')") if $phase !~ /cut_over|quarantined/;
		$node->safe_psql('restored', "SELECT ec_contract('$change', $all, '0')");
		is($node->safe_psql('restored', "SELECT ec_contract('$change', $all, '0')"), 'contracted', "$change: contracted");
		is($node->safe_psql('restored', $kind eq 'c'
				? "SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'is_c_$phase'::regclass AND attnum > 0 AND NOT attisdropped"
				: "SELECT concat(to_regclass('$from'), to_regclass('is_t_$phase'))"),
			$kind eq 'c' ? ($phase eq 'quarantined' ? 'fresh id new the id' : 'fresh id new old the id') : "is_t_$phase", "$change: what goes is its own");
	}
}
done_testing();
