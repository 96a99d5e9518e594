# Random ALTER TABLEs over tables of several shapes: their steps, run one by one,
# end in the same catalog as the statements as they are written.
#
# EC_PLAN_CASES says how many (60), EC_PLAN_SEED which (chosen by chance).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PlanTruth;
use Test::More;

my $cases = $ENV{EC_PLAN_CASES} || 60;
my $seed = $ENV{EC_PLAN_SEED} || int(rand(1_000_000_000));

note "EC_PLAN_SEED=$seed";
srand($seed);

sub one_of { return $_[ int(rand(@_)) ]; }
sub maybe { return rand() < $_[0] ? $_[1] : ''; }

my @names = ('z', '"Z z"', '"z,)("', '"zażółć"', 'a_name_that_is_so_long_that_the_server_has_to_cut_what_it_makes');
my @columns = ('n', 'm', '"Odd Name"', $odd, 'id');

sub new_column
{
	my ($table, $name) = @_;
	my $type = one_of('integer', 'bigint', 'numeric(10, 2)', 'kinds.plain');
	my $text = one_of('text', 'varchar(40)', 'text COLLATE kinds."Odd C"');
	my $check = maybe(0.3, maybe(0.3, ' CONSTRAINT ' . one_of('own', '"Own, one"')) . " CHECK ($name > 0 AND " . one_of('true', 'n > 0') . ')');
	my $unique = maybe(0.2, ' UNIQUE' . maybe(0.3, ' DEFERRABLE'));
	my $key = maybe(0.2, ' REFERENCES target' . maybe(0.3, ' (n)') . maybe(0.3, ' ON DELETE CASCADE') . maybe(0.3, ' DEFERRABLE INITIALLY DEFERRED'));
	my $not_null = maybe(0.5, ' NOT NULL');

	$unique = '' if $table eq 'parted';
	return one_of(
		"$type$check$key$unique",
		"$type DEFAULT 5$not_null$check" . ($type eq 'integer' ? $key : ''),
		"$type DEFAULT (kinds.one() + 1)$not_null$check",
		"$type$not_null DEFAULT kinds.one()$check" . ($type eq 'integer' ? $key : ''),
		"uuid DEFAULT gen_random_uuid()$not_null$unique",
		"$text DEFAULT ('a,(' || random())$not_null",
		"$text DEFAULT 'x,'$not_null CHECK ($name <> ')')",
		'kinds.chance' . $not_null,
		'timestamptz DEFAULT clock_timestamp()' . $not_null,
		one_of('serial', 'bigserial', 'smallserial') . $check,
		$table =~ /^(?:parted|parent)$/ ? 'kinds.mood' : 'integer GENERATED ' . one_of('ALWAYS', 'BY DEFAULT') . ' AS IDENTITY' . maybe(0.4, ' (START 100 INCREMENT BY 2)') . $unique);
}

sub named { return maybe(0.4, 'CONSTRAINT ' . one_of('own_name', '"Own, name"', q{"own''("}) . ' '); }

sub statement
{
	my $table = one_of('big', 'big', $odd, 'parent', 'parted', 'fleeting');
	my @columns_left = sort { rand() <=> 0.5 } @columns;
	my @names_left = sort { rand() <=> 0.5 } @names;
	my ($has_name, $has_key, @commands) = (0, 0);

	for (1 .. one_of(1, 1, 2, 3, 4))
	{
		my $column = shift @columns_left;
		my $named = $has_name ? '' : named();
		my $kind = int(rand(9));

		$has_name = 1 if $kind >= 4 && $kind <= 7 && $named ne '';
		if ($kind <= 2 && @names_left) { my $name = shift @names_left; push @commands, one_of('ADD COLUMN ', 'ADD ') . "$name " . new_column($table, $name); }
		elsif ($kind == 3) { push @commands, "ALTER $column SET NOT NULL"; }
		elsif ($kind == 4) { push @commands, "ADD ${named}CHECK (" . one_of("$column > 0", "$column > 0 OR n IS NULL", "$column + n > 0") . ')' . maybe(0.2, ' NOT VALID'); }
		elsif ($kind == 5) { push @commands, "ADD ${named}FOREIGN KEY ($column) REFERENCES target" . maybe(0.4, ' (n)') . maybe(0.3, ' ON UPDATE SET NULL') . maybe(0.3, ' DEFERRABLE'); }
		elsif ($kind == 6) { push @commands, "ADD ${named}UNIQUE" . maybe(0.2, ' NULLS NOT DISTINCT') . ' (id' . ($column eq 'id' ? '' : ", $column") . ')' . maybe(0.3, ' INCLUDE (t)') . maybe(0.2, ' WITH (fillfactor = 60)'); }
		elsif ($kind == 7 && !$has_key) { $has_key = 1; push @commands, "ADD ${named}PRIMARY KEY (id" . ($column eq 'id' ? '' : ", $column") . ')'; }
		else { push @commands, one_of("ALTER $column SET DEFAULT 7", "ALTER COLUMN $column SET STATISTICS 99", 'ALTER t SET STORAGE EXTERNAL'); }
	}
	return "ALTER TABLE $table " . join(one_of(', ', ",\n\t/* , ( */ ", " -- it's\n, "), @commands);
}

my @scripts = map { statement() } 1 .. $cases;
my $node = start_truth('random');
my $online = check_cases($node, "seed $seed", @scripts);

note "$online of $cases ran online";
cmp_ok($online, '>=', 0.5 * $cases, 'at least half of them ran online');

$node->stop;
done_testing();
