# SQL expressions of every type: plausible, odd and hostile ones.
package EcFuzzValues;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(pick chance quote_literal value_of relations any_relation script_from hostile_text ddl);

sub pick { return $_[ rand @_ ]; }

sub chance { return rand(100) < $_[0]; }

# Right under either setting of standard_conforming_strings.
sub quote_literal
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return $text =~ s/\\/\\\\/g ? "E'$text'" : "'$text'";
}

my $bad_table = q{f."bad ""n'a;--} . "\nm`e\"";

# Every kind, by name; and what is not there at all.
my @named = (
	qw(f.t f.t2 f.other f.target f.copy f.parted f.part1 f.part2 f.part21 f.base f.child f.unlogged f.dropped f.typed
	  f.empty f.all_dropped f.kinds f.secured f.no_key f.wide f.supers f.v f.mv f.s f.ft f.t_pkey f.t_a f.parted_a
	  f.parted_pkey f.pair f.m1 f.schema_migrations f.flyway_schema_history f.goose_db_version pg_catalog.pg_class
	  pg_catalog.pg_authid pg_catalog.pg_stat_activity pg_catalog.pg_class_oid_index information_schema.columns
	  expand_contract.jobs expand_contract.changes expand_contract.usage public.ec_progress), $bad_table);
my @unnamed = (
	'0::oid', '4294967295::oid', '123456789::oid', '1::oid',
	q{(SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid = 'f.t'::regclass)},
	q{(SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = (SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid = 'f.t'::regclass))},
	q{(SELECT oid FROM pg_catalog.pg_class WHERE relname = 'other_temp' LIMIT 1)},
	q{(SELECT oid FROM pg_catalog.pg_class WHERE relname = 'my_temp' LIMIT 1)},
	q{'f.t'::regtype::oid}, q{'f.state()'::regprocedure::oid},
	q{'expand_contract'::regnamespace::oid});

sub relations
{
	return ((map { quote_literal($_) . '::pg_catalog.regclass' } @named), @unnamed);
}

sub any_relation
{
	return quote_literal(pick(qw(f.t f.t2 f.other f.parted f.base f.dropped), $bad_table)) . '::pg_catalog.regclass'
	  if chance(50);
	return pick(relations());
}

my @columns = ('id', 'a', 'b', 'c', 'd', 'nothing', '', 'ctid', 'A', '*', 'a ', 'c299', q{a "';--}, "b\n`", 'g', 'n', 'x');
my @changes = ('c_new', 'c_table', 'c_parted', "c_bad \"n'a;--\n`m`", 'c_kept', 'c_none', '');
my @versions = ('f1', 'f2', 'f3', 'f4', '0', '1.10', '', '999999999999999999999999999', 'V1__x', '../x');

my @hostile = (
	'', ' ', "'", '"', '\\', '`', '--', '/*', '*/', ';', '$$', '$1', '%', '%s%n', "\n", "\t", "\r\n", "\x01\x02\x1b[31m",
	"a\"b'c;--", "');DROP TABLE f.t;--", "x\n```\n# y", '<script>alert(1)</script>', '{', '}', '{}', '[]', 'null', 'NULL',
	"\xc3\xa9", "\xe2\x80\xae", "\xf0\x9f\x92\xa9", "\xef\xbb\xbf", "\xcc\x81" x 50, 'true', '-1', '1e400', '0x10', '01:00-05:00',
	'25:00-26:00', '01:00-01:00', '01:00-05:00,', ',', 'pg_catalog.pg_class', '(SELECT 1)', '1; SELECT 2', '$a$', 'E\'\\x00\'',
	'U&"\0041"', "U&'\\D800'", ':a', '?', "a\x{7f}b", 'x' x 63, 'x' x 64, 'x' x 1000, '(' x 300, '[' x 2000, ("\xc3\xa9" x 40));
my @hostile_expressions = (
	q{repeat('x', 100000)}, q{repeat('9', 3000)}, q{repeat('(', 20000)}, q{repeat('a,', 20000)}, q{repeat(E'\n', 5000)},
	q{repeat('SELECT 1;', 3000)}, q{repeat('NOT ', 20000) || 'true'}, q{repeat('1+', 5000) || '1'}, q{repeat('''', 9999)},
	q{E'\xff\xfe'}, q{convert_from('\xff', 'LATIN1')}, q{chr(1114111)}, q{repeat('`', 500)}, q{repeat('$$', 501)});

sub hostile_text
{
	return chance(80) ? quote_literal(pick(@hostile)) : pick(@hostile_expressions);
}

my @expressions = (
	'lower(a)', 'a', 'b', 'a || b', 'a = b', 'b = a', "b = 'x'", 'id', 'c + 1', 'upper(b)', 'NULL', '1', "'x'", 'now()::text', 'random()::text',
	'id / 0', 'nothing', 'f.nothing(a)', 'count(*)', 'row_number() OVER ()', '(SELECT a FROM f.t LIMIT 1)', 'EXISTS (SELECT 1)', 't', 't.*', '*',
	'ctid', 'tableoid', 'xmin', 'oid', 'generate_series(1, 3)', 'a COLLATE "C"', 'a::f.positive', 'CASE WHEN a IS NULL THEN b ELSE a END',
	'$1', 'DEFAULT', 'a, b', '(a, b)', 'ROW(a, b)', 'ARRAY[a, b]', 'current_user', 'CURRENT_TIMESTAMP', 'a = a; DELETE FROM f.t',
	'a = b, a = b', 'b = lower(a), c = 1', 'id = id + 1', 'b = a WHERE true', '(a, b) = (b, a)', 'a[1] = b', 'true', 'false', 'b IS NULL', 'a IS DISTINCT FROM b',
	'f.state()', 'pg_sleep(0)', 'a::int', "'{}'::jsonb", "xmlparse(document a)", 'VARIADIC a', 'a OPERATOR(pg_catalog.||) b', 'GROUPING(a)',
	"U&'\\0041'", '', ' ', '--', '/*', 'a --', 'a /* x', ';', "'", '"', '(a', 'a)', 'a b');

my @statements = (
	'ALTER TABLE f.t ADD x int', 'ALTER TABLE f.t ADD COLUMN IF NOT EXISTS x int NOT NULL DEFAULT 1', 'ALTER TABLE f.t DROP COLUMN c',
	'ALTER TABLE f.t ALTER c TYPE bigint USING c::bigint, ALTER c SET NOT NULL', 'ALTER TABLE f.t RENAME a TO z', 'ALTER TABLE f.t RENAME TO u',
	'ALTER TABLE f.parted ADD CONSTRAINT k CHECK (k > 0) NOT VALID', 'ALTER TABLE f.parted VALIDATE CONSTRAINT k',
	'ALTER TABLE f.t ADD UNIQUE (c)', 'ALTER TABLE f.t ADD PRIMARY KEY USING INDEX t_a', 'ALTER TABLE f.t ADD FOREIGN KEY (id) REFERENCES f.t2',
	'ALTER TABLE f.t ALTER id ADD GENERATED ALWAYS AS IDENTITY', 'ALTER TABLE f.parted DETACH PARTITION f.part1', 'ALTER TABLE f.parted DETACH PARTITION f.part1 CONCURRENTLY',
	'ALTER TABLE f.parted ATTACH PARTITION f.part1 FOR VALUES IN (1)', 'CREATE TABLE f.new (id serial PRIMARY KEY, a text REFERENCES f.t, CHECK (id > 0))',
	'CREATE TABLE f.part9 PARTITION OF f.parted FOR VALUES IN (9)', 'CREATE TABLE f.like (LIKE f.t INCLUDING ALL)', 'CREATE TABLE f.as AS SELECT * FROM f.t',
	'CREATE INDEX CONCURRENTLY t_c ON f.t (c) INCLUDE (a) WHERE c > 1', 'CREATE UNIQUE INDEX t_l ON f.t (lower(a) text_pattern_ops DESC)', 'DROP INDEX CONCURRENTLY f.t_a',
	'DROP INDEX IF EXISTS f.t_a, f.nothing', 'REINDEX TABLE CONCURRENTLY f.t', 'REINDEX (TABLESPACE pg_default) INDEX f.t_a', 'DROP TABLE IF EXISTS f.t, f.nothing CASCADE',
	'TRUNCATE f.t RESTART IDENTITY CASCADE', 'UPDATE f.t SET b = a WHERE id < 5', 'DELETE FROM f.t USING f.t2 WHERE f.t.id = f.t2.id', 'INSERT INTO f.t SELECT * FROM f.t ON CONFLICT DO NOTHING',
	'MERGE INTO f.t USING f.t2 ON f.t.id = f.t2.id WHEN MATCHED THEN UPDATE SET a = f.t2.a WHEN NOT MATCHED THEN DO NOTHING', 'WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 3) SELECT * FROM x',
	'SELECT 1', 'VALUES (1), (2)', 'TABLE f.t', 'SET search_path = f', 'SET LOCAL lock_timeout = 1', 'RESET ALL', 'SET ROLE fuzz_owner', 'SET SESSION AUTHORIZATION DEFAULT', 'SET CONSTRAINTS ALL DEFERRED',
	'SET TRANSACTION READ ONLY', 'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT a', 'RELEASE a', "PREPARE TRANSACTION 'x'", 'PREPARE p AS SELECT 1', 'EXECUTE p', 'DEALLOCATE ALL', 'DISCARD ALL', 'DISCARD TEMP',
	'DECLARE k CURSOR WITH HOLD FOR SELECT 1', 'FETCH ALL FROM k', 'CLOSE ALL', 'LISTEN x', "NOTIFY x, 'y'", 'UNLISTEN *', 'LOCK TABLE f.t IN ACCESS EXCLUSIVE MODE NOWAIT', 'VACUUM (ANALYZE, FREEZE) f.t', 'ANALYZE f.t (a)',
	'CLUSTER f.t USING t_a', 'REFRESH MATERIALIZED VIEW CONCURRENTLY f.mv', 'CREATE VIEW f.v2 WITH (security_barrier) AS SELECT * FROM f.t WITH CHECK OPTION', 'CREATE OR REPLACE VIEW f.v AS SELECT id, a, b FROM f.t2', 'DROP VIEW f.v',
	'CREATE MATERIALIZED VIEW f.mv2 AS SELECT 1 WITH NO DATA', "DO \$\$BEGIN RAISE EXCEPTION 'x'; END\$\$", "CREATE FUNCTION f.g(a int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a'", 'CREATE FUNCTION f.h() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END',
	"CREATE FUNCTION f.tg() RETURNS trigger LANGUAGE plpgsql AS \$x\$ BEGIN RETURN NULL; END \$x\$", 'CREATE TRIGGER tg BEFORE UPDATE OF a ON f.t FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a) EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'DROP TRIGGER "~ec_c_new" ON f.t', 'ALTER TABLE f.t DISABLE TRIGGER ALL', 'CREATE RULE r AS ON INSERT TO f.t2 DO ALSO NOTHING', 'CREATE POLICY p ON f.t USING (a = current_user)', 'ALTER TABLE f.t ENABLE ROW LEVEL SECURITY', 'ALTER TABLE f.t FORCE ROW LEVEL SECURITY',
	"CREATE TYPE f.e AS ENUM ('a')", "ALTER TYPE f.mood ADD VALUE 'ugly' BEFORE 'bad'", 'ALTER TYPE f.pair ADD ATTRIBUTE c int CASCADE', 'CREATE DOMAIN f.dd AS int NOT NULL', 'ALTER DOMAIN f.positive ADD CHECK (VALUE > 1) NOT VALID', 'CREATE SEQUENCE f.s2 OWNED BY f.t.id', 'ALTER SEQUENCE f.s RESTART 5',
	'CREATE SCHEMA f2 CREATE TABLE x (id int) CREATE VIEW y AS SELECT 1', 'DROP SCHEMA f CASCADE', 'ALTER SCHEMA f RENAME TO f3', 'GRANT SELECT (a) ON f.t TO PUBLIC WITH GRANT OPTION', 'REVOKE ALL ON f.t FROM PUBLIC CASCADE', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC', 'REASSIGN OWNED BY fuzz_plain TO fuzz_owner', 'DROP OWNED BY fuzz_plain',
	"COMMENT ON COLUMN f.t.a IS 'x'", "SECURITY LABEL ON TABLE f.t IS 'x'", 'CREATE STATISTICS f.st (ndistinct) ON a, b FROM f.t', 'ALTER TABLE f.t ALTER a SET STATISTICS 10, ALTER a SET STORAGE PLAIN, ALTER a SET (n_distinct = 3)', 'ALTER TABLE f.t SET (fillfactor = 50)', 'ALTER TABLE f.t REPLICA IDENTITY FULL', 'ALTER TABLE f.t SET UNLOGGED',
	'ALTER TABLE f.t SET TABLESPACE pg_default', 'ALTER TABLE f.child NO INHERIT f.base', 'ALTER TABLE f.typed NOT OF', 'ALTER TABLE f.t OWNER TO fuzz_member', 'ALTER TABLE f.t SET SCHEMA public', 'ALTER INDEX f.t_a RENAME TO t_aa', 'ALTER INDEX f.parted_a ATTACH PARTITION f.part1_a_idx', 'ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_default NOWAIT',
	'CREATE EXTENSION IF NOT EXISTS plpgsql', 'CREATE PUBLICATION pu FOR TABLE f.t (a) WHERE (a IS NOT NULL)', 'CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION f.nothing()', 'CREATE FOREIGN TABLE f.ft2 PARTITION OF f.parted FOR VALUES IN (8) SERVER fuzz', 'IMPORT FOREIGN SCHEMA x FROM SERVER fuzz INTO f', 'CREATE CAST (int AS f.mood) WITH INOUT', 'CREATE OPERATOR f.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)',
	'CREATE AGGREGATE f.ag (int) (sfunc = int4pl, stype = int)', 'CREATE COLLATION f.co FROM "C"', 'CREATE TEMP TABLE tt (id int) ON COMMIT DROP', 'SELECT * INTO f.si FROM f.t', 'EXPLAIN (ANALYZE) CREATE TABLE f.ex AS SELECT 1', 'COPY f.t TO STDOUT', "CALL f.nothing()", 'CHECKPOINT', 'LOAD \'plpgsql\'', "SELECT ec_flag('x')", 'ALTER TABLE f."bad ""n\'a;--' . "\nm`e\" RENAME \"b\n`\" TO b2");

# What the server's event triggers see.
my @ddl = (grep { !/^(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PREPARE TR|DISCARD|CHECKPOINT|LOAD|COPY|PREPARE|DEALLOCATE|EXECUTE|VACUUM|CLUSTER|SET ROLE|SET SESS)|CONCURRENTLY/ } @statements);

sub ddl
{
	my @more = (
		'ALTER TABLE f.t DROP COLUMN b', 'ALTER TABLE f.t DROP COLUMN a CASCADE', 'ALTER TABLE f.other DROP COLUMN id', 'DROP TABLE f.target', 'DROP TABLE f.other', 'ALTER TABLE f.target RENAME b TO bb',
		'CREATE UNIQUE INDEX ON f.t (b)', 'ALTER TABLE f.t ADD UNIQUE (b)', 'ALTER TABLE f.parted DETACH PARTITION f.part2', 'DROP TABLE f.part1', 'DROP TABLE f.parted', 'CREATE TABLE f.part3 PARTITION OF f.parted FOR VALUES IN (3) PARTITION BY HASH (id)',
		'ALTER TABLE f.t ALTER b TYPE varchar(3)', 'ALTER TABLE f.t2 RENAME b TO bb', 'DROP EXTENSION expand_contract CASCADE', 'DROP OWNED BY fuzz_owner CASCADE', 'ALTER TABLE expand_contract.changes ADD x int', 'DROP TABLE expand_contract.usage CASCADE',
		'DROP TABLE expand_contract.changes CASCADE', 'ALTER TABLE expand_contract.jobs DROP COLUMN settings CASCADE', 'ALTER TABLE expand_contract.usage RENAME readers TO r2', 'DROP ROLE fuzz_plain', 'ALTER ROLE fuzz_owner RENAME TO fuzz_owner2', 'ALTER TABLE f.other OWNER TO postgres', 'ALTER TABLE f.t ENABLE REPLICA TRIGGER ALL');
	return pick(@ddl, @more);
}

# Tokens, by and large as the server sees them.
sub tokens_of
{
	my ($script) = @_;

	return $script =~ /(\$\w*\$|'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|--|[^\w\s])/g;
}

sub mutated
{
	my ($script) = @_;
	my @tokens = tokens_of($script);

	for (1 .. 1 + rand 4)
	{
		last if !@tokens;
		my ($i, $j) = (int rand @tokens, int rand @tokens);
		my $how = int rand 6;

		if ($how == 0) { splice @tokens, $i, 1 }
		elsif ($how == 1) { @tokens[ $i, $j ] = @tokens[ $j, $i ] }
		elsif ($how == 2) { splice @tokens, $i, 0, $tokens[$j] }
		elsif ($how == 3) { splice @tokens, $i, 0, ' ', pick(tokens_of(pick(@statements))), ' ' }
		elsif ($how == 4) { $tokens[$i] = pick(@hostile) }
		else { splice @tokens, $i, 1 + rand 4 }
	}
	return join '', @tokens;
}

# A script of one to four statements, as it is or mutated.
sub script_from
{
	my $script = join(pick(";\n", '; ', ";;\n-- x\n"), map { pick(@statements) } 1 .. 1 + rand 4);

	$script = "-- ec:up\n$script;\n-- ec:down\n" . pick(@statements) if chance(10);
	$script = "-- migrate:up transaction:false\n$script;\n-- migrate:down\n" if chance(5);
	$script = "-- +goose Up\n-- +goose StatementBegin\n$script;\n-- +goose StatementEnd\n" if chance(5);
	return chance(70) ? mutated($script) : $script;
}

my @json = (
	'{}', '[]', 'null', '1', '"x"', '{"b": "a"}', '{"b": "lower(a)"}', '{"a": "upper(b)"}', '{"id": "id", "b": "a"}', '{"id": "id", "a": "a"}', '{"id": "id", "a": "a", "b": "b", "c": "c"}',
	'{"b": null}', '{"b": 1}', '{"b": ["a"]}', '{"b": {"a": "b"}}', '{"": ""}', '{"b": ""}', '{"*": "*"}', '{"nothing": "a"}', '{"ctid": "a"}', '{"b": "b"}', '{"b": "a); DROP TABLE f.t; --"}', '{"b\n`": "\"a \"\"\';--\""}',
	'{"c": "c::bigint"}', '{"g": "id"}', '{"n": "id"}', '{"k": "k"}', '{"tableoid": "1"}', '{"b": "\u0001"}', '[[1]]', '{"columns": []}', '{"columns": [{}]}', '{"columns": [null]}', '{"columns": {"a": 1}}', '{"columns": [{"relation": "f.t", "column_name": "a", "reads": 1e30}]}',
	'{"system_identifier": 1, "database": "fuzz", "in_recovery": true, "taken_at": "x", "columns": [{"relation": 1, "column_name": null, "reads": "x"}]}');
my @json_expressions = (
	q{(repeat('[', 1000) || repeat(']', 1000))::jsonb}, q{jsonb_build_object('b', repeat('a||', 3000) || 'a')}, q{jsonb_build_object(repeat('k', 2000), 'a')},
	q{(SELECT jsonb_object_agg('c' || i, 'id') FROM generate_series(1, 300) i)}, q{(SELECT jsonb_object_agg('x' || i, 'a') FROM generate_series(1, 2000) i)}, q{jsonb_build_object('b', repeat('(', 5000))});

my %hinted = (
	qr/^(?:change|name)$/ => sub { quote_literal(pick(@changes)) },
	qr/version|minimum/ => sub { quote_literal(pick(@versions)) },
	qr/^(?:up|down|script)$/ => sub { quote_literal(script_from()) },
	qr/^(?:assignments|predicate|expression)$/ => sub { quote_literal(pick(@expressions)) },
	qr/^mode$/ => sub { quote_literal(pick(qw(fill repair nothing))) },
	qr/^method$/ => sub { quote_literal(pick(qw(auto blocks key nothing))) },
	qr/^on_error$/ => sub { quote_literal(pick(qw(record raise nothing))) },
	qr/^phase$/ => sub { quote_literal(pick(qw(expand contract nothing))) },
	qr/^(?:step|until)$/ => sub { quote_literal(pick(qw(cutover contract cut_over verified dual_write prepared nothing))) },
	qr/^tool$/ => sub { quote_literal(pick(qw(flyway dbmate rails golang-migrate goose sqitch sqlx nothing))) },
	qr/^(?:run_window)$/ => sub { quote_literal(pick('01:00-05:00', '23:00-01:00', '00:00-24:00', '1:00 - 2:00, 3:00-4:00', '5-6', '01:00-01:00')) },
	qr/time_zone/ => sub { quote_literal(pick('UTC', 'Europe/Berlin', 'nowhere', '', '+99', 'PST8PDT')) },
	qr/^path$/ => sub { quote_literal(pick('', '/', '/nonexistent', 'base', '.', '../..', "x\ny")) },
	qr/pattern/ => sub { quote_literal(pick('^(.+)[/@]v?([0-9][0-9.]*)$', '(', '(a*)*b', '', '.*', '(?<=x)')) },
	qr/^state$/ => sub { quote_literal(pick(qw(queued running paused done failed cancelled))) },
	qr/^kind$/ => sub { quote_literal(pick(qw(backfill copy verify statement reconcile contract))) });

my %by_type = (
	'text' => sub {
		my ($name) = @_;
		if (chance(65))
		{
			for my $pattern (sort keys %hinted)
			{
				return $hinted{$pattern}->() if $name =~ /$pattern/;
			}
		}
		return hostile_text() if chance(60);
		return quote_literal(pick(@columns, @changes, @versions, @expressions));
	},
	'jsonb' => sub { chance(85) ? quote_literal(pick(@json)) : pick(@json_expressions) },
	'boolean' => sub { pick(qw(true false)) },
	'smallint' => sub { pick(qw(0 1 2 -1 32767 -32768)) },
	'integer' => sub { pick(qw(0 1 2 3 5 -1 100 1000 2147483647 -2147483648 64 63)) },
	'bigint' => sub { pick(0 .. 9, '-1', '9223372036854775807', '(-9223372036854775807 - 1)', '4294967296', '2147483648') },
	'double precision' => sub { pick(q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, '0', '-0.0', '1', '0.001', '1e308', '-1', '1e-320') },
	'numeric' => sub { pick(q{'NaN'}, q{'Infinity'}, '0', '1', '-1.5', '1e1000', '1e-1000') },
	'interval' => sub {
		pick(map { quote_literal($_) } '0', '1 second', '-1 second', 'infinity', '-infinity', '1 day', '-1 month 1 day', '178000000 years', '-178000000 years', '0.000001 s', '1 month -30 days', '9223372036 seconds', '-2147483648 months -2147483648 days');
	},
	'timestamp with time zone' => sub {
		pick('now()', map { quote_literal($_) } 'infinity', '-infinity', '4713-01-01 BC', '294276-12-31', 'epoch', '2000-01-01', 'tomorrow');
	},
	'regclass' => sub { any_relation() },
	'oid' => sub { any_relation() },
	'regrole' => sub { pick(q{'fuzz_plain'::regrole}, q{'"fuzz ""a''b;--"'::regrole}, q{'pg_monitor'::regrole}, '0::oid', '4294967295::oid', q{'fuzz_owner'::regrole}, q{'postgres'::regrole}) },
	'bytea' => sub { pick(q{'\x'::bytea}, q{'\x00'::bytea}, q{decode(repeat('ff', 100), 'hex')}, q{decode(repeat('00', 24), 'hex')}, q{decode(repeat('01', 100000), 'hex')}, q{'\x0102030405060708'::bytea}) },
	'name' => sub { quote_literal(pick(@columns)) },
	'"char"' => sub { quote_literal(pick('', 'a', 'D', 'O', "\xc3\xa9")) },
	'xid8' => sub { pick(q{'0'}, q{'3'}, q{'18446744073709551615'}, 'pg_current_xact_id()') },
	'pg_snapshot' => sub { pick(q{'1:1:'}, q{'10:20:12,15'}, 'pg_current_snapshot()') },
	'pg_lsn' => sub { pick(q{'0/0'}, q{'FFFFFFFF/FFFFFFFF'}) },
	'uuid' => sub { q{'00000000-0000-0000-0000-000000000000'} });

my @any = (
	'1', 'NULL', 'NULL::int', q{'x'}, q{'x'::text}, q{''::text}, '1.0::f.positive', 'ARRAY[1.0::f.positive]', 'ARRAY[1.0::f.positive]::f.positives', q{'good'::f.mood}, q{ROW(1, 'a')}, q{ROW(1, 'a')::f.pair}, 'ROW()', q{ROW(ROW(NULL), ARRAY[ROW(1, 2)])}, 'NULL::f.t', '(SELECT t FROM f.t LIMIT 1)', q{'[1,2)'::f.span},
	q{'{}'::int[]}, q{'{NULL,1}'::int[]}, q{'{{1,2},{3,4}}'::int[]}, q{'[5:6]={1,2}'::int[]}, q{'{}'::json}, q{'{"b":1, "a":2}'::json}, q{'{}'::jsonb}, q{'<a/>'::xml}, q{B'101'}, q{B''::bit varying}, q{'NaN'::float8}, q{'-0'::float8}, q{'NaN'::numeric}, '1.10', q{'infinity'::timestamptz}, q{'1 day'::interval}, q{'24 hours'::interval}, q{'\x00'::bytea},
	q{'f.t'::regclass}, '0::regclass', q{'(1,2)'::point}, q{'a b'::tsvector}, q{'a'::name}, q{'a'::"char"}, q{'a'::char(5)}, q{'(0,0)'::tid}, q{'12:00+05'::timetz}, q{'1.2.3.4/8'::inet}, q{'{[1,2),[3,4)}'::int4multirange}, q{'x' COLLATE "C"}, q{row_to_json(ROW(1))}, q{generate_series(1, 3)}, q{repeat('x', 100000)}, q{'1:1:'::pg_snapshot}, q{ARRAY['{}'::json]}, q{'pg_class_oid_index'::regclass::oid}, q{int4range(1, 5)}, q{ARRAY[ROW(1, 'a')::f.pair]}, 'g', 'g.*', 'count(*) OVER ()');

sub any_values
{
	my ($count) = @_;

	return join ', ', map { pick(@any) } 1 .. $count;
}

# An array of a type: empty, with NULLs, of two dimensions, with other bounds.
sub array_of
{
	my ($type, $name) = @_;
	my $form = int rand 10;
	my $element = sub { "(" . value_of($type, $name) . ")::$type" };

	return q{'{}'} if $form == 0;
	return 'ARRAY[NULL]' if $form == 1;
	return 'ARRAY[[' . $element->() . '],[' . $element->() . ']]' if $form == 2;
	return 'array_fill(' . $element->() . ', ARRAY[2], ARRAY[-5])' if $form == 3;
	return 'array_fill(' . $element->() . ', ARRAY[2000])' if $form == 4;
	if ($type eq 'text' && $form < 8)
	{
		my @words = $name =~ /^(?:override|allow)$/
		  ? qw(out_of_order old_reads old_writes standby_reads app_versions dependents stabilization backfill_complete verified discrepancies dual_write sequences replication_lag reversible drop_column all nothing)
		  : $name =~ /^requires$/ ? @versions : @columns;
		return 'ARRAY[' . join(', ', map { quote_literal(pick(@words)) } 1 .. 1 + rand 3) . ']';
	}
	return 'ARRAY[' . join(', ', map { $element->() } 1 .. 1 + rand 4) . ']';
}

# An expression for an argument or a column of this type.
sub value_of
{
	my ($type, $name, $depth) = @_;

	return 'NULL' if chance(8);
	return 'NULL' if $type =~ /^(?:internal|trigger|event_trigger|record|cstring|void)$/;
	return any_values(1) if $type =~ /^any(?:element|compatible)?$/;
	return 'VARIADIC ARRAY[' . join(', ', map { int rand 100 } 1 .. 1 + rand 5) . ']' if $type eq '"any"' && chance(10);
	return pick('VARIADIC NULL::int[]', q{VARIADIC '{}'::int[]}, q{VARIADIC ARRAY[[1,2],[3,4]]}, 'VARIADIC ARRAY[1.0::f.positive]') if $type eq '"any"' && chance(8);
	return any_values(1 + rand 5) if $type eq '"any"';
	return array_of($1, $name) if $type =~ /^(.*)\[\]$/;
	return $by_type{$type}->($name) if $by_type{$type};
	return hostile_text();
}

1;
