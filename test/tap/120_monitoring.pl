# monitoring/: every query runs as a member of pg_monitor who owns nothing, with
# labels that are neither NULL nor empty and numbers in all other columns; what the
# alerts and the dashboard ask for is there; and Debian's exporter and promtool
# take the files, if they are installed.
use strict;
use warnings;

use Cwd qw(realpath);
use CPAN::Meta::YAML;
use FindBin;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $root = realpath("$FindBin::RealBin/../..");
my $directory = "$root/monitoring";
my $queries = CPAN::Meta::YAML->read_string(slurp_file("$directory/queries.yaml"))->[0];
my $dashboard = JSON::PP->new->decode(slurp_file("$directory/grafana-dashboard.json"));
my $alerts = slurp_file("$directory/alerts.yaml");

# ---------------------------------------------------------------- words for reasons

# Each reason that the source gives has a word of its own.
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
	shared_preload_libraries = 'expand_contract'
	max_worker_processes = 16
});
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql('CREATE EXTENSION expand_contract');
my %reasons;
for my $file (glob("$root/src/*/*.c $root/src/*/*/*.c"))
{
	my $source = slurp_file($file);

	$reasons{$1} = 1 while $source =~ /->throttled_by = "([^"]+)"/g;
	next if $file !~ m{/throttle/(?:check_|throttle\.c)};
	$reasons{$1} = 1 while $source =~ /return (?:\w+(?:->\w+)* \? )?(?:NULL : )?(?:psprintf\()?"([^"]+)"/g;
}
cmp_ok(scalar keys %reasons, '>=', 12, 'the source gives reasons to wait');
is( sql(sprintf q{SELECT string_agg(r, ', ') FROM unnest(%s::text[]) r WHERE expand_contract.throttle_code(r) IN ('other', 'none')},
		'ARRAY[' . join(', ', map { "'" . s/'/''/gr . "'" } sort keys %reasons) . ']'),
	'', 'each has a word');

# ---------------------------------------------------------------- something to see

sql(q{
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE TABLE users (id int PRIMARY KEY, a text, b text CHECK (b <> 'bad'));
	INSERT INTO users SELECT i, i FROM generate_series(1, 10000) i;
	SELECT ec_track('users', '{a}');
	SELECT ec_expand('users', 'users', '{"b": "a"}', '{"a": "b"}');
	CREATE TABLE parts (id int PRIMARY KEY, a text, b text);
	INSERT INTO parts VALUES (1, '1');
	SELECT ec_expand('parts', 'parts', '{"b": "a"}', '{"a": "b"}');
	UPDATE users SET a = 'bad' WHERE id = 1;
	UPDATE users SET a = 'good' WHERE id = 2;
});
my $slow = sql(q{SELECT ec_backfill('users', 'b = a', 'id > 2 AND b IS NULL', batch_size => 1, delay_ms => 100)});
my $later = sql(q{SELECT ec_backfill('users', 'b = a', 'id > 2 AND b IS NULL', start_at => now() + interval '1 day')});
my $failed = sql(q{SELECT ec_backfill('parts', 'b = ''x'' || (1 / (id - 1))::text', 'b IS NULL')});
$node->poll_query_until('postgres', "SELECT state = 'failed' FROM ec_progress WHERE job = $failed");
$node->poll_query_until('postgres',
	"SELECT rows_done > 0 AND throttle = 'delay' FROM ec_metrics_jobs WHERE job = $slow");

is( sql("SELECT string_agg(state || ' ' || throttle || ' ' || error_code, ', ' ORDER BY job) FROM ec_metrics_jobs WHERE job IN ($later, $failed)"),
	'queued start -, failed none 22012',
	'the launcher and a start time, and an error');

# ---------------------------------------------------------------- the queries

my %metrics; # name => usage
my %labels;  # of a metric's namespace
for my $namespace (sort keys %$queries)
{
	my $query = $queries->{$namespace};
	my (@labels, @columns);

	for my $entry (@{ $query->{metrics} })
	{
		my ($column) = keys %$entry;
		my $usage = $entry->{$column}{usage};

		push @columns, $column;
		like($usage, qr/^(?:LABEL|COUNTER|GAUGE)$/, "$namespace.$column has a usage");
		ok($entry->{$column}{description}, "$namespace.$column has a description");
		if ($usage eq 'LABEL') { push @labels, $column; }
		else { $metrics{"${namespace}_$column"} = $usage; }
	}
	$labels{$namespace} = [@labels];
	my $text = $query->{query} =~ s/;?\s*$//r;
	my $bad = join ' OR ', map { qq{coalesce("$_"::text, '') = ''} } @labels;
	is( $node->safe_psql('postgres', "SELECT count(*) > 0, count(*) FILTER (WHERE $bad) FROM ($text) q",
			extra_params => [ '-U', 'watcher' ]),
		't|0', "$namespace: rows, and no label is empty");
	my $types = $node->safe_psql('postgres', "$text LIMIT 0 \\gdesc", extra_params => [ '-U', 'watcher' ]);
	my %type = map { split /\|/ } split /\n/, $types;
	is_deeply([ sort keys %type ], [ sort @columns ], "$namespace: each column is declared");
	is(join(', ', grep { $type{$_} ne 'text' } @labels), '', "$namespace: labels are text");
	my %is_label = map { $_ => 1 } @labels;
	is( join(', ', grep { $type{$_} !~ /^(?:bigint|integer|double precision)$/ } grep { !$is_label{$_} } @columns),
		'', "$namespace: the rest are numbers");
	# a series is known by its labels
	is( $node->safe_psql('postgres', "SELECT count(*) FROM (SELECT FROM ($text) q GROUP BY " . join(', ', map { qq{"$_"} } @labels) . ' HAVING count(*) > 1) d'),
		'0', "$namespace: no two rows have the same labels");
}

# ---------------------------------------------------------------- alerts and dashboard

my @expressions;
for my $panel (@{ $dashboard->{panels} })
{
	ok($panel->{title} && $panel->{type} && $panel->{gridPos}, 'a panel has title, type and place');
	for my $target (@{ $panel->{targets} })
	{
		push @expressions, $target->{expr};
		is($target->{datasource}{uid}, '${datasource}', "$panel->{title}: asks the chosen source");
	}
}
is(scalar(keys %{ { map { $_->{id} => 1 } @{ $dashboard->{panels} } } }), scalar @{ $dashboard->{panels} }, 'panels have ids of their own');
cmp_ok(scalar @expressions, '>', 15, 'the dashboard has queries');
for my $text (@expressions, $alerts, $dashboard->{templating}{list}[1]{query})
{
	my @unknown = grep { !exists $metrics{$_} } $text =~ /\b(ec_(?:job|change|gate|usage|server)\w*)\b(?!\()/g;

	is(join(', ', grep { !/^ec_(?:gates|progress|discrepancies|backfill_change)$/ } @unknown), '', 'asks for metrics that there are');
}

# Calls in the alerts' texts are ours, with as many arguments.
for my $call ($alerts =~ /\b(ec_(?:resume|cancel|gates|contract|backfill_change))\(/g)
{
	is(sql("SELECT count(*) > 0 FROM pg_proc WHERE proname = '$call'"), 't', "$call is a function");
}

SKIP:
{
	my $promtool = (grep { -x } map { "$_/promtool" } split(/:/, $ENV{PATH}), '/usr/bin')[0];

	skip 'promtool is not installed (Debian: prometheus)', 1 if !defined $promtool;
	my $rules = $node->basedir . '/dashboard.yaml';
	append_to_file($rules, "groups:\n  - name: dashboard\n    rules:\n");
	for my $i (0 .. $#expressions)
	{
		my $expression = $expressions[$i] =~ s/\$instance/.*/gr;

		append_to_file($rules, "      - record: panel_$i\n        expr: '" . $expression =~ s/'/''/gr . "'\n");
	}
	command_ok([ $promtool, 'check', 'rules', "$directory/alerts.yaml" ], 'the rules are valid');
	command_ok([ $promtool, 'check', 'rules', $rules ], 'the queries of the dashboard are valid');
	command_ok([ $promtool, 'test', 'rules', "$directory/alerts_test.yaml" ], 'the rules fire when they should');
}

# ---------------------------------------------------------------- the exporter

sub values_of
{
	my ($page) = @_;
	my %values;

	for my $line (split /\n/, $page)
	{
		$values{$1}{ $2 // '' } = $3 if $line =~ /^(ec_\w+)(?:\{(.*)\})? (\S+)$/;
	}
	return \%values;
}

SKIP:
{
	my $program = (grep { -x } map { "$_/prometheus-postgres-exporter" } split(/:/, $ENV{PATH}), '/usr/bin')[0];

	skip 'prometheus-postgres-exporter is not installed', 1 if !defined $program;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $source = 'user=watcher dbname=postgres sslmode=disable host=' . $node->host . ' port=' . $node->port;
	my $log = $node->basedir . '/exporter.log';
	local $ENV{DATA_SOURCE_NAME} = $source;
	# PGAPPNAME and friends are for libpq
	delete local @ENV{ grep { /^PG/ } keys %ENV };
	my $exporter = IPC::Run::start(
		[ $program, "--extend.query-path=$directory/queries.yaml", "--web.listen-address=127.0.0.1:$port",
		  '--disable-default-metrics', '--disable-settings-metrics' ],
		'>', $log, '2>&1');
	my $http = HTTP::Tiny->new(timeout => $PostgreSQL::Test::Utils::timeout_default);
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
	my $scrape = sub {
		my $answer;

		while ($tries-- > 0)
		{
			$answer = $http->get("http://127.0.0.1:$port/metrics");
			last if $answer->{success} && $answer->{content} =~ /^ec_server_preloaded/m;
			usleep(100_000);
		}
		return $answer->{content};
	};
	my $page = $scrape->();
	my $first = values_of($page);

	is(join(', ', grep { !exists $first->{$_} } sort keys %metrics), '', 'every metric is scraped');
	is(join(', ', grep { $page !~ /^# TYPE $_ \L$metrics{$_}$/m } sort keys %metrics), '', 'counters as counters, gauges as gauges');
	unlike($page, qr/^ec_.*=""/m, 'no label is empty');
	unlike($page, qr/^pg_exporter_user_queries_load_error.* 1$/m, 'the file was loaded');
	like($page, qr/^ec_job_state_info\{.*error_code="22012".*state="failed".*\} 1$/m, 'a failed job, with its code');
	like($page, qr/^ec_change_discrepancies\{.*change="users".*\} 1$/m, 'a discrepancy');

	my ($series) = grep { /job_id="$slow"/ } keys %{ $first->{ec_job_rows_done} };
	my $second;
	do { $second = values_of($scrape->()); }
	  until $tries <= 0 || $second->{ec_job_rows_done}{$series} > $first->{ec_job_rows_done}{$series};
	cmp_ok($second->{ec_job_rows_done}{$series}, '>', $first->{ec_job_rows_done}{$series}, 'a job goes on');
	my @backwards;
	for my $metric (grep { $metrics{$_} eq 'COUNTER' } sort keys %metrics)
	{
		for my $labels (keys %{ $first->{$metric} })
		{
			my $now = $second->{$metric}{$labels};

			push @backwards, "$metric\{$labels\}"
			  if !defined $now || $now ne 'NaN' && $now < $first->{$metric}{$labels};
		}
	}
	is(join(', ', @backwards), '', 'no counter goes backwards or away');
	$exporter->kill_kill(grace => 5);
}

$node->stop('immediate');
done_testing();
