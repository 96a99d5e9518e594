# The documentation's examples, run as they stand.
#
# For README.md and every doc/*.md: the blocks fenced as ```sql run in order,
# in one psql session in a database of the file's own.  It has the extension
# unless the file creates it.  A plain block (``` or ```text) that directly
# follows an sql block, with nothing but empty lines between, is what psql
# shows for it: command tags, results, notices and errors with their detail and
# hint.  An sql block without such output has to run without an error.
#
# A comment <!-- setup … --> holds SQL that the file needs and the reader does
# not; it runs first, and its output goes nowhere.  <!-- setup preloaded … -->
# does the same, and says that the file's server has preloaded the library.
#
# What cannot run here says so in its info string: "```sql norun" for SQL (\watch,
# placeholders, what needs another session; GitHub takes the first word for the
# language and colours it as SQL), and console, sh and ini for what is none.
# Any other info string fails, so that no example escapes by a slip of the pen.
#
# Links between the files lead somewhere, and doc/README.md names everything that
# a user can call; doc/security.md also who may.
use strict;
use warnings;

use Cwd qw(realpath);
use FindBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = realpath("$FindBin::RealBin/../..");

# Columns whose figures are of that day, wherever a table or an expanded row
# shows them.
my $figures = qr/^(?:pid|rows_per_second|eta|wal_bytes|table_growth)$/;

# What follows a statement that was not ended would be taken for its rest.
sub is_complete
{
	my ($sql) = @_;
	my @lines = grep { !/^\s*(?:--.*)?$/ } split /\n/, $sql;

	return @lines > 0 && $lines[-1] =~ /;\s*(?:--.*)?$|\\[a-z]/;
}

# The fenced blocks of a file, each with its line, info string and text; the
# output that belongs to an sql block is its {output}.
sub read_document
{
	my ($path) = @_;
	my %document = (setup => '', preloaded => 0, blocks => []);
	my ($block, $previous, $in_setup);

	open my $file, '<', $path or die "could not open $path: $!";
	while (my $line = <$file>)
	{
		if ($in_setup)
		{
			$in_setup = 0 if $line =~ s/-->.*//s;
			$document{setup} .= $line;
		}
		elsif ($block)
		{
			if ($line =~ /^```\s*$/)
			{
				if ($block->{info} =~ /^(?:text)?$/ && $previous)
				{
					$previous->{output} = $block->{text};
					undef $previous;
				}
				else
				{
					push @{ $document{blocks} }, $block;
					$previous = $block->{info} eq 'sql' ? $block : undef;
				}
				undef $block;
			}
			else
			{
				$block->{text} .= $line;
			}
		}
		elsif ($line =~ /^```(.*?)\s*$/)
		{
			$block = { line => $., info => $1, text => '' };
		}
		elsif ($line =~ /^<!--\s*setup\b( preloaded\b)?(.*)/s)
		{
			$document{preloaded} ||= defined $1;
			$document{setup} .= $2;
			$in_setup = $document{setup} !~ s/-->.*//s;
			undef $previous;
		}
		elsif ($line =~ /\S/)
		{
			undef $previous;
		}
	}
	close $file;
	die "$path: line $block->{line} opens a block that is not closed\n" if $block;
	die "$path: a setup is not closed\n" if $in_setup;
	return \%document;
}

# Figures of that day in the columns that hold them.
sub without_figures
{
	my @lines = @_;
	my @columns;

	for my $i (0 .. $#lines)
	{
		# a row of an expanded table
		if ($lines[$i] =~ /^(\w+) +\| / && $1 =~ $figures)
		{
			$lines[$i] =~ s/\|.*\d.*/| FIGURE/;
			next;
		}

		# the line between the head of a table and its rows
		if ($i > 0 && $lines[$i] =~ /^-[-+]*-$/)
		{
			@columns = map { /^ *(\w+) *$/ && $1 =~ $figures ? 1 : 0 }
			  split /\|/, $lines[ $i - 1 ];
			next;
		}
		@columns = () if $lines[$i] =~ /^\(\d+ rows?\)$/;
		next if !grep { $_ } @columns;
		my @cells = split /\|/, $lines[$i], -1;
		next if @cells != @columns;
		for my $j (0 .. $#cells)
		{
			$cells[$j] = ' FIGURE ' if $columns[$j] && $cells[$j] =~ /\d/;
		}
		$lines[$i] = join '|', @cells;
	}
	return @lines;
}

# What may differ between the document and a run, on both sides alike:
#   - figures of that day, in the columns named above
#   - points in time; durations as 00:00:12; the number after "pid"
#   - the notices that CALL ec_wait and ec_wait_migration give while they wait: as
#     many as it takes
#   - widths: runs of blanks and of dashes, blanks at the end of a line
#   - empty lines at the beginning and the end
sub normalise
{
	my ($output) = @_;
	my @lines = without_figures(split /\n/, $output);

	@lines = grep {
		!/^NOTICE:  job \d+(?:: [\d.]+ %, \d+ rows, | is (?:queued|running), )/
		  && !/^NOTICE:  migration ".*" is (?:queued|running), /
	} @lines;
	for (@lines)
	{
		s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d(?::?\d\d)?)?/TIME/g;
		s/\b\d\d:\d\d:\d\d(?:\.\d+)?/DURATION/g;
		s/\bpid \d+/pid PID/g;
		s/-+/-/g;
		s/\s+/ /g;
		s/ $//;
	}
	$output = join("\n", @lines);
	$output =~ s/^\n+|\n+$//g;
	return "$output\n";
}

sub show_diff
{
	my ($expected, $got) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();

	append_to_file("$directory/document", $expected);
	append_to_file("$directory/psql", $got);
	diag(scalar `cd $directory && diff -u document psql`);
	return;
}

# One psql session for the whole file, with a mark after each part; what psql
# showed for each part, undef for those whose end it did not come to.  From
# standard input, as pg_regress does it, errors have no file name in front.
sub run_psql
{
	my ($node, $database, @parts) = @_;
	my @shown;
	my $shown;
	my $script = '';

	$script .= "$parts[$_]\n\\echo [end of part $_]\n" for 0 .. $#parts;
	IPC::Run::run [ 'psql', '-X', '-d', $node->connstr($database) ], '<', \$script,
	  '>&', \$shown, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	push @shown, $shown =~ s/\A(.*?)\[end of part $_\]\n//s ? $1 : undef
	  for 0 .. $#parts;
	return @shown;
}

sub check_block
{
	my ($name, $block, $shown) = @_;

	if (!is_complete($block->{text}) || !defined $shown)
	{
		fail($name);
		diag('its last statement has no end');
	}
	elsif (defined $block->{output})
	{
		my ($expected, $got) = map { normalise($_) } $block->{output}, $shown;

		ok($expected eq $got, $name) or show_diff($expected, $got);
	}
	else
	{
		unlike($shown, qr/^(?:ERROR|FATAL|PANIC):|^psql: error|^invalid command/m, $name);
	}
	return;
}

sub start_server
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--username=postgres', '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', $_) for @settings;
	$node->start;
	return $node;
}

sub check_document
{
	my ($plain, $preloaded, $path, $database) = @_;
	my $document = read_document("$root/$path");
	my $node = $document->{preloaded} ? $preloaded : $plain;
	my @blocks = grep { $_->{info} eq 'sql' } @{ $document->{blocks} };
	my $setup = $document->{setup};

	like($_->{info}, qr/^(?:sql|sql norun|text|console|sh|ini|)$/,
		"$path:$_->{line} has an info string that says what it is")
	  for grep { $_->{info} !~ /^(?:sql|text|)$/ } @{ $document->{blocks} };
	return if !@blocks;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION expand_contract')
	  if !grep { $_->{text} =~ /^\s*CREATE EXTENSION (?:IF NOT EXISTS )?expand_contract/mi }
	  @blocks;
	my ($setup_shown, @shown) =
	  run_psql($node, $database, $setup, map { $_->{text} } @blocks);
	check_block("$path: setup", { text => $setup }, $setup_shown) if $setup =~ /\S/;
	check_block("$path:$_->{line}", $_, shift @shown) for @blocks;
	return;
}

# What GitHub makes of a heading, to link to it.
sub anchor_of
{
	my ($heading) = @_;

	$heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
	$heading = lc $heading;
	$heading =~ s/[^\w\- ]//g;
	return $heading =~ s/ /-/gr;
}

sub anchors_of
{
	my ($path) = @_;
	my $text = slurp_file("$root/$path");

	$text =~ s/^```.*?^```//gms;
	utf8::decode($text);
	return { map { anchor_of($_) => 1 } $text =~ /^#+ (.*)$/mg };
}

sub check_links
{
	my (@paths) = @_;
	my @dead;

	for my $path (@paths)
	{
		my $directory = $path =~ s{[^/]+$}{}r;

		for my $link (slurp_file("$root/$path") =~ /\]\(([^)\s]+)\)/g)
		{
			next if $link =~ /^https?:/;
			my ($file, $anchor) = split /#/, $link, 2;
			my $target = $file eq '' ? $path : "$directory$file";

			push @dead, "$path: $link"
			  if !-e "$root/$target"
			  || defined $anchor && !anchors_of($target)->{$anchor};
		}
	}
	is_deeply(\@dead, [], 'links lead somewhere');
	return;
}

sub check_index
{
	my ($node) = @_;
	my $index = slurp_file("$root/doc/README.md");
	my @names = split /\n/, $node->safe_psql('postgres', q{
		CREATE EXTENSION expand_contract;
		SELECT DISTINCT name FROM (
			SELECT proname, pronamespace FROM pg_proc
			UNION ALL
			SELECT relname, relnamespace FROM pg_class WHERE relkind = 'v') AS objects (name, schema)
		 WHERE schema = 'public'::regnamespace AND name LIKE 'ec\_%' ORDER BY name});

	cmp_ok(scalar @names, '>', 10, 'there is something to call');
	is_deeply([ grep { $index !~ /`(?:CALL )?$_`/ } @names ], [], 'doc/README.md names it all');
	return;
}

# What the table of doc/security.md says of each name: who may call it.
sub documented_rights
{
	my %who;

	for my $row (slurp_file("$root/doc/security.md") =~ /^\| (`ec_.*)$/mg)
	{
		my ($names, $right) = split / \| /, $row;

		$who{$_} = $right =~ /^(everyone|granted|owner)\b/ ? $1 : $right for $names =~ /`(\w+)`/g;
	}
	return \%who;
}

# Who may call what, as the catalogues have it, for a role that owns nothing:
# before ec_grant and after it.
sub granted_rights
{
	my ($node) = @_;

	return { map { split /=/ } split /\n/, $node->safe_psql('postgres', q{
		CREATE ROLE nobody_yet;
		CREATE TEMP TABLE objects AS
		SELECT p.oid, p.proname AS name, false AS is_view FROM pg_proc p
		 WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'ec\_%'
		UNION ALL
		SELECT c.oid, c.relname, true FROM pg_class c
		 WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'ec\_%' AND c.relkind = 'v';
		CREATE FUNCTION pg_temp.may(object objects) RETURNS boolean LANGUAGE sql AS $$
			SELECT CASE WHEN object.is_view THEN has_table_privilege('nobody_yet', object.oid, 'SELECT')
			            ELSE has_function_privilege('nobody_yet', object.oid, 'EXECUTE') END $$;
		ALTER TABLE objects ADD before boolean, ADD after boolean;
		UPDATE objects SET before = pg_temp.may(objects);
		DO $$ BEGIN PERFORM ec_grant('nobody_yet'); END $$;
		UPDATE objects SET after = pg_temp.may(objects);
		SELECT concat(name, '=', string_agg(DISTINCT CASE WHEN before THEN 'everyone' WHEN after THEN 'granted' ELSE 'owner' END, ', '))
		  FROM objects GROUP BY name}) };
}

# Every function and view, and no other, under its own right.
sub check_rights
{
	my ($node) = @_;

	is_deeply(documented_rights(), granted_rights($node), 'doc/security.md says who may call what');
	return;
}

# The examples are a superuser's, and his name is postgres.
$ENV{PGUSER} = 'postgres';
$ENV{PGCLIENTENCODING} = 'UTF8';
my $plain = start_server('plain');
my $preloaded = start_server('preloaded', "shared_preload_libraries = 'expand_contract'");

my @documents = grep { -e "$root/$_" } 'README.md', map { s{^\Q$root\E/}{}r } sort glob("$root/doc/*.md");
cmp_ok(scalar @documents, '>', 0, 'there is documentation');
check_document($plain, $preloaded, $documents[$_], "document_$_") for 0 .. $#documents;

check_links(@documents);
check_index($plain);
check_rights($plain);

$plain->stop;
$preloaded->stop;
done_testing();
