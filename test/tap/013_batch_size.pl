# How many rows a batch writes, when a row costs so many seconds in one batch
# after the other.  The target is 50 ms a batch, and at 500 ms it is cancelled.
#
# What the worker decides from is time, which no server can repeat: the code
# that decides is compiled into a program of its own, and told the times.
use strict;
use warnings;

use Cwd qw(realpath);
use FindBin;

use PostgreSQL::Test::Utils;
use Test::More;

my $root = realpath("$FindBin::RealBin/../..");
my $program = PostgreSQL::Test::Utils::tempdir() . '/batch_sizes';

sub pg_config
{
	my ($what) = @_;
	my ($out, $err) = run_command([ $ENV{PG_CONFIG} // 'pg_config', "--$what" ]);

	return $out;
}

my $compiler = (split ' ', $ENV{CC} // pg_config('cc'))[0];
command_ok(
	[
		$compiler, '-O1',
		"-I$root/src", '-I' . pg_config('includedir-server'),
		'-o', $program,
		"$root/test/unit/batch_sizes.c"
	],
	'the code that decides compiles without a server');

sub sizes_are
{
	my ($batch_size, $costs, $sizes, $name) = @_;
	my ($out, $err) =
	  run_command([ $program, $batch_size, 0.05, 0.5, split ' ', $costs ]);

	is($out, $sizes, $name);
	return;
}

sizes_are(0, '5e-5 5e-5 5e-5 5e-5 5e-5 5e-5', '500 600 720 864 1000 1000',
	'by time: it grows by a fifth at a time, up to the target');
sizes_are(0, '1e-6 1e-6 1e-6 1e-6 1e-6 1e-6 1e-6 1e-6', '500 1000 2000 4000 8000 16000 32000 38400',
	'by time: far below the target it doubles');

sizes_are(0, '1e-4 1e-4 1e-4 6e-4 1e-4 1e-4 1e-4', '500 500 500 500 500 500 500',
	'one slow batch changes nothing');
sizes_are(0, '1e-4 1e-4 1e-4 1e-6 1e-4 1e-4 1e-4', '500 500 500 500 500 500 500',
	'one quick batch changes nothing');
sizes_are(
	0,
	'1e-4 1e-4 1e-4 6e-4 1e-4 6e-4 1e-4 1e-4',
	'500 500 500 500 500 500 250 300',
	'two slow batches of three halve it');
sizes_are(0, '1e-4 1e-4 1e-4 4e-4 4e-4 4e-4 4e-4', '500 500 500 500 500 250 125',
	'slow for good: the second slow batch halves it');

sizes_are(0, '2e-4 4e-4 2e-4 4e-4 2e-4 4e-4', '500 250 500 250 500 250',
	'half as many rows take as long: the size is restored');
sizes_are(
	0,
	'1.2e-4 1.44e-4 1.73e-4 1.73e-4 2.08e-4 2.08e-4 2.5e-4 1.2e-4',
	'500 416 347 347 289 289 240 500',
	'likewise when it has shrunk in small steps');

sizes_are(0, '1e-4 1e-4 1e-4 2e-3 1e-4 1e-4 1e-4', '500 500 500 500 125 500 500',
	'cancelled once: a quarter for one batch');
sizes_are(
	0,
	'1e-4 1e-4 1e-4 2e-2 2e-2 2e-2 2e-2 2e-2 2e-2',
	'500 500 500 500 125 31 7 3 2',
	'cancelled again and again: down to what fits');

sizes_are(1000, '1e-5 4e-4 4e-4 4e-4 1e-6', '1000 1000 1000 1000 1000',
	'by number: costs change nothing');
sizes_are(1000, '1e-5 1e-5 1e-5 2e-3 1e-5 1e-5', '1000 1000 1000 1000 250 1000',
	'by number: cancelled once');
sizes_are(
	1000,
	'2e-3 2e-3 2e-3 2e-3 1e-5 1e-5 1e-5 1e-5',
	'1000 250 62 76 92 111 134 162',
	'by number: cancelled again and again, then slowly up');

sizes_are(0, '1 1 1 1 1 1 1 1 0.01', '500 125 31 7 1 1 1 1 1',
	'never less than a row');
sizes_are(1, '0 0', '1 1', 'by number: a batch that takes no time');
sizes_are(0, '0 0', '500 500', 'by time: a batch that takes no time');

done_testing();
