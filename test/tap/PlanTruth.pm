# The tables, the statements and the comparison of 110_plan.pl and 111_plan_random.pl.
package PlanTruth;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_truth check_cases check_recipes check_file read_files $odd);

# A name that has to be quoted everywhere.
our $odd = q{"a""b'c;--"};

# What is shared by the schemas of all cases.
my $shared = q{
	CREATE SCHEMA kinds;
	CREATE DOMAIN kinds.plain AS integer;
	CREATE DOMAIN kinds.positive AS integer CHECK (VALUE > 0);
	CREATE DOMAIN kinds.chance AS double precision DEFAULT random();
	CREATE TYPE kinds.mood AS ENUM ('sad', 'ok');
	CREATE TYPE kinds.pair AS (a integer, b integer);
	CREATE COLLATION kinds."Odd C" FROM "C";
	CREATE FUNCTION kinds.one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
};

# Each case has a schema with those of these tables that its script names.  They
# hold few rows, and the statistics say that they are large.
sub fixture
{
	my ($schema, $script) = @_;
	my $columns = qq{id integer NOT NULL, n integer, m integer, t text, c varchar(20), u uuid, d date, r kinds.pair,
		"Odd Name" integer, $odd integer};
	my $values = q{i, i, i, 't' || i, 'c' || i, NULL::uuid, date '2026-01-01' + i, ROW(1, 2)::kinds.pair, i, i};
	my $rows = "SELECT $values FROM generate_series";
	my $constraints = qq{
	ALTER TABLE HERE ADD CONSTRAINT late CHECK (m > 0) NOT VALID;
	ALTER TABLE HERE ADD CONSTRAINT early CHECK (n > 0);
	CREATE INDEX HERE_m ON HERE (m);
	CREATE UNIQUE INDEX HERE_u ON HERE (id);};
	my @tables = (
		[ qr/\btarget\b/, 'CREATE TABLE target (id integer PRIMARY KEY, n integer UNIQUE); INSERT INTO target SELECT i, i FROM generate_series(1, 20) i;' ],
		[ qr/\b(?:big|big_m|summary)\b/, "CREATE TABLE big ($columns); INSERT INTO big $rows(1, 20) i;" . $constraints =~ s/HERE/big/gr ],
		[ qr/\Q$odd\E/, "CREATE TABLE $odd ($columns); INSERT INTO $odd $rows(1, 20) i;" . $constraints =~ s/HERE_/odd_/gr =~ s/HERE/$odd/gr ],
		[ qr/\bparent\b/, "CREATE TABLE parent ($columns); CREATE TABLE heir () INHERITS (parent); INSERT INTO parent $rows(1, 20) i;
			INSERT INTO heir $rows(21, 30) i;" . $constraints =~ s/HERE/parent/gr ],
		[ qr/\bparted/, "CREATE TABLE parted ($columns) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
			CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (id);
			CREATE TABLE \"Part 2a\" PARTITION OF part_2 FOR VALUES FROM (10) TO (15); CREATE TABLE part_2b PARTITION OF part_2 FOR VALUES FROM (15) TO (100);
			INSERT INTO parted $rows(1, 20) i; CREATE INDEX parted_m ON parted (m);" ],
		[ qr/\benforced\b/, "CREATE TABLE named (id integer PRIMARY KEY); INSERT INTO named SELECT generate_series(1, 20); CREATE TABLE enforced ($columns); INSERT INTO enforced $rows(1, 20) i;
			ALTER TABLE enforced ADD CONSTRAINT later FOREIGN KEY (n) REFERENCES named ON DELETE CASCADE DEFERRABLE NOT ENFORCED; COMMENT ON CONSTRAINT later ON enforced IS 'kept'; ALTER TABLE enforced ADD CONSTRAINT \"n, then\" NOT NULL n NOT VALID;" ],
		[ qr/\bfleeting\b/, "CREATE UNLOGGED TABLE fleeting ($columns); INSERT INTO fleeting $rows(1, 20) i;" ],
		[ qr/\brest\b/, "CREATE TABLE rest ($columns) PARTITION BY RANGE (id); CREATE TABLE rest_1 PARTITION OF rest FOR VALUES FROM (0) TO (10);
			CREATE TABLE rest_default PARTITION OF rest DEFAULT; INSERT INTO rest $rows(1, 20) i; CREATE INDEX ON rest (n); CREATE UNIQUE INDEX ON rest (id, m);
			CREATE TABLE candidate ($columns); INSERT INTO candidate $rows(201, 220) i;" ],
		[ qr/\bsummary\b/, 'CREATE MATERIALIZED VIEW summary AS SELECT id, n FROM big; CREATE UNIQUE INDEX summary_id ON summary (id);' ]);
	my $sql = "CREATE SCHEMA $schema; SET search_path = $schema, kinds, public;";

	$sql .= $_->[1] for grep { $script =~ $_->[0] } @tables;
	$sql .= "UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relnamespace = '$schema'::regnamespace AND relkind IN ('r', 'm')";
	# one round trip
	$sql =~ s/;(?=\s)/\\;/g;
	return "$sql;\n";
}

sub start_truth
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf',
		"autovacuum = off\nfsync = off\ntimezone = 'UTC'\nmax_locks_per_transaction = 1024\nexpand_contract.backfill_delay = 0");
	$node->start;
	for my $database ('written', 'online', 'recipes')
	{
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		$node->safe_psql($database, "CREATE EXTENSION expand_contract; $shared");
	}
	return $node;
}

sub run_psql
{
	my ($node, $database, $sql) = @_;
	my ($output, $errors) = ('', '');

	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$sql, '>', \$output, '2>', \$errors) or BAIL_OUT("psql failed: $errors");
	return $output;
}

sub quoted { return '$truth$' . $_[0] . '$truth$'; }

# Runs a script for each case, after making its tables if the original scripts are
# given; returns the first error of each.
sub run_scripts
{
	my ($node, $database, $originals, @scripts) = @_;
	my $sql = "\\set ON_ERROR_STOP 0\n\\set VERBOSITY terse\nSET client_min_messages = error;\n";
	my (%errors, $case);
	my $output = '';

	for my $n (0 .. $#scripts)
	{
		$sql .= fixture("c$n", $originals->[$n]) if $originals;
		$sql .= "\\warn \@case $n\nSET search_path = c$n, kinds, public;\n$scripts[$n]\n";
	}
	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$sql, '>', \$output, '2>&1');
	for my $line (split /\n/, $output)
	{
		$case = $1 if $line =~ /^\@case (\d+)/;
		$errors{$case} //= $1 if defined $case && $line =~ /(?:ERROR|FATAL|PANIC):\s+(.*)/;
		BAIL_OUT("$database: $line") if !defined $case && $line =~ /ERROR:/;
	}
	return \%errors;
}

# A step as psql runs it.
sub step_sql
{
	my ($step) = @_;

	return "$step->{command} AS job \\gset\nCALL ec_wait(:job);" if $step->{kind} eq 'job';
	return "$step->{command};" if $step->{kind} eq 'top level';
	return "BEGIN;\n$step->{command};\nCOMMIT;";
}

# The definitions of each schema, or of one, as pg_dump writes them.
sub dump_of
{
	my ($node, $database, @schemas) = @_;
	my ($output, %of) = ('');
	my $schema = '';

	IPC::Run::run([ 'pg_dump', '-s', '--no-owner', (map { ('-n', $_) } @schemas), '-d', $node->connstr($database) ], '>', \$output)
	  or BAIL_OUT('pg_dump failed');
	# a key that is another one in each dump
	$output =~ s/^\\(?:un)?restrict .*$//mg;
	for my $block (split /\n(?=--\n-- Name: )/, $output)
	{
		$schema = $1 if $block =~ /; Schema: (c\d+);/;
		next unless $block =~ /; Schema: c\d+;/;
		push @{ $of{$schema} }, $block;
	}
	return { map { $_ => join("\n", sort @{ $of{$_} }) } keys %of };
}

# Validity and what pg_dump does not tell.
sub states_of
{
	my ($node, $database) = @_;
	my %of;
	my $output = run_psql(
		$node, $database, q{
		SELECT n.nspname, 'index ' || i.indexrelid::regclass, i.indisvalid, i.indisready FROM pg_index i
		  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname ~ '^c\d+$'
		UNION ALL SELECT n.nspname, 'constraint ' || c.conname || ' of ' || c.conrelid::regclass, c.convalidated, true FROM pg_constraint c
		  JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname ~ '^c\d+$'
		ORDER BY 1, 2});

	for my $line (split /\n/, $output)
	{
		my ($schema) = split /\|/, $line;
		$of{$schema} .= "$line\n";
	}
	return \%of;
}

sub first_difference
{
	my ($one, $other) = @_;
	my %in_one = map { $_ => 1 } split /\n/, $one;
	my %in_other = map { $_ => 1 } split /\n/, $other;
	my @only = ((map { "as written: $_" } grep { !$in_other{$_} } sort keys %in_one),
		(map { "online:     $_" } grep { !$in_one{$_} } sort keys %in_other));

	return join("\n", @only);
}

# Each script is run as it is written in one database, and step by step as
# ec_plan says in the other.  Both have to fail, or to end in the same catalog.
# Returns the number of scripts that ran online, and reports each difference.
sub check_cases
{
	my ($node, $name, @scripts) = @_;
	my $wanted = join('', map {
			"SET search_path = c$_, kinds, public;\nSELECT $_, json_agg(p ORDER BY step)::jsonb FROM ec_plan(" . quoted($scripts[$_]) . ") p;\n"
		} 0 .. $#scripts);
	my (%plan, @online, @bad);
	my $written = run_scripts($node, 'written', \@scripts, map { "BEGIN;\n$_\n;\nCOMMIT;" } @scripts);

	run_scripts($node, 'online', \@scripts, map { 'SELECT 1;' } @scripts);
	for my $line (split /\n/, run_psql($node, 'online', $wanted))
	{
		my ($n, $plan) = split /\|/, $line, 2;

		next unless defined $plan;
		$plan{$n} = decode_json($plan);
	}
	for my $n (0 .. $#scripts)
	{
		push @online, $n if @{ $plan{$n} } > 1 || $plan{$n}[0]{command} ne $scripts[$n];
	}
	my $errors = run_scripts($node, 'online', undef, map { join("\n", map { step_sql($_) } @{ $plan{$_} }) } 0 .. $#scripts);
	my ($dump, $other_dump) = (dump_of($node, 'written'), dump_of($node, 'online'));
	my ($state, $other_state) = (states_of($node, 'written'), states_of($node, 'online'));

	for my $n (0 .. $#scripts)
	{
		my $difference;

		if (defined $written->{$n})
		{
			note "fails: $scripts[$n]: $written->{$n}";
			$difference = "fails as written ($written->{$n}), but not online" if !defined $errors->{$n};
		}
		elsif (defined $errors->{$n})
		{
			$difference = "fails online: $errors->{$n}";
		}
		else
		{
			$difference = first_difference($dump->{"c$n"} . "\n" . $state->{"c$n"},
				$other_dump->{"c$n"} . "\n" . $other_state->{"c$n"});
		}
		next unless defined $difference && $difference ne '';
		push @bad, $n;
		diag("$scripts[$n]\n  " . join("\n  ", map { "$_->{kind}: $_->{command}" } @{ $plan{$n} }) . "\n$difference");
	}
	is(scalar @bad, 0, "$name: the same catalog as that of the statement as written");
	return scalar @online;
}

# What the lint prints for a script of one statement is run as it is printed, and
# has to end in the catalog of the statement as it is written, which check_cases
# has run.  Returns the number of scripts that have a recipe.
sub check_recipes
{
	my ($node, @scripts) = @_;
	my @single = grep { $scripts[$_] !~ /;\s*[A-Z]/ } 0 .. $#scripts;
	my $wanted = join('', map {
			# the advice to index a foreign key is about another statement
			"SET search_path = c$_, kinds, public;\nSELECT DISTINCT ON (rule <> 'unindexed_key') $_, to_jsonb(recipe) FROM ec_lint(" . quoted($scripts[$_])
			  . ") WHERE recipe IS NOT NULL AND rule <> 'unindexed_key';\n" } @single);
	my (%recipe, @bad);

	run_scripts($node, 'recipes', \@scripts, map { 'SELECT 1;' } @scripts);
	for my $line (split /\n/, run_psql($node, 'recipes', $wanted))
	{
		my ($n, $recipe) = split /\|/, $line, 2;

		$recipe{$n} = JSON::PP->new->allow_nonref->decode($recipe) if defined $recipe;
	}
	my $errors = run_scripts($node, 'recipes', undef, map { $recipe{$_} // 'SELECT 1;' } 0 .. $#scripts);
	my ($dump, $other_dump) = (dump_of($node, 'online'), dump_of($node, 'recipes'));
	my ($state, $other_state) = (states_of($node, 'online'), states_of($node, 'recipes'));

	for my $n (sort { $a <=> $b } keys %recipe)
	{
		my $difference = first_difference($dump->{"c$n"} . "\n" . $state->{"c$n"},
			$other_dump->{"c$n"} . "\n" . $other_state->{"c$n"});

		next if $difference eq '';
		push @bad, $n;
		diag("$scripts[$n]\n$recipe{$n}\n" . ($errors->{$n} // '') . "\n$difference");
	}
	is(scalar @bad, 0, 'the recipes, as printed: the same catalog');
	return scalar keys %recipe;
}

# Reads files of the form "== name" and what is in it, from a handle.
sub read_files
{
	my ($handle) = @_;
	my (@names, @files);

	for my $block (split /^== /m, do { local $/; <$handle> })
	{
		next unless $block =~ /\A(.+)\n(.*)\z/s;
		push @names, $block =~ s/\n.*//sr;
		push @files, $block =~ s/\A.*\n//r;
	}
	return (\@names, \@files);
}

# A migration file is run as psql runs it in one database, and by ec_migrate in the
# other.  Both have to fail, or to end in the same definitions and the same rows.
# HERE stands for the schema, in the file and in the fixture.  down: what is taken
# back without a script has to end in the definitions from before.  Returns whether
# the file had online steps.
sub check_file
{
	my ($node, $n, $name, $fixture, $text, %options) = @_;
	my $file = $text =~ s/\bHERE/c$n/gr;
	my $made = $fixture =~ s/\bHERE\b/c$n/gr;
	# as the tools do: what cannot run in a transaction is by itself
	my $written = $file =~ /^\s*(?:CREATE (?:UNIQUE )?INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY|VACUUM)/m ? $file : "BEGIN;\n$file\n;\nCOMMIT;";
	my $rows = $options{rows};
	my $path = "SET client_min_messages = error; SET search_path = c$n, kinds, public;";
	my $all = sub { join("\n", dump_of($node, $_[0], "c$n")->{"c$n"} // '', states_of($node, $_[0])->{"c$n"} // '', $rows ? run_psql($node, $_[0], $rows) : ''); };

	$node->safe_psql($_, $made) for ('written', 'online');
	my $before = $options{down} ? $all->('online') : '';
	my $plan = $node->safe_psql('online', "$path SELECT string_agg(kind || ': ' || command, chr(10) ORDER BY step) FROM ec_plan(\$file\$$file\$file\$)");
	my ($code, undef, $error) = $node->psql('written', "$path\n$written", on_error_stop => 1);
	# The lint has no say in phase contract.
	my ($other_code, undef, $other_error) =
	  $node->psql('online', "$path SET expand_contract.scope = 's$n'; CALL ec_migrate('1', \$file\$$file\$file\$, phase => 'contract')", on_error_stop => 1);

	if ($code == 0 && $other_code == 0)
	{
		is(first_difference($all->('written'), $all->('online')), '', $name) or diag("$file\n$plan");
	}
	else
	{
		# a constraint that does not hold, and the like
		ok($code != 0 && $other_code != 0, "$name: fails either way")
		  or diag("$file\nas written: $error\nonline: $other_error\n$plan");
	}
	if ($options{down} && $other_code == 0)
	{
		my ($back, undef, $why) = $node->psql('online',
			"$path SET expand_contract.scope = 's$n'; SELECT ec_rollback('1'); CALL ec_wait_migration('1')", on_error_stop => 1);

		# no inverse is known, or it needs what is gone
		if ($back == 0)
		{
			is(first_difference($before, $all->('online')), '', "$name: taken back") or diag("$file\n$plan");
		}
		else
		{
			like($why, qr/has no down script|cannot be rolled back/, "$name: has no way back");
		}
	}
	$node->safe_psql($_, "DROP SCHEMA c$n CASCADE") for ('written', 'online');
	return $plan =~ /CONCURRENTLY|NOT VALID|^job:/m ? 1 : 0;
}

1;
