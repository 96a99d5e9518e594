# Random writes of every kind, from several sessions at once, each with settings of
# its own, to tables that
# changes keep in step with others, while jobs copy what nobody writes: at the
# end every row of a target is what the mapping makes of the source, or it is in
# the queue.
#
#   EC_DUAL_WRITE_STATEMENTS=200000   how many (10,000 without)
#   EC_DUAL_WRITE_SEED=…              the seed of a run that failed
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $statements = $ENV{EC_DUAL_WRITE_STATEMENTS} || 10_000;
my $seed = $ENV{EC_DUAL_WRITE_SEED} || time;
my $sessions = 4;
my $keys = 300;

note "EC_DUAL_WRITE_SEED=$seed";
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "deadlock_timeout = '100ms'");
$node->start;

# One way: partitions with column numbers of their own, a mapping that fails for
# what is no number, a CHECK, and a foreign key that keeps some rows from going.
# A second target of the same table, which nothing fails for.  Both ways: a
# mapping that loses information.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE orders (id int PRIMARY KEY, price text, note text) PARTITION BY RANGE (id);
	CREATE TABLE orders_low PARTITION OF orders FOR VALUES FROM (MINVALUE) TO (100);
	CREATE TABLE orders_mid (gone int, note text, price text, more int, id int NOT NULL);
	ALTER TABLE orders_mid DROP gone, DROP more;
	ALTER TABLE orders ATTACH PARTITION orders_mid FOR VALUES FROM (100) TO (200);
	CREATE TABLE orders_high PARTITION OF orders FOR VALUES FROM (200) TO (MAXVALUE);
	CREATE TABLE sales (cents int CHECK (cents < 50000), sale bigint PRIMARY KEY, text varchar(12),
		doubled int GENERATED ALWAYS AS (cents * 2) STORED, serial int GENERATED ALWAYS AS IDENTITY);
	CREATE TABLE bills (sale bigint REFERENCES sales);
	CREATE TABLE labels (label text, id int PRIMARY KEY);

	CREATE TABLE users (id int PRIMARY KEY, mail text, note text DEFAULT 'none');
	CREATE TABLE people (email text, id int PRIMARY KEY, serial int GENERATED ALWAYS AS IDENTITY);

	-- whose mapping depends on settings, the key's too
	CREATE TABLE events (f float8 PRIMARY KEY, at timestamptz, i interval, b bytea DEFAULT '');
	CREATE TABLE shown (f text PRIMARY KEY, at text, day date, i text, b text);
	CREATE VIEW events_seen AS SELECT at AS moment, f AS number FROM events;
	CREATE FUNCTION put_event(f float8, at timestamptz) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.events (f, at) VALUES (put_event.f, put_event.at) ON CONFLICT DO NOTHING;
		RETURN put_event.f + 1;
	END $$;

	-- writes the row of its own statement again
	CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
	BEGIN
		IF new.note = 'again' THEN
			UPDATE orders SET note = 'done', price = '5' WHERE id = new.id;
		ELSIF new.note = 'go' THEN
			DELETE FROM orders WHERE id = new.id;
		END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER again AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION again();

	CREATE ROLE app LOGIN;
	GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON orders, orders_mid, users, people, events, shown, events_seen TO app;
	CREATE SCHEMA hostile;
	GRANT USAGE ON SCHEMA hostile TO PUBLIC;
	CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''captured''::text';
	ALTER ROLE app SET search_path = hostile, public, pg_catalog;
});
$node->safe_psql(
	'postgres', q{
	SELECT ec_expand('sales', 'orders', '{"sale": "id", "cents": "price::numeric * 100", "text": "note"}', target => 'sales');
	INSERT INTO orders SELECT i, i, 'start' FROM generate_series(1, 150) i;
	INSERT INTO users SELECT i, 'Name' || i FROM generate_series(1, 100) i;
	SELECT ec_expand('labels', 'orders', '{"id": "id", "label": "upper(note)"}', target => 'labels', on_error => 'raise');
	SELECT ec_expand('people', 'users', '{"id": "id", "email": "lower(mail)"}', '{"id": "id", "mail": "email"}', target => 'people');
	SELECT ec_expand('shown', 'events', '{"f": "f::text", "at": "at::text", "day": "at::date", "i": "i::text", "b": "b::text"}',
		'{"f": "f::float8", "at": "at::timestamptz", "i": "i::interval", "b": "b::bytea"}', target => 'shown');
	INSERT INTO bills SELECT i FROM generate_series(90, 120) i;
});

sub pick { return $_[ int(rand(@_)) ]; }
sub id { return 1 + int(rand($keys)); }
sub text { return rand() < 0.1 ? 'NULL' : "'" . pick('Ada', 'BOB', 'eve', 'Zoë') . int(rand(100)) . "'"; }
sub note_text { return "'" . pick('a', 'b', 'c', 'again', 'go', 'far too long a text') . "'"; }

# now and then no number, or one that the CHECK refuses
sub price { return rand() < 0.1 ? 'NULL' : "'" . pick(int(rand(400)), int(rand(400)), int(rand(400)), 'cheap', '999') . "'"; }

sub order_assignment
{
	return pick('price = ' . price(), 'note = ' . note_text(), 'price = ' . price() . ', note = ' . note_text(),
		'note = t.note', 'price = t.price, note = t.note');
}

# From a file: after a COPY that fails at once, releases of psql differ in what they
# take for its data.
my $copies = 0;
sub copy_from
{
	my ($columns, $data) = @_;
	my $file = $node->basedir . '/copy_' . $copies++;

	append_to_file($file, $data);
	return "\\copy $columns FROM '$file'";
}

# statements on the table whose change fails
sub order_statement
{
	my $id = id();
	my $kind = int(rand(14));
	my $values = "($id, " . price() . ', ' . note_text() . ')';

	return "INSERT INTO orders VALUES $values ON CONFLICT DO NOTHING;" if $kind == 0;
	return "INSERT INTO orders AS t VALUES $values, (" . id() . ", '7', 'x') ON CONFLICT (id) DO UPDATE SET " . order_assignment() . ';' if $kind == 1;
	return "INSERT INTO orders SELECT i, " . price() . ", 'many' FROM generate_series($id, $id + 5) i ON CONFLICT DO NOTHING;" if $kind == 2;
	return "UPDATE orders AS t SET " . order_assignment() . " WHERE id BETWEEN $id AND $id + " . int(rand(5)) . ';' if $kind == 3;
	return "EXECUTE by_id ($id, " . note_text() . ');' if $kind == 4;
	return "DELETE FROM orders WHERE id BETWEEN $id AND $id + 1;" if $kind == 5;
	return "UPDATE orders SET id = " . id() . " WHERE id = $id;" if $kind == 6;
	return "UPDATE orders AS t SET id = id + 1000, " . order_assignment() . " WHERE id BETWEEN $id AND $id + 2;" if $kind == 7;
	return "MERGE INTO orders AS t USING (VALUES ($id, 'm'), (" . id() . ", 'd'), (" . id() . ", 'm')) AS s (id, note) ON t.id = s.id"
	  . " WHEN MATCHED AND s.note = 'd' THEN DELETE WHEN MATCHED THEN UPDATE SET " . order_assignment()
	  . pick(';', " WHEN NOT MATCHED THEN INSERT (id, price, note) VALUES (s.id, " . price() . ", s.note);")
	  if $kind == 8;
	return copy_from('orders (id, price, note)', (10_000 + int(rand(1_000_000))) . "\t" . pick('1', 'junk') . "\tCopied\n") if $kind == 9;
	return "UPDATE orders_mid AS t SET " . order_assignment() . " WHERE id = " . (100 + int(rand(100))) . ';' if $kind == 10;
	return "WITH d AS (DELETE FROM orders WHERE id = $id RETURNING *) INSERT INTO orders SELECT id, " . price() . ", note FROM d;" if $kind == 11;
	return "MERGE INTO orders AS t USING (VALUES (" . id() . "), ($id), (" . id() . ")) AS s (id) ON t.id = s.id"
	  . " WHEN MATCHED THEN UPDATE SET id = " . pick('t.id + 100', 't.id + 1', 't.id - 100', 't.id - 1') . pick('', ", price = '8'")
	  . pick(';', " WHEN NOT MATCHED THEN INSERT (id, price, note) VALUES (s.id, '9', 'merged');", ' WHEN NOT MATCHED THEN DO NOTHING;')
	  if $kind == 12;
	return 'TRUNCATE orders_mid;' if rand() < 0.02;
	return "DELETE FROM orders WHERE id > 1000 AND id < 10000;";
}

# statements on either side of the change that goes both ways
sub user_statement
{
	my $id = id();
	my ($table, $column) = rand() < 0.5 ? ('users', 'mail') : ('people', 'email');
	my $text = text();
	my $kind = int(rand(8));

	return "INSERT INTO $table (id, $column) VALUES ($id, $text) ON CONFLICT DO NOTHING;" if $kind == 0;
	return "INSERT INTO $table (id, $column) VALUES ($id, $text) ON CONFLICT (id) DO UPDATE SET $column = excluded.$column;" if $kind == 1;
	return "INSERT INTO $table (id, $column) SELECT i, $text FROM generate_series($id, $id + 2) i ON CONFLICT DO NOTHING;" if $kind == 2;
	return "DELETE FROM $table WHERE id = $id;" if $kind == 3 && rand() < 0.7;
	return "UPDATE $table SET id = " . id() . " WHERE id = $id;" if $kind == 4;
	return "UPDATE $table SET $column = upper($column) WHERE id BETWEEN $id AND $id + 3;" if $kind == 5;
	return "UPDATE users SET note = 'n' WHERE id = $id;" if $kind == 6;
	return "UPDATE $table SET $column = $text WHERE id BETWEEN $id AND $id + " . int(rand(3)) . ';';
}

# statements on either side of the change that depends on settings
sub moment { return "'2024-0" . (1 + int(rand(9))) . '-1' . int(rand(10)) . " 03:04:05+00'"; }
sub event_statement
{
	my $id = id();
	my $f = "($id / 7.0::float8)";
	my $kind = int(rand(9));

	return "INSERT INTO events VALUES ($f, " . moment() . ", make_interval(0, 1, 0, -$id, 5), decode('00$id' || repeat('0', $id % 2 + 1), 'escape')) ON CONFLICT DO NOTHING;" if $kind == 0;
	return "INSERT INTO events (f, at) SELECT i / 7.0::float8, " . moment() . " FROM generate_series($id, $id + 3) i ON CONFLICT (f) DO UPDATE SET at = excluded.at;" if $kind == 1;
	return "INSERT INTO events (f, b, at) VALUES ($f, DEFAULT, " . moment() . ') ON CONFLICT DO NOTHING;' if $kind == 2;
	return "MERGE INTO events AS t USING (VALUES ($f)) AS s (f) ON t.f = s.f WHEN MATCHED THEN UPDATE SET at = " . moment() . ' WHEN NOT MATCHED THEN INSERT (f, at) VALUES (s.f, ' . moment() . ');' if $kind == 3;
	return pick("INSERT INTO events_seen (number, moment) VALUES ($f, " . moment() . ') ON CONFLICT DO NOTHING;', 'UPDATE events_seen SET moment = ' . moment() . " WHERE number = $f;") if $kind == 4;
	return "SELECT public.put_event($f, " . moment() . ');' if $kind == 5;
	return "INSERT INTO events (f, at) VALUES (public.put_event($f, " . moment() . '), ' . moment() . ') ON CONFLICT DO NOTHING;' if $kind == 6;
	# what a new version writes, in the words of ec_expand's session
	return "UPDATE shown SET at = " . pick("'2024-02-03 04:05:06+00'", "'01/02/2024'", "'3 Apr 2024 12:00+00'") . ', day = NULL WHERE f LIKE ' . "'$id.%';" if $kind == 7;
	return "DELETE FROM " . pick('events WHERE f = ' . $f, "shown WHERE f LIKE '$id.%'") . ';';
}

# Whatever it is, the same is computed.
sub setting
{
	return 'SET ' . pick(
		'DateStyle = ' . pick("'ISO, MDY'", "'SQL, DMY'", "'German'", "'Postgres, MDY'"),
		'IntervalStyle = ' . pick('postgres', 'sql_standard', 'iso_8601'),
		'TimeZone = ' . pick("'UTC'", "'Asia/Tokyo'", "'America/New_York'", "'Europe/Berlin'"),
		'extra_float_digits = ' . pick(-10, 0, 1, 3),
		'bytea_output = ' . pick('hex', 'escape'),
		'search_path = ' . pick('public', 'hostile, public, pg_catalog')) . ";\n";
}

sub statement { return rand() < 0.6 ? order_statement() : rand() < 0.6 ? user_statement() : event_statement(); }

sub transaction
{
	my $level = pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
	my $count = 1 + int(rand(5));
	my $sql = "BEGIN ISOLATION LEVEL $level;\n";

	for (1 .. $count)
	{
		my $statement = statement();
		my $savepoint = rand() < 0.3;

		$sql .= "SAVEPOINT s;\n" if $savepoint;
		$sql .= "$statement\n";
		$sql .= pick('ROLLBACK TO s;', 'RELEASE s;') . "\n" if $savepoint;
	}
	return ($count, $sql . pick('COMMIT;', 'COMMIT;', 'COMMIT;', 'ROLLBACK;') . "\n");
}

sub script
{
	my $sql = "PREPARE by_id (int, text) AS UPDATE orders SET note = \$2 WHERE id = \$1;\n";

	for (my $done = 0; $done < $statements / $sessions;)
	{
		my ($count, $more) = rand() < 0.5 ? (1, statement() . "\n") : transaction();
		$sql .= setting() if rand() < 0.3;
		$sql .= $more;
		$done += $count;
	}
	return $sql;
}

# Statements may fail (a duplicate key, a deadlock, a serialization failure);
# sessions may not.  A modern write's errors are no statement's.
my @running;
for my $session (1 .. $sessions)
{
	# to files: a pipe that nobody reads would stop a session with its locks
	my %run;
	my $file = $node->basedir . "/session_$session.sql";
	append_to_file($file, script());
	$run{handle} = start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-f', $file,
			'-v', 'ON_ERROR_ROLLBACK=' . ($session > 2 ? 'on' : 'off'),
			'-d', $node->connstr('postgres') . ($session % 2 ? ' user=app' : '')
		],
		'>', "$file.out", '2>', "$file.err");
	$run{err} = "$file.err";
	push @running, \%run;
}

for my $mode ('fill', 'repair', 'repair')
{
	my @jobs = map {
		$node->safe_psql('postgres',
			"SELECT ec_backfill_change('$_', '$mode', batch_size => 5, delay_ms => 1)")
	} ('labels', 'people', $mode eq 'fill' ? 'shown' : ());

	$node->safe_psql('postgres', "CALL ec_wait($_)") for @jobs;
}

my %errors;
for my $run (@running)
{
	ok($run->{handle}->finish, 'a session came through');
	my $messages = slurp_file($run->{err});
	$errors{$1}++ while $messages =~ /ERROR:\s+(\w{5})/g;
}
note join ', ', map { "$_: $errors{$_}" } sort keys %errors;
my @unexpected = grep { !/^(23505|40001|40P01|25P02|21000|3B001)$/ } sort keys %errors;
is("@unexpected", '', 'no statement has failed for the modern write');

# rows that are missing, too many or different
my %out_of_step = (
	sales => q{SELECT coalesce(o.id, s.sale) AS id FROM orders o FULL JOIN sales s ON s.sale = o.id
		WHERE o.id IS NULL OR s.sale IS NULL OR s.text IS DISTINCT FROM o.note
		   OR CASE WHEN o.price ~ '[a-z]' THEN true ELSE s.cents IS DISTINCT FROM (o.price::numeric * 100)::int END},
	labels => q{SELECT coalesce(o.id, l.id) AS id FROM orders o FULL JOIN labels l ON l.id = o.id
		WHERE o.id IS NULL OR l.id IS NULL OR l.label IS DISTINCT FROM upper(o.note)},
	people => q{SELECT coalesce(u.id, p.id) AS id FROM users u FULL JOIN people p ON p.id = u.id
		WHERE u.id IS NULL OR p.id IS NULL OR p.email IS DISTINCT FROM lower(u.mail) AND u.mail IS DISTINCT FROM p.email},
	shown => q{SELECT coalesce(e.f, s.f::float8) AS id FROM events e FULL JOIN shown s ON s.f = e.f::text
		WHERE e.f IS NULL OR s.f IS NULL OR e.at IS DISTINCT FROM s.at::timestamptz OR e.i IS DISTINCT FROM s.i::interval OR e.b IS DISTINCT FROM s.b::bytea});

for my $change (sort keys %out_of_step)
{
	is( $node->safe_psql(
			'postgres', qq{
			SELECT string_agg(id::text, ' ') FROM ($out_of_step{$change}) r
			 WHERE NOT EXISTS (SELECT FROM ec_discrepancies d WHERE d.change = '$change' AND coalesce(d.key ->> 'id', d.key ->> 'f')::float8 = r.id)}),
		'',
		"$change: every row is in step or in the queue");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM orders'), '>', 50, 'there are orders');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM users'), '>', 50, 'there are users');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM ec_discrepancies WHERE change = 'sales' AND operation = 'delete'}),
	'>', 0, 'some deletes have failed');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM ec_discrepancies WHERE change = 'sales'}),
	'>', 10, 'and other modern writes');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_discrepancies WHERE change IN ('labels', 'people', 'shown')}), '0', 'none where nothing can fail');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM shown'), '>', 20, 'there are events');
is($node->safe_psql('postgres', q{SELECT count(*) FROM people WHERE email = 'captured'}), '0', 'nobody captured lower()');

# The queue is exact once it has been gone through, and empty without causes.
is( $node->safe_psql('postgres', 'SELECT ec_reconcile()'),
	$node->safe_psql('postgres', "SELECT count(*) FROM ($out_of_step{sales}) r"),
	'what is left is what is not in step');
$node->safe_psql('postgres', 'DELETE FROM bills');
$node->safe_psql('postgres', q{UPDATE orders SET price = '1', note = 'n' WHERE price ~ '[a-z]' OR price::numeric > 400 OR length(note) > 12});
is($node->safe_psql('postgres', 'SELECT ec_reconcile()'), '0', 'nothing is left when the causes are gone');
is( $node->safe_psql('postgres', "SELECT count(*) FROM ($out_of_step{sales} UNION ALL $out_of_step{labels} UNION ALL $out_of_step{people}) r"),
	'0',
	'and every row is in step');

# What transition tables of partitioned tables do not tell of a MERGE: a row that
# moves, where there is no action that deletes or inserts; and in some releases
# the new version of a row that is updated after another was inserted.
$node->safe_psql(
	'postgres', q{
	CREATE TABLE merged (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
	CREATE TABLE merged_1 PARTITION OF merged FOR VALUES FROM (0) TO (100);
	CREATE TABLE merged_2 (junk int, note text, id int NOT NULL);
	ALTER TABLE merged_2 DROP junk;
	ALTER TABLE merged ATTACH PARTITION merged_2 FOR VALUES FROM (100) TO (200);
	INSERT INTO merged SELECT i, 'old' FROM generate_series(1, 5) i;
	CREATE TABLE merged_target (id int PRIMARY KEY, label text);
	SELECT ec_expand('merged', 'merged', '{"id": "id", "label": "note"}', target => 'merged_target');
	INSERT INTO merged_target TABLE merged});
for my $case (
	[ 'inserts and updates', 'UPDATE SET note = \'new\' WHEN NOT MATCHED THEN INSERT VALUES (s.id, \'new\')', [ 9, 2 ] ],
	[ 'inserts and changes a key', 'UPDATE SET id = t.id + 20 WHEN NOT MATCHED THEN INSERT VALUES (s.id, \'b\')', [ 10, 3, 11 ] ],
	[ 'moves', 'UPDATE SET id = t.id + 100, note = \'moved\'', [ 2, 9 ] ],
	[ 'moves back', 'UPDATE SET id = t.id - 100', [ 109, 9 ] ],
	[ 'moves, inserts and updates', 'UPDATE SET note = \'x\', id = t.id + CASE t.id WHEN 1 THEN 100 ELSE 0 END WHEN NOT MATCHED THEN INSERT VALUES (s.id, \'c\')', [ 30, 1, 4, 31 ] ],
	[ 'deletes and moves', 'DELETE WHEN MATCHED THEN UPDATE SET id = t.id + 101', [ 5, 30 ], 't.id = 5' ],
	[ 'only deletes', 'DELETE', [ 31, 101 ] ])
{
	my ($what, $actions, $ids, $first) = @$case;

	$node->safe_psql('postgres',
			'MERGE INTO merged AS t USING (VALUES '
		  . join(', ', map { "($_)" } @$ids)
		  . ') AS s (id) ON t.id = s.id WHEN MATCHED '
		  . ($first ? "AND $first " : '')
		  . "THEN $actions");
	is( $node->safe_psql('postgres', q{SELECT string_agg(id || label, ' ' ORDER BY id) FROM merged_target}),
		$node->safe_psql('postgres', q{SELECT string_agg(id || note, ' ' ORDER BY id) FROM merged}),
		"a MERGE into a partitioned table that $what");
}

# a plain statement that changes keys, several at once, and over each other
$node->safe_psql('postgres', 'UPDATE merged SET id = 201 - id WHERE id BETWEEN 2 AND 199');
is( $node->safe_psql('postgres', q{SELECT string_agg(id || label, ' ' ORDER BY id) FROM merged_target}),
	$node->safe_psql('postgres', q{SELECT string_agg(id || note, ' ' ORDER BY id) FROM merged}),
	'an UPDATE that moves rows');

# what is not carried over is told
$node->safe_psql('postgres', q{SELECT ec_dual_write('merged', false)});
my $gaps = q{SELECT count(*) FROM expand_contract.gaps WHERE change = 'merged'};
my $before = $node->safe_psql('postgres', $gaps);
$node->safe_psql('postgres',
	'MERGE INTO merged AS t USING (SELECT min(id) AS id FROM merged) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET id = CASE WHEN t.id < 100 THEN t.id + 90 ELSE t.id - 90 END');
cmp_ok($node->safe_psql('postgres', $gaps), '>', $before, 'a MERGE that is not carried over leaves a gap');

$node->stop;
done_testing();
