# Another type for columns that keep their names, while an application writes
# through every statement that it has, prepared and not, in every phase and
# through the swap, the way back and the swap again.
#
# The application writes each thing twice in one transaction: to the tables that
# change, and to a model of them that does not.  So one query can tell at any
# time whether a write was lost, or was done twice, or has hit another row.  The
# foreign keys of the model are its own; those of the tables are checked by
# query.
#
#	EC_RETYPE_SECONDS	for how long the application writes in each phase (1)
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{EC_RETYPE_SECONDS} || 1;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 0
	max_worker_processes = 16
	log_statement = none
});
$node->start;

my $copied = $node->basedir . '/copied.txt';
append_to_file($copied, join '', map { "$_\t$_\tcopied\n" } 900_000_001 .. 900_000_010);

$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE orders (id serial PRIMARY KEY, n integer NOT NULL DEFAULT 0 CHECK (n >= 0), v text);
	CREATE INDEX orders_n ON orders (n);
	CREATE VIEW shown AS SELECT id, n FROM orders;
	CREATE TABLE items (order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE, q integer);
	CREATE INDEX ON items (order_id);
	CREATE TABLE notes (order_id integer REFERENCES orders ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, q integer);
	CREATE INDEX ON notes (order_id);
	CREATE TABLE model (id bigint PRIMARY KEY, n bigint, v text);
	CREATE TABLE model_items (order_id bigint NOT NULL REFERENCES model ON DELETE CASCADE ON UPDATE CASCADE, q integer);
	CREATE INDEX ON model_items (order_id);
	CREATE TABLE model_notes (order_id bigint REFERENCES model ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, q integer);
	CREATE INDEX ON model_notes (order_id);
	CREATE SEQUENCE big START 3000000000;
	CREATE TABLE turns (n bigserial);   -- how often the application has gone round
	CREATE TABLE seen (id bigint);      -- what a trigger has seen
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
		'DECLARE it orders.id%TYPE; BEGIN it := NEW.id; INSERT INTO seen VALUES (it); RETURN NEW; END';
	CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TRIGGER keyed AFTER UPDATE OF id ON orders FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION note();
	INSERT INTO orders (n, v) SELECT i, 'v' || i FROM generate_series(1, 5000) i;
	INSERT INTO model SELECT * FROM orders;
	INSERT INTO items SELECT i % 5000 + 1, i FROM generate_series(1, 8000) i;
	INSERT INTO model_items TABLE items;
	INSERT INTO notes SELECT i % 5000 + 1, i FROM generate_series(1, 3000) i;
	INSERT INTO model_notes TABLE notes;
	TRUNCATE seen;
	ANALYZE;
});

# Each writes to one row, which it has to itself.
my %statements = (
	insert => q{
		SELECT nextval('orders_id_seq') AS id \gset
		INSERT INTO turns DEFAULT VALUES;
		INSERT INTO orders (id, n, v) VALUES (:id, :n, 'new');
		INSERT INTO model VALUES (:id, :n, 'new');
		INSERT INTO items VALUES (:id, :n);
		INSERT INTO model_items VALUES (:id, :n);
		INSERT INTO notes VALUES (:id, :n);
		INSERT INTO model_notes VALUES (:id, :n);},
	update => q{
		UPDATE orders SET n = n + 1, v = 'updated' WHERE id = :id;
		UPDATE model SET n = n + 1, v = 'updated' WHERE id = :id;},
	touch => q{
		UPDATE orders SET v = v || '.' WHERE id BETWEEN :id AND :id;
		UPDATE model SET v = v || '.' WHERE id BETWEEN :id AND :id;},
	delete => q{
		DELETE FROM orders WHERE id = :id;
		DELETE FROM model WHERE id = :id;},
	upsert => q{
		INSERT INTO orders (id, n) VALUES (:id, :n) ON CONFLICT (id) DO UPDATE SET n = excluded.n + orders.n % 2;
		INSERT INTO model (id, n) VALUES (:id, :n) ON CONFLICT (id) DO UPDATE SET n = excluded.n + model.n % 2;},
	nothing => q{
		INSERT INTO orders (id, n) VALUES (:id, :n) ON CONFLICT DO NOTHING;
		INSERT INTO model (id, n) VALUES (:id, :n) ON CONFLICT DO NOTHING;},
	merge => q{
		MERGE INTO orders t USING (VALUES (:id::int, :n::int)) s (id, n) ON t.id = s.id
			WHEN MATCHED AND t.n % 3 = 0 THEN DELETE
			WHEN MATCHED THEN UPDATE SET n = s.n
			WHEN NOT MATCHED THEN INSERT (id, n, v) VALUES (s.id, s.n, 'merged');
		MERGE INTO model t USING (VALUES (:id::int, :n::int)) s (id, n) ON t.id = s.id
			WHEN MATCHED AND t.n % 3 = 0 THEN DELETE
			WHEN MATCHED THEN UPDATE SET n = s.n
			WHEN NOT MATCHED THEN INSERT (id, n, v) VALUES (s.id, s.n, 'merged');},
	move => q{
		WITH moved AS (DELETE FROM orders WHERE id = :id RETURNING id, n, v)
			INSERT INTO orders (id, n, v) SELECT id, n, 'moved' FROM moved;
		WITH moved AS (DELETE FROM model WHERE id = :id RETURNING id, n, v)
			INSERT INTO model (id, n, v) SELECT id, n, 'moved' FROM moved;},
	key => q{
		UPDATE orders SET id = -id WHERE id = :id AND NOT EXISTS (SELECT FROM orders WHERE id = -(:id::int));
		UPDATE model SET id = -id WHERE id = :id AND NOT EXISTS (SELECT FROM model WHERE id = -(:id::int));},
	key_back => q{
		UPDATE orders SET id = -id WHERE id = -(:id::int) AND NOT EXISTS (SELECT FROM orders WHERE id = :id);
		UPDATE model SET id = -id WHERE id = -(:id::int) AND NOT EXISTS (SELECT FROM model WHERE id = :id);},
	child => q{
		INSERT INTO items SELECT id, :n FROM orders WHERE id = :id FOR KEY SHARE;
		INSERT INTO model_items SELECT id, :n FROM model WHERE id = :id;},
	savepoint => q{
		SAVEPOINT here;
		UPDATE orders SET n = 0, v = 'never' WHERE id = :id;
		DELETE FROM orders WHERE id = :id;
		ROLLBACK TO here;
		UPDATE orders SET n = n + 1 WHERE id = :id;
		UPDATE model SET n = n + 1 WHERE id = :id;},
	copy => qq{
		DELETE FROM orders WHERE id BETWEEN 900000001 AND 900000010;
		DELETE FROM model WHERE id BETWEEN 900000001 AND 900000010;
		COPY orders (id, n, v) FROM '$copied';
		COPY model (id, n, v) FROM '$copied';});

my @files;
for my $kind (sort keys %statements)
{
	my $file = $node->basedir . "/$kind.sql";
	my $lock = $kind eq 'copy' ? 900_000_001 : ':id';
	my $transaction = $statements{$kind};

	# a number of its own is nobody else's
	$lock = 0 if $kind eq 'insert';
	append_to_file($file, "\\set id random(1, 5000)\n\\set n random(0, 1000)\nBEGIN;\n"
		. ($lock eq '0' ? '' : "SELECT pg_advisory_xact_lock($lock);\n")
		. "$transaction\nCOMMIT;\n");
	push @files, '-f', $file;
}
# A reader of a view locks it before the table.
my $view_file = $node->basedir . '/view.sql';
append_to_file($view_file, "\\set id random(1, 5000)\nSELECT count(n) FROM shown WHERE id = :id;\n");
push @files, '-f', "$view_file\@30";

my $big_file = $node->basedir . '/with_big_values.sql';
append_to_file($big_file, q{
	BEGIN;
	INSERT INTO orders (id, n, v) SELECT i, i, 'big' FROM nextval('big') i RETURNING id, n \gset
	INSERT INTO model VALUES (:id, :n, 'big');
	INSERT INTO items VALUES (:id, 1);
	INSERT INTO model_items VALUES (:id, 1);
	UPDATE orders SET n = n + 1 WHERE id = :id;
	UPDATE model SET n = n + 1 WHERE id = :id;
	COMMIT;
});

# Sessions that return the columns from prepared statements get one error, once.
my $returning_file = $node->basedir . '/returning.sql';
append_to_file($returning_file, join "", (q{
	PREPARE p AS SELECT id, n FROM orders WHERE id = $1;
	PREPARE q AS UPDATE orders SET v = v WHERE id = $1 RETURNING id;
	} . (q{
	EXECUTE p (1);
	EXECUTE q (2);
	SELECT pg_sleep(0.05);
	} x 10) . q{
	DEALLOCATE ALL;
	}) x 1000);

my $connection = $node->connstr('postgres') . q{ application_name=load options='-c lock_timeout=120s'};
my @loads;

sub start_load
{
	my @commands = (
		[ 'pgbench', '-n', '-c', 3, '-R', 150, '-T', 3600, @files, $connection ],
		[ 'pgbench', '-n', '-M', 'prepared', '-c', 3, '-R', 150, '-T', 3600, @files, $connection ],
		[ 'psql', '-XAtq', '-f', $returning_file, '-d', $connection ]);

	for my $command (@commands)
	{
		my $load = { name => $command->[0], log => '', out => '' };

		$load->{run} = IPC::Run::start($command, '<', \undef, '>', \$load->{out}, '2>', \$load->{log});
		push @loads, $load;
	}
	return;
}

# Whoever gets an error ends.
sub is_unharmed
{
	my ($when) = @_;
	my $turns = $node->safe_psql('postgres', q{SELECT last_value FROM turns_n_seq});

	$turns += 12 * $seconds;
	$node->poll_query_until('postgres', "SELECT last_value > $turns FROM turns_n_seq")
	  or BAIL_OUT("$when: the application has stopped");
	for my $load (@loads)
	{
		eval { $load->{run}->pump_nb };
		unlike($load->{log} =~ s/^.*cached plan must not change result type\n//mgr,
			qr/error/i, "$when: no error in $load->{name}");
	}
	is( $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'load'}),
		7, "$when: all sessions go on");
	is( $node->safe_psql('postgres', q{
			SELECT (SELECT count(*) FROM (SELECT id, n, v FROM orders EXCEPT ALL TABLE model) r),
				(SELECT count(*) FROM (TABLE model EXCEPT ALL SELECT id, n, v FROM orders) r),
				(SELECT count(*) FROM (TABLE items EXCEPT ALL TABLE model_items) r),
				(SELECT count(*) FROM (TABLE model_items EXCEPT ALL TABLE items) r),
				(SELECT count(*) FROM (TABLE notes EXCEPT ALL TABLE model_notes) r),
				(SELECT count(*) FROM (TABLE model_notes EXCEPT ALL TABLE notes) r),
				(SELECT count(*) FROM items i LEFT JOIN orders o ON o.id = i.order_id WHERE o.id IS NULL),
				(SELECT count(*) FROM notes i LEFT JOIN orders o ON o.id = i.order_id WHERE o.id IS NULL AND i.order_id IS NOT NULL),
				(SELECT count(*) - count(DISTINCT id) FROM orders)}),
		'0|0|0|0|0|0|0|0|0', "$when: the tables are like their model, and the foreign keys hold");
	return;
}

# Do the two columns of each pair agree, in all rows?
sub is_in_step
{
	my ($when, $label) = @_;
	is($node->safe_psql('postgres', "SELECT count(*) FROM orders WHERE (id, n) IS DISTINCT FROM (id__$label, n__$label)"),
		0, "$when: old and new columns agree in every row");
	return;
}

sub job
{
	my ($call) = @_;
	return $node->safe_psql('postgres', "SELECT $call AS job \\gset\nCALL ec_wait(:job)");
}

start_load();
is_unharmed('before');
$node->safe_psql('postgres', q{SELECT ec_change_type('c', 'orders', '{"id": "bigint", "n": "bigint"}')});
is($node->safe_psql('postgres', q{SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'}), 0,
	'its locks are in the order of those of the application');
is_unharmed('with shadows');
job(q{ec_backfill_change('c', delay_ms => 1)});
is_unharmed('backfilled');
is_in_step('backfilled', 'new');
job(q{ec_prepare('c')});
is_unharmed('prepared');
is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', 'verified under load');
is($node->safe_psql('postgres', q{SELECT ec_cutover('c')}), 'cut_over', 'cut over under load');
is_unharmed('cut over');
is_in_step('cut over', 'old');

# Values that the old type cannot hold.
my ($out, $err) = run_command([ 'pgbench', '-n', '-c', 2, '-t', 20, '-f', $big_file, $connection ]);
unlike($err, qr/error/i, 'values above 2^31 can be written');
is($node->safe_psql('postgres', q{SELECT count(*) FROM orders WHERE id > 2147483647 AND n > 2147483647}), 40, 'as they are');
is($node->safe_psql('postgres', q{SELECT count(*) FROM seen WHERE id > 2147483647}), 40, 'and a trigger with %TYPE sees them');
is($node->safe_psql('postgres', q{SELECT count(*) FROM orders WHERE id > 2147483647 AND (id__old, n__old) IS NULL}), 40,
	'the old columns cannot hold them');
is_unharmed('with values above 2^31');
my $ret;
($ret, $out, $err) = $node->psql('postgres', q{SELECT ec_revert('c')});
like($err, qr/cannot be reverted without loss.*: 40, among them/s, 'the way back counts them, and is refused');
is($node->safe_psql('postgres', q{SELECT phase FROM ec_changes}), 'cut_over', 'nothing has changed');
$node->safe_psql('postgres', q{BEGIN; DELETE FROM orders WHERE id > 2147483647; DELETE FROM model WHERE id > 2147483647; COMMIT});

job(q{ec_prepare('c')});
is_unharmed('prepared for the way back');
is($node->safe_psql('postgres', q{SELECT ec_revert('c')}), 'verified', 'reverted under load');
is_unharmed('taken back');
is_in_step('taken back', 'new');
job(q{ec_prepare('c')});
is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', 'verified again');
is($node->safe_psql('postgres', q{SELECT ec_cutover('c')}), 'cut_over', 'cut over again');
is_unharmed('cut over again');
is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', 'verified after it');
is($node->safe_psql('postgres', q{SELECT ec_contract('c')}), 'contracted', 'contracted under load');
is_unharmed('contracted');
is( $node->safe_psql('postgres', q{SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attname)
	FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped}),
	'id bigint, n bigint, v text', 'to the end');

for my $load (@loads)
{
	$load->{run}->signal('TERM');
	eval { $load->{run}->finish };
}
note($loads[2]{log} =~ s/^(?!.*cached plan).*\n//mgr);
$node->stop;
done_testing();
