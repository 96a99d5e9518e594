# What CALL ec_wait prints of a long job: another line for another percent only,
# however many rows a percent has.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id int PRIMARY KEY, name text, email text);
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 20000) i;
});

my $job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', batch_size => 1, delay_ms => 20)});
my ($code, $out, $err) = $node->psql('postgres', "CALL ec_wait($job, '8 s')");
like($err, qr/gave up waiting for job $job/, 'the wait ends before the job');
my @percents = $err =~ /NOTICE:  job $job: (\d+)/g;
cmp_ok(scalar(@percents), '>', 0, 'it has told something');
my @repeated = grep { $percents[$_] == $percents[ $_ - 1 ] } 1 .. $#percents;
is(scalar(@repeated), 0, 'and no percent again')
  or diag($err);

$node->safe_psql('postgres', "SELECT ec_pause($job)");
($code, $out, $err) = $node->psql('postgres', "CALL ec_wait($job, '4 s')");
my @lines = $err =~ /NOTICE:  job $job is paused/g;
is(scalar(@lines), 1, 'what does not change is told once');

$node->safe_psql('postgres', "SELECT ec_cancel($job)");
$node->stop;
done_testing();
