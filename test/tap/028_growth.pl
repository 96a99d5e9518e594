# What a migration costs grows with the migration, not with the history before it,
# and what a script costs grows with the number of its statements.
#
# Rows that indexes return are counted by the server, so they are exact.  Time is
# processor time of the backend, of a script and of one four times as long: what grows
# with the square takes sixteen times as long.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('growth');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');

# ------------------------------------------------------------ a long history

my $directory = PostgreSQL::Test::Utils::tempdir;
my $files = 300;

append_to_file(sprintf('%s/%04d_t.sql', $directory, $_), "CREATE TABLE t$_ (id integer);\n")
  for 1 .. $files;

# How many rows of the ledger its indexes and scans return.
sub rows_read
{
	return $node->safe_psql(
		'postgres', q{
		SELECT (SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE relname = 'schema_migrations')
		     + (SELECT seq_tup_read FROM pg_stat_all_tables WHERE relname = 'schema_migrations'
		           AND schemaname = 'expand_contract')});
}

# A session's last figures are there when it has ended.
sub wait_for_figures
{
	$node->poll_query_until('postgres',
		q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())});
	return;
}

for my $round (
	[ 'new', "$files of $files migrations were new" ],
	[ 'known', "0 of $files migrations were new" ])
{
	my ($name, $says) = @$round;
	my $before = rows_read();
	my (undef, undef, $stderr) = $node->psql('postgres', "CALL ec_apply_directory('$directory')");

	like($stderr, qr/$says/, "$name files");
	wait_for_figures();
	my $read = rows_read() - $before;
	cmp_ok($read, '<=', 20 * $files, "$name files: $read rows of the ledger read for $files files");
}

# ------------------------------------------------------------ long scripts

# What the process has used so far, in ns.
my $used = q{SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)};

sub processor_time
{
	my ($script) = @_;
	my $file = "$directory/script";

	unlink $file;
	append_to_file($file, $script);
	my $out = $node->safe_psql('postgres',
		"$used; BEGIN; SELECT ec_apply('9999', pg_read_file('$file')); ROLLBACK; $used");
	my ($begin, $answer, $end) = split /\n/, $out;
	is($answer, 'applied', 'a script of ' . length($script) . ' characters');
	return $end - $begin;
}

SKIP:
{
	my ($code) = $node->psql('postgres', $used);

	skip 'the system does not tell the time of a process', 1 if $code != 0;
	my %forms = (
		'one line' => sub {
			'CREATE TABLE l (a integer); ' . join(' ', map { "INSERT INTO l VALUES ($_);" } 1 .. $_[0]);
		},
		'a line each' => sub {
			"CREATE TABLE l (a integer);\n" . join("\n", map { "INSERT INTO l VALUES ($_); -- row" } 1 .. $_[0]);
		},
		'a block each' => sub {
			join("\n", map { "DO \$\$ BEGIN\nPERFORM $_;\nEND \$\$;" } 1 .. $_[0]);
		},
		'comments on one table' => sub {
			"CREATE TABLE l ();\n" . join("\n", map { "COMMENT ON TABLE l IS '$_';" } 1 .. $_[0]);
		},
		'one long line, many bytes a character' => sub {
			'CREATE TABLE l (a text); ' . join(' ', map { "INSERT INTO l VALUES ('\xC3\xA4$_');" } 1 .. $_[0]);
		});

	for my $name (sort keys %forms)
	{
		my $small = processor_time($forms{$name}->(3000));
		my $large = processor_time($forms{$name}->(12000));

		cmp_ok($large / $small, '<', 10,
			sprintf('%s: four times the statements take %.1f times as long', $name, $large / $small));
	}
}

# ------------------------------------------------------------ a changed character

for my $separator ("\n", ' ')
{
	my @statements = map { "INSERT INTO d VALUES ($_);" } 1 .. 5000;
	my $version = $separator eq ' ' ? '20002' : '20001';
	my $script = sub { join($separator, "CREATE TABLE IF NOT EXISTS d (a integer);", @statements) };

	$node->safe_psql('postgres', "SELECT ec_apply('$version', \$x\$" . $script->() . "\$x\$)");
	$statements[2500] =~ s/2501/2502/;
	my (undef, undef, $stderr) =
	  $node->psql('postgres', "SELECT ec_apply('$version', \$x\$" . $script->() . "\$x\$)");
	my ($detail) = $stderr =~ /(DETAIL:.*?)HINT/s;

	like($detail, qr/^- .*VALUES \(2501\);.*^\+ .*VALUES \(2502\);/ms, 'the difference is shown');
	cmp_ok(length($detail), '<', 700, 'and little else');
}

$node->stop;
done_testing();
