# Calls everything that can be called with everything that can be written down.
#
# Every function, procedure and view of the extension, as pg_proc and pg_class
# list them, is called with NULLs, with relations of every kind and with odd and
# hostile values, by roles of every kind, inside and outside of transactions; so
# are its trigger functions on foreign tables, the readers of its own tables
# after garbage was written into them, and its event triggers, by DDL.  Scripts
# whose tokens were shuffled go through whatever takes a script.
#
# Errors are what this provokes.  It fails
#   - when a process crashes or a connection is lost
#   - on an internal error (SQLSTATE XX000, XX001, XX002), in workers too, and on
#     the server's warnings of leaked resources
#   - when identity, search_path or another setting is not what it was before the
#     call, or a cursor, a prepared statement or an advisory lock is left
#   - when a call does not end
# and prints the session that did it, to be pasted into psql.
#
# Two servers run it at the same time, one of which preloads the library.
#
#	EC_FUZZ_SEED	a number; 1 unless set.  Sessions are the same for the same
#			seed, apart from what background workers do meanwhile.
#	EC_FUZZ_SECONDS	how long, 60 unless set; every function has had its turn by then
#	EC_FUZZ_CALLS	instead: how many calls on each server
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcFuzzValues;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{EC_FUZZ_SEED} || 1;
my $seconds = $ENV{EC_FUZZ_SECONDS} || 60;
my $max_calls = $ENV{EC_FUZZ_CALLS};

my $call_timeout = 60;    # seconds, for a loaded machine
my @users = (qw(postgres fuzz_owner fuzz_granted fuzz_plain fuzz_monitor fuzz_member), q{fuzz "a'b;--});

# Internal errors that the server itself raises for the same input without any
# help of ours.
my @servers_own = ();

# ---------------------------------------------------------------- servers

sub start_server
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', $_) for (
		'fsync = off', 'max_worker_processes = 16', 'log_min_messages = warning',
		"log_line_prefix = '%m [%p] %b %e '", 'log_min_error_statement = panic', 'log_statement = none',
		'restart_after_crash = off', @settings);
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE fuzz');
	$node->safe_psql('fuzz', 'CREATE EXTENSION expand_contract');
	my $result = IPC::Run::run(
		[ 'psql', '-Xq', '-d', $node->connstr('fuzz'), '-f', "$FindBin::RealBin/fixture.sql" ],
		'>', \my $out, '2>', \my $err);
	BAIL_OUT("the fixture failed: $err") if !$result;
	return { node => $node, name => $name, log_offset => 0, calls => 0 };
}

# Another session's temporary table, for as long as the test takes.
sub hold_temporary_table
{
	my ($server) = @_;

	$server->{holder_input} = "CREATE TEMP TABLE other_temp (id int PRIMARY KEY, a text, b text);\n";
	$server->{holder} = IPC::Run::start(
		[ 'psql', '-Xq', '-d', $server->{node}->connstr('fuzz') ],
		'<', \$server->{holder_input}, '>', \$server->{holder_output}, '2>', \$server->{holder_error});
	$server->{holder}->pump_nb;
	$server->{node}->poll_query_until('fuzz', q{SELECT count(*) = 1 FROM pg_class WHERE relname = 'other_temp'});
	return;
}

# ---------------------------------------------------------------- what there is

my (@functions, @views, @tables, @triggers, @event_triggers);

sub look_around
{
	my ($node) = @_;

	for my $line (
		split /\n/, $node->safe_psql(
			'fuzz', q{
		SELECT p.prokind, quote_ident(n.nspname), quote_ident(p.proname), format_type(p.prorettype, NULL),
		       (SELECT string_agg(coalesce(nullif(p.proargnames[i], ''), 'x'), ',' ORDER BY i)
		          FROM generate_series(1, coalesce(cardinality(p.proallargtypes), p.pronargs)) i
		         WHERE coalesce(p.proargmodes[i], 'i') IN ('i', 'b', 'v')),
		       (SELECT string_agg(format_type(t.type, NULL), ',' ORDER BY t.i) FROM unnest(p.proargtypes) WITH ORDINALITY t (type, i)),
		       p.pronargs - p.pronargdefaults
		  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		  JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
		 WHERE e.extname = 'expand_contract' ORDER BY 2, 3, 6}))
	{
		my ($kind, $schema, $name, $result, $names, $types, $required) = split /\|/, $line;
		my $function = {
			kind => $kind, name => "$schema.$name", required => $required,
			names => [ split /,/, $names // '' ], types => [ split /,/, $types // '' ],
			calls => 0, failures => 0 };

		push @functions, $function;
		push @triggers, $function if $result eq 'trigger';
		push @event_triggers, $function if $result eq 'event_trigger';
	}
	@views = map { { name => $_, calls => 0, failures => 0 } } split /\n/, $node->safe_psql('fuzz', relations_of('v'));
	for my $name (split /\n/, $node->safe_psql('fuzz', relations_of('r')))
	{
		my @columns = map { [ split /\|/ ] } split /\n/, $node->safe_psql('fuzz', qq{
			SELECT quote_ident(attname), format_type(atttypid, NULL) FROM pg_attribute
			 WHERE attrelid = '$name'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum});

		push @tables, { name => $name, columns => \@columns, calls => 0, failures => 0 };
	}
	return;
}

sub relations_of
{
	my ($kind) = @_;

	return qq{
		SELECT c.oid::regclass FROM pg_class c
		  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		  JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
		 WHERE e.extname = 'expand_contract' AND c.relkind = '$kind' ORDER BY c.oid::regclass::text COLLATE "C"};
}

# ---------------------------------------------------------------- statements

sub call_with
{
	my ($function, @values) = @_;
	my ($kind, $name) = @$function{qw(kind name)};
	my $list = join ', ', @values;

	return "CALL $name($list)" if $kind eq 'p';
	return "SELECT $name(" . ($list eq '' ? '*' : $list) . ') FROM generate_series(1, 3)' if $kind eq 'a';
	return "SELECT * FROM $name($list)";
}

# The value as an argument of that type; pseudo-types take their own.
sub argument
{
	my ($type, $value) = @_;

	return $value if $type =~ /^(?:"any"|anyelement)$/;
	return "($value)::$type";
}

sub random_call
{
	my ($function) = @_;
	my ($names, $types) = @$function{qw(names types)};
	my $count = @$types;
	my $any = value_of('anyelement', 'x');
	my (@values, $left_out);

	for my $i (0 .. $count - 1)
	{
		my ($name, $type) = ($names->[$i], $types->[$i]);

		if ($i >= $function->{required} && chance(55))
		{
			$left_out = 1;
			next;
		}
		my $value = $type eq 'anyelement' && chance(70) ? $any : value_of($type, $name);

		$value = argument($type, $value);
		push @values, $left_out ? qq{"$name" => $value} : $value;
	}
	return call_with($function, @values);
}

# Each kind of relation in the place of each argument that takes one, the others
# as they should be.
sub calls_with_relations
{
	my ($function) = @_;
	my @types = @{ $function->{types} };
	my @calls;

	for my $place (grep { $types[$_] =~ /^(?:regclass|oid)$/ } 0 .. $#types)
	{
		for my $relation (relations())
		{
			my @values = map {
				argument($types[$_], $_ == $place ? $relation : value_of($types[$_], $function->{names}[$_]))
			} 0 .. ($place >= $function->{required} ? $place : $function->{required} - 1);

			push @calls, call_with($function, @values);
		}
	}
	return @calls;
}

sub call_with_nulls
{
	my ($function) = @_;

	return call_with($function, map { argument($_, 'NULL') } @{ $function->{types} });
}

sub read_view
{
	my ($view) = @_;
	my $name = $view->{name};

	return pick("SELECT * FROM $name", "SELECT v FROM $name v", "SELECT count(*) FROM $name", "SELECT v::text, md5(v::text) FROM $name v ORDER BY 2");
}

sub script_call
{
	my $script = quote_literal(script_from());
	my $phase = quote_literal(pick(qw(expand contract)));
	my $allow = chance(30) ? q{, allow => '{out_of_order}'} : '';

	return pick(
		"SELECT * FROM ec_lint($script, $phase)", "SELECT ec_apply('g', $script, phase => $phase, dry_run => true$allow)",
		"SELECT ec_apply('g', $script, phase => $phase$allow)", "SELECT ec_apply('g', $script, $script)",
		"SELECT ec_apply_script('g', $script)", "SELECT * FROM ec_rehearse($script, $script)",
		"SELECT ec_apply('g', 'SELECT 1', $script); SELECT ec_rollback('g')");
}

my @writes = (
	"INSERT INTO f.fresh (id, a) SELECT i, 'x' FROM generate_series(1, 5) i", 'UPDATE f.fresh SET a = id', 'UPDATE f.fresh SET id = id + 10, b = NULL', 'DELETE FROM f.fresh WHERE id = 2',
	'TRUNCATE f.fresh', "INSERT INTO f.fresh (id, a) VALUES (3, 'y') ON CONFLICT (id) DO UPDATE SET a = 'z'", 'MERGE INTO f.fresh USING (SELECT 1 AS i) s ON id = s.i WHEN MATCHED THEN DELETE', 'SET CONSTRAINTS ALL IMMEDIATE');
my @fresh_tables = (
	'CREATE TABLE f.fresh (id int PRIMARY KEY, a text, b text)', 'CREATE TABLE f.fresh (id bigint PRIMARY KEY, a text, b text, c int, d numeric, j jsonb, ts timestamptz)',
	'CREATE TABLE f.fresh (x int, id int PRIMARY KEY, a text, b text); ALTER TABLE f.fresh DROP x', 'CREATE TABLE f.fresh (id int PRIMARY KEY, a text, b text GENERATED ALWAYS AS (a) STORED)',
	'CREATE TABLE f.fresh (id int PRIMARY KEY, a text, b text) PARTITION BY RANGE (id); CREATE TABLE f.fresh1 PARTITION OF f.fresh DEFAULT', 'CREATE TABLE f.fresh_base (id int PRIMARY KEY, a text, b text); CREATE VIEW f.fresh AS SELECT * FROM f.fresh_base',
	'CREATE TEMP TABLE fresh (id int PRIMARY KEY, a text, b text); CREATE VIEW f.fresh AS SELECT * FROM fresh', 'CREATE FOREIGN TABLE f.fresh (id int, a text, b text) SERVER fuzz', 'CREATE TABLE f.fresh (id int, a text, b text)', 'CREATE TABLE f.fresh (LIKE expand_contract.usage); ALTER TABLE f.fresh ADD id int, ADD a text, ADD b text');

# A trigger function of ours where it does not belong.
sub trigger_session
{
	my ($function) = @_;
	my $row = chance(60);
	my $when = pick(qw(BEFORE AFTER AFTER), 'INSTEAD OF');
	my $event = pick('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'INSERT OR UPDATE OR DELETE', 'UPDATE OF a');
	my $tables = $when ne 'AFTER' || !chance(50) ? ''
	  : $event eq 'INSERT' ? 'REFERENCING NEW TABLE AS n' : $event eq 'UPDATE' ? 'REFERENCING OLD TABLE AS o NEW TABLE AS n' : $event eq 'DELETE' ? 'REFERENCING OLD TABLE AS o' : '';
	my $constraint = $when eq 'AFTER' && $row && !$tables && chance(20);
	my $arguments = join ', ', map { quote_literal(pick('c_new', 'c_table', 'c_parted', 'c_kept', 'nothing', '', "x'y")) } 1 .. pick(0, 1, 1, 1, 1, 2);
	my $trigger = sprintf 'CREATE %s TRIGGER %s %s %s ON %s %s %s FOR EACH %s EXECUTE FUNCTION %s(%s)',
	  $constraint ? 'CONSTRAINT' : '', pick('x', '"~ec_c_new"', '"~ec_c_table_insert"'), $when, $event,
	  pick('f.fresh', 'f.fresh', 'f.fresh', 'f.t', 'f.t2', 'f.supers', 'expand_contract.usage'),
	  $constraint ? 'DEFERRABLE INITIALLY DEFERRED' : '', $tables, $row ? 'ROW' : 'STATEMENT', $function->{name}, $arguments;

	return (pick(@fresh_tables), $trigger, map { pick(@writes) } 1 .. 5);
}

sub event_trigger_session
{
	my ($function) = @_;
	my $event = pick(qw(ddl_command_start ddl_command_end sql_drop table_rewrite));

	return ("CREATE EVENT TRIGGER x ON $event EXECUTE FUNCTION $function->{name}()", map { ddl() } 1 .. 4);
}

sub ddl_session
{
	return ((map { ddl() } 1 .. 1 + rand 3), pick(read_view(pick(@views)), random_call(pick(@functions)), "UPDATE f.t SET a = 'q' WHERE id = 3", "INSERT INTO f.other VALUES (1000, 'x')"));
}

# Rows that nobody should have written, and then who reads them.
sub garbage_session
{
	my ($table) = @_;
	my @columns = @{ $table->{columns} };
	my @statements;

	push @statements, 'SET LOCAL session_replication_role = replica' if chance(15);
	for (1 .. 1 + rand 3)
	{
		my $column = pick(@columns);
		my $where = chance(30) ? '' : ' WHERE ctid = (SELECT ctid FROM ' . $table->{name} . ' OFFSET ' . int(rand 4) . ' LIMIT 1)';
		my $how = int rand 10;

		if ($how < 6)
		{
			push @statements, "UPDATE $table->{name} SET $column->[0] = " . argument($column->[1], value_of($column->[1], $column->[0])) . $where;
		}
		elsif ($how < 9)
		{
			push @statements, sprintf 'INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', $table->{name}, join(', ', map { $_->[0] } @columns),
			  join(', ', map { chance(15) ? 'DEFAULT' : argument($_->[1], value_of($_->[1], $_->[0])) } @columns);
		}
		else
		{
			push @statements, "DELETE FROM $table->{name}$where";
		}
	}
	push @statements, pick(
		sub { read_view(pick(@views)) }, sub { read_view(pick(@views)) }, sub { random_call(pick(@functions)) }, sub { random_call(pick(@functions)) },
		sub { "UPDATE f.t SET a = 'q', b = DEFAULT WHERE id = 3" }, sub { "INSERT INTO f.other VALUES (1000, 'x'); DELETE FROM f.other" }, sub { ddl() })->()
	  for 1 .. 4;
	return @statements;
}

# ---------------------------------------------------------------- sessions

my @session_settings = (
	q{SET search_path = ''}, 'SET search_path = f, public', 'SET standard_conforming_strings = off; SET escape_string_warning = off', 'SET row_security = off', q{SET DateStyle = 'German, DMY'},
	q{SET IntervalStyle = 'sql_standard'}, 'SET extra_float_digits = -15', 'SET quote_all_identifiers = on', 'SET array_nulls = off', 'SET transform_null_equals = on', q{SET bytea_output = 'escape'},
	'SET plan_cache_mode = force_generic_plan', 'SET default_transaction_isolation = serializable', q{SET default_transaction_isolation = 'repeatable read'}, 'SET default_transaction_read_only = on', q{SET work_mem = '64kB'},
	'SET default_transaction_deferrable = on', q{SET TimeZone = 'Europe/Berlin'}, 'SET check_function_bodies = off', 'SET synchronous_commit = off', q{SET client_encoding = 'LATIN1'}, 'SET enable_seqscan = off', 'SET backslash_quote = off',
	q{SET application_name = 'shop/2.4'}, q{SET xmloption = document}, q{SET default_table_access_method = 'heap'}, q{SET default_tablespace = 'pg_default'}, 'SET idle_in_transaction_session_timeout = 0', 'SET constraint_exclusion = on');
my @superuser_settings = ('SET session_replication_role = replica', 'SET ROLE fuzz_owner', 'SET SESSION AUTHORIZATION fuzz_owner', 'SET expand_contract.enable_modern_write = off', 'SET expand_contract.stabilization_period = 0', 'SET max_stack_depth = 100', 'SET ROLE fuzz_plain', 'SET track_functions = \'all\'', 'SET expand_contract.max_mismatches = 0');
my @planted = (
	'CREATE TEMP TABLE my_temp (id int PRIMARY KEY, a text, b text)', 'CREATE TEMP TABLE jobs (x int); CREATE TEMP VIEW usage AS SELECT 1 AS x', q{CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT 1/0::text'},
	q{CREATE TEMP TABLE pg_class (x int); CREATE TEMP TABLE pg_proc (y int)}, q{DECLARE mine CURSOR WITH HOLD FOR SELECT 1}, q{LISTEN expand_contract});

# The statements of one item, and how they are wrapped.
sub random_item
{
	my ($user) = @_;
	my $kind = rand 100;

	if ($user eq 'postgres')
	{
		if ($kind < 16) { my $t = pick(@tables); return ($t, 'transaction', garbage_session($t)); }
		if ($kind < 22) { my $t = pick(@triggers); return ($t, 'transaction', trigger_session($t)); }
		if ($kind < 25) { my $t = pick(@event_triggers); return ($t, 'transaction', event_trigger_session($t)); }
	}
	elsif ($kind < 5) { my $t = pick(@triggers); return ($t, 'transaction', trigger_session($t)); }
	if ($kind < 33) { return (undef, 'transaction', ddl_session()); }
	if ($kind < 45) { return (undef, pick('transaction', 'subtransaction', 'caught'), script_call()); }
	if ($kind < 52) { my $view = pick(@views); return ($view, pick('', 'transaction', 'read only', 'caught'), read_view($view)); }
	my $function = pick(@functions);
	my $context = $function->{name} =~ /ec_grant$/ ? 'transaction' : pick('', '', 'transaction', 'transaction', 'subtransaction', 'read only', 'caught', 'prepared', 'cursor');

	return ($function, $context, random_call($function));
}

sub wrapped
{
	my ($context, @statements) = @_;
	my $sql = join ";\n", @statements;
	my $try = sub { 'SELECT f.try(' . quote_literal($_[0]) . ')' };

	return "$sql;\n" if $context eq '';
	return "BEGIN;\n" . join('', map { "SAVEPOINT s;\n$_;\n" } @statements) . "ROLLBACK;\n" if $context eq 'transaction' && @statements > 1;
	return "BEGIN;\n$sql;\nSELECT 'inside';\nROLLBACK;\n" if $context eq 'transaction';
	return "BEGIN;\nSAVEPOINT s;\n$sql;\nROLLBACK TO s;\n$sql;\nROLLBACK;\n" if $context eq 'subtransaction';
	return "BEGIN READ ONLY;\n$sql;\nROLLBACK;\n" if $context eq 'read only';
	return "BEGIN;\n" . $try->($sql) . ";\n" . $try->($sql) . ";\nROLLBACK;\n" if $context eq 'caught';
	return "PREPARE fuzz AS $sql;\nEXECUTE fuzz;\nEXECUTE fuzz;\nDEALLOCATE fuzz;\n" if $context eq 'prepared' && $sql =~ /^SELECT/;
	return "BEGIN;\nDECLARE fuzz CURSOR FOR $sql;\nFETCH 1 FROM fuzz;\nFETCH ALL FROM fuzz;\nROLLBACK;\n" if $context eq 'cursor' && $sql =~ /^SELECT/;
	return "$sql;\n";
}

my $mark = 'fuzz-mark-7d1e';

# One psql of one role: [what is called, SQL] in order, behind a prelude.
sub session_text
{
	my ($prelude, $items) = @_;
	my $text = "\\set VERBOSITY verbose\nSET statement_timeout = '${call_timeout}s';\n$prelude\n\\echo $mark before\nSELECT f.state();\n";

	for my $i (0 .. $#$items)
	{
		my ($what, $sql) = @{ $items->[$i] };

		# Procedures wait for as long as they are told to.
		$sql = "SET statement_timeout = '50ms';\n${sql}ROLLBACK;\nSET statement_timeout = '${call_timeout}s';\n" if $sql =~ /^CALL /m;
		# A script may prepare statements; they stay, as they would without us.
		my $tidy = $sql =~ /\bPREPARE\b/i ? "ROLLBACK;\nDEALLOCATE ALL;\n" : "ROLLBACK;\n";

		$text .= "\\echo $mark $i\n$sql\\echo $mark state $i\n${tidy}SELECT f.state();\n";
	}
	return $text;
}

sub start_session
{
	my ($server, $session) = @_;

	$session->{server} = $server;
	$session->{output} = '';
	$session->{text} = session_text($session->{prelude}, $session->{items});
	$session->{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-U', $session->{user}, '-d', $server->{node}->connstr('fuzz') ],
		'<', \$session->{text}, '>&', \$session->{output}, IPC::Run::timeout(30 * $call_timeout));
	return;
}

# ---------------------------------------------------------------- judging

my (%failures, %shown);

sub fail_item
{
	my ($session, $item, $why, $detail) = @_;
	my ($what, $sql) = @$item;

	$failures{$session->{kind}}++;
	$what->{failures}++ if $what;
	# the same again says nothing new
	my $kind = join '|', $why, $what ? $what->{name} : '', $detail =~ /(XX\d+: [^0-9\n]*)/ ? $1 : '';
	return if $shown{$kind}++ >= 2;
	$detail = substr($detail, 0, 1500) . ' ...' if length $detail > 1500;
	diag("$why on the server $session->{server}{name}, seed $seed, session $session->{number}:\n"
		  . "-- psql -U '$session->{user}'\n$session->{prelude}\n$sql-- $why\n$detail");
	return;
}

sub is_servers_own
{
	my ($error) = @_;

	return grep { $error =~ $_ } @servers_own;
}

# What no call may lead to; undef when all is well.
sub verdict
{
	my ($sql, $output) = @_;

	return 'connection lost' if $output =~ /server closed the connection|connection to server was lost|server terminated abnormally/;
	return 'internal error' if grep { !is_servers_own($_) } $output =~ /((?:ERROR|FATAL|PANIC):  XX00\d.*)/g;
	return 'leak' if $output =~ /WARNING:.*(?:leak|SPI stack|not closed|you don't own a lock|refcount|still referenced)/;
	return 'hang' if $output =~ /57014: canceling statement due to statement timeout/ && $sql !~ /^CALL /m;
	return;
}

sub finish_session
{
	my ($session) = @_;
	my ($server, $items) = @$session{qw(server items)};
	my $ended = eval { $session->{handle}->finish; 1 };
	my ($head, %part) = ('');

	my @parts = split /^\Q$mark\E (.*)\n/m, $session->{output};
	shift @parts;
	%part = @parts;
	my $before = $part{before} // '';

	BAIL_OUT("no session of $session->{user}: $session->{output}") if $before eq '';
	for my $i (0 .. $#$items)
	{
		my $item = $items->[$i];
		my ($output, $state) = ($part{$i} // '', $part{"state $i"} // '');

		last if $output eq '' && $state eq '' && $i > 0 && $ended && !exists $part{$i};
		$server->{calls}++;
		$item->[0]{calls}++ if $item->[0];
		$session->{calls}++;
		my $why = verdict($item->[1], $output . $state);

		$state =~ s/^WARNING:  25P01.*\nLOCATION:.*\n//m;
		$why //= 'no end' if !$ended && !exists $part{"state $i"};
		$why //= 'state changed' if exists $part{"state $i"} && $state ne $before;
		fail_item($session, $item, $why, $why eq 'state changed' ? "before: ${before}after: $state" : $output . $state) if $why;
		$before = $state if $why;
		last if $why && $why =~ /connection lost|no end/;
	}
	check_log($session);
	return;
}

# What is nobody's statement: workers, and the end of a process.
sub check_log
{
	my ($session) = @_;
	my $server = $session->{server};
	my $log = slurp_file($server->{node}->logfile, $server->{log_offset});

	$server->{log_offset} += length $log;
	my @lines = grep {
		/PANIC|TRAP:|terminated by signal/
		  || !/client backend/ && /(?:ERROR|FATAL): / && / XX00\d /
		  || !/client backend/ && /WARNING:.*(?:leak|SPI stack|not closed|refcount|still referenced)/
	} split /\n/, $log;
	return if !@lines;
	fail_item($session, [ undef, join('', map { $_->[1] } @{ $session->{items} }) ], 'in the server log', join "\n", @lines);
	if (grep { /PANIC|TRAP:|terminated by signal/ } @lines)
	{
		done_testing();
		BAIL_OUT('the server has crashed');
	}
	return;
}

# ---------------------------------------------------------------- the run

my $number = 0;

sub run_everywhere
{
	my ($servers, $kind, $user, $prelude, @items) = @_;
	my @sessions = map { { kind => $kind, user => $user, prelude => $prelude, items => \@items, number => $number } } @$servers;

	start_session($servers->[$_], $sessions[$_]) for 0 .. $#$servers;
	finish_session($_) for @sessions;
	$number++;
	return;
}

sub random_session
{
	my ($servers) = @_;
	my $user = chance(35) ? 'postgres' : pick(@users);
	my @prelude;

	push @prelude, pick(@planted) if chance(20) && $user ne 'fuzz_monitor';
	push @prelude, pick(@session_settings) while chance(40);
	push @prelude, pick(@superuser_settings) if $user eq 'postgres' && chance(25);
	# Settings of the extension are known once its library is.
	push @prelude, 'SELECT expand_contract.launcher_running()' if grep { /SET expand_contract/ } @prelude;
	my @items = map { my ($what, $context, @statements) = random_item($user); [ $what, wrapped($context, @statements) ] } 1 .. 50;

	run_everywhere($servers, 'random', $user, join('', map { "$_;\n" } @prelude), @items);
	return;
}

$ENV{PGUSER} = 'postgres';
$ENV{PGCLIENTENCODING} = 'UTF8';
diag("seed $seed: EC_FUZZ_SEED=$seed repeats this run");
srand($seed);

my @servers = (start_server('plain'), start_server('preloaded', "shared_preload_libraries = 'expand_contract'"));
hold_temporary_table($_) for @servers;
look_around($servers[0]{node});
cmp_ok(scalar @functions, '>', 40, 'there are functions to call');
cmp_ok(scalar @views, '>', 8, 'and views to read');

my $started = time;

# Each function once with NULLs as each kind of role, each relation in each place
# that takes one, and each view as each role.
for my $user (@users)
{
	run_everywhere(\@servers, 'NULLs', $user, '',
		(map { [ $_, wrapped('caught', call_with_nulls($_)) ] } grep { $_->{kind} ne 'p' } @functions),
		(map { [ $_, wrapped('', call_with_nulls($_)) ] } grep { $_->{kind} eq 'p' } @functions),
		(map { [ $_, wrapped('transaction', read_view($_)) ] } @views));
}
for my $function (@functions)
{
	my @items = map { [ $function, wrapped($function->{kind} eq 'p' ? '' : 'transaction', $_) ] } calls_with_relations($function);

	run_everywhere(\@servers, 'relations', 'postgres', '', @items) if @items;
}
my $systematic = $servers[0]{calls};

while ($max_calls ? $servers[0]{calls} < $max_calls : time - $started < $seconds)
{
	srand($seed * 1_000_003 + $number);
	random_session(\@servers);
}

is($failures{NULLs} // 0, 0, 'everything with NULLs, by every role');
is($failures{relations} // 0, 0, 'every kind of relation where a relation is expected');
is($failures{random} // 0, 0, 'what comes to mind');
ok(!$_->{failures}, "$_->{name}: $_->{calls} calls") for @functions, @views;
ok(!$_->{failures}, "garbage in $_->{name}: $_->{calls} times") for @tables;
for my $server (@servers)
{
	is($server->{node}->safe_psql('fuzz', q{SELECT count(*) FROM expand_contract.jobs WHERE error_code LIKE 'XX%'}), '0', "$server->{name}: no job has failed of an internal error")
	  or diag($server->{node}->safe_psql('fuzz', q{SELECT kind, relation_name, parameters, error_code, error_message FROM expand_contract.jobs WHERE error_code LIKE 'XX%'}));
	$server->{holder_input} .= "\\q\n";
	$server->{holder}->finish;
	$server->{node}->stop;
	ok(1, "$server->{name}: $server->{calls} calls, $systematic of them systematic, in $number sessions");
}
done_testing();
