# The lint against the server: statements made from a grammar over tables of many
# shapes are linted, and then really run in a transaction that is rolled back.
# pg_locks, file numbers and the counters of scans are the judge.
#
# By default every fifth script runs; EC_TRUTH=all runs all of them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use LintTruth;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('truth');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\ntimezone = 'UTC'\nmax_locks_per_transaction = 256");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');
$node->safe_psql('postgres', fixture());

my @all = scripts(int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000));
my $step = ($ENV{EC_TRUTH} // '') eq 'all' ? 1 : 5;
my @numbers = grep { $_ % $step == 0 } 0 .. $#all;
my $input = "\\set ON_ERROR_STOP 0\nSET client_min_messages = error;\nSET expand_contract.online = off;\n";

sub quoted { return '$truth$' . $_[0] . '$truth$'; }

for my $number (@numbers)
{
	my @statements = @{ $all[$number] };
	my $script = quoted(join('; ', @statements));

	$input .= "\\echo \@case $number\n";
	$input .= "SELECT '\@lint|' || concat_ws('|', statement, rule, severity, coalesce(relation::text, ''), coalesce(lock_mode, ''), rewrites, scans) FROM ec_lint($script);\n";
	$input .= "SELECT '\@effect|' || concat_ws('|', statement, relation::text, coalesce(lock_mode, ''), rewrites, scans) FROM ec_effects($script);\nBEGIN;\n";
	# the counters are those of the session: look at them before as well
	for my $n (0 .. @statements)
	{
		$input .= "$statements[$n - 1];\n" if $n > 0;
		$input .= "SELECT '\@look|$n|' || concat_ws('|', name, coalesce(lock_mode, ''), file, scans) FROM judge.look();\n";
	}
	$input .= "ROLLBACK; RESET ALL; SET client_min_messages = error; SET expand_contract.online = off;\n";
}

my %files = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT name, file FROM judge.known');
my ($output, $errors) = ('', '');
IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$input, '>', \$output, '2>&1') or BAIL_OUT('psql failed');

my @cases = read_output($output);
my %total = map { $_ => [] } qw(found silent missed false);
my (@failed, @differences, $statements);

for my $number (@numbers)
{
	my $case = $cases[$number];
	my @statements = @{ $all[$number] };
	my $counts;

	# what fails stops nobody; that it would, other tests look at
	if (@{ $case->{errors} })
	{
		push @failed, "$case->{errors}[0]: " . join('; ', @statements);
		next;
	}
	$case->{files} = \%files;
	$case->{statements} = \@statements;
	push @differences, differences($case, @statements);
	$counts = verdict($case, @statements);
	$statements += @statements;
	push @{ $total{$_} }, @{ $counts->{$_} } for keys %total;
}

note "$statements statements: " . join(', ', map { "$_ " . @{ $total{$_} } } qw(found silent missed false));
note "missed: $_" for @{ $total{missed} };
note "false: $_" for @{ $total{false} };
note "effects: $_" for @differences;
note "these fail: $_" for @failed;
cmp_ok($statements, '>=', $step == 1 ? 500 : 100, 'statements were run');
is(scalar @{ $total{missed} }, 0, 'nothing that stops others was missed');
is(scalar @{ $total{false} }, 0, 'nothing was said to stop others that does not');
is(scalar @differences, 0, 'ec_effects knows every lock, scan and rewrite');

$node->stop;
done_testing();
