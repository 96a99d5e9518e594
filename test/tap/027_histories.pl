# Whole histories, of the forms that public projects have, written anew: a service
# with golang-migrate, a site with flyway, an application with Prisma, a queue with
# goose, a schema that Rails has dumped.  Each is applied from its first file to its
# last, as its people would, taken back where it has a way back, and applied again.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('histories');
$node->init;
$node->start;

my $directory = PostgreSQL::Test::Utils::tempdir . '/migrations';

sub files
{
	my (%files) = @_;

	remove_tree($directory);
	for (keys %files)
	{
		make_path(dirname("$directory/$_"));
		append_to_file("$directory/$_", $files{$_});
	}
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS app');
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app', 'CREATE EXTENSION expand_contract');
	return;
}

sub applies
{
	my ($name, $count, $check, $expected) = @_;
	my ($code, undef, $stderr) = $node->psql('app', "CALL ec_apply_directory('$directory')");

	is($code, 0, "$name runs whole") or diag($stderr);
	like($stderr, qr/$count of $count migrations were new/, "$name: each file");
	is($node->safe_psql('app', $check), $expected, "$name: what it makes is there");
	(undef, undef, $stderr) = $node->psql('app', "CALL ec_apply_directory('$directory')");
	like($stderr, qr/ 0 of $count migrations were new/, "$name: once");
	return;
}

# Newest first, as long as there is a way back; and up again.
sub goes_back
{
	my ($name, $left) = @_;

	for my $version (split /\n/, $node->safe_psql('app', q{
		SELECT version FROM ec_migrations WHERE version IN
		  (SELECT version FROM expand_contract.schema_migrations WHERE down IS NOT NULL)
		 ORDER BY expand_contract.version_key(version) DESC}))
	{
		$node->safe_psql('app', "SELECT ec_rollback('$version')");
		$node->safe_psql('app', "CALL ec_wait_migration('$version')");
	}
	is($node->safe_psql('app', q{SELECT count(*) FROM ec_migrations}), $left, "$name goes back");
	return;
}

# golang-migrate: pairs, BEGIN and COMMIT, an index that no transaction can hold.
my @golang = (
	'000001_create_users.up.sql' => "BEGIN;\n\nCREATE EXTENSION IF NOT EXISTS pgcrypto;\nCREATE TABLE IF NOT EXISTS users (\n    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),\n    email varchar(320) NOT NULL UNIQUE,\n    created_at timestamptz NOT NULL DEFAULT now()\n);\n\nCOMMIT;\n",
	'000001_create_users.down.sql' => "BEGIN;\nDROP TABLE IF EXISTS users;\nCOMMIT;\n",
	'000002_add_roles.up.sql' => "DO \$\$ BEGIN\n    CREATE TYPE user_role AS ENUM ('admin', 'member');\nEXCEPTION\n    WHEN duplicate_object THEN NULL;\nEND \$\$;\nALTER TABLE users ADD COLUMN role user_role NOT NULL DEFAULT 'member';\n",
	'000002_add_roles.down.sql' => "ALTER TABLE users DROP COLUMN role;\nDROP TYPE user_role;\n",
	'000003_index_role.up.sql' => "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_role_idx ON users (role);\n",
	'000003_index_role.down.sql' => "DROP INDEX CONCURRENTLY IF EXISTS users_role_idx;\n",
	'000004_noop.up.sql' => '',
	'000004_noop.down.sql' => '',
	'000005_seed.up.sql' => "INSERT INTO users (email, role) VALUES ('root\@example.org', 'admin')\nON CONFLICT (email) DO NOTHING;\n",
	'000005_seed.down.sql' => "-- Down migration: remove what was seeded\nDELETE FROM users WHERE email = 'root\@example.org';\n",
	'README.md' => '# Migrations',
	'embed.go' => "package migrations\n");
files(@golang);
# the extension need not be installed here
if ($node->psql('app', 'CREATE EXTENSION pgcrypto') != 0)
{
	my $file = "$directory/000001_create_users.up.sql";
	my $text = slurp_file($file);
	$text =~ s/CREATE EXTENSION.*?;\n//;
	unlink $file;
	append_to_file($file, $text);
}
applies('golang-migrate', 5, q{SELECT (SELECT count(*) FROM users WHERE role = 'admin'), to_regclass('users_role_idx')}, '1|users_role_idx');
$node->safe_psql('app', q{SELECT ec_rollback('000005')});
is($node->safe_psql('app', 'SELECT count(*) FROM users'), 0, 'golang-migrate: a way back that calls itself one');

# flyway: versions with points, directories by year, functions, a view made anew.
files(
	'common/V1__Init.sql' => "-- Initial schema\nCREATE SCHEMA shop;\nSET search_path TO shop;\nCREATE TABLE customer (\n  id bigserial PRIMARY KEY,\n  name text NOT NULL\n);\nCREATE TABLE \"order\" (\n  id bigserial PRIMARY KEY,\n  customer_id bigint NOT NULL REFERENCES customer (id),\n  total numeric(12,2) NOT NULL DEFAULT 0\n);\n",
	'common/V1.1__Audit_trigger.sql' => "CREATE OR REPLACE FUNCTION shop.touch() RETURNS trigger AS \$body\$\nBEGIN\n  -- down the road this will also log\n  NEW.updated_at := now();\n  RETURN NEW;\nEND;\n\$body\$ LANGUAGE plpgsql;\n\nALTER TABLE shop.customer ADD COLUMN updated_at timestamptz;\nCREATE TRIGGER customer_touch BEFORE UPDATE ON shop.customer\n  FOR EACH ROW EXECUTE FUNCTION shop.touch();\n",
	'2024/V2__Totals_view.sql' => "CREATE VIEW shop.totals AS\n  SELECT customer_id, sum(total) AS total FROM shop.\"order\" GROUP BY customer_id;\n",
	'2024/V2_1__Order_status.sql' => "CREATE TYPE shop.status AS ENUM ('new', 'paid');\nALTER TABLE shop.\"order\" ADD COLUMN status shop.status NOT NULL DEFAULT 'new';\n",
	'2024/V2_2__Status_shipped.sql' => "ALTER TYPE shop.status ADD VALUE IF NOT EXISTS 'shipped';\nUPDATE shop.\"order\" SET status = 'shipped' WHERE id < 0;\n",
	'2024/V10__Index.sql' => "CREATE INDEX CONCURRENTLY order_customer ON shop.\"order\" (customer_id);\n",
	'2024/V10__Index.sql.conf' => "executeInTransaction=false\n");
applies('flyway', 6,
	q{SELECT string_agg(version, ' ' ORDER BY expand_contract.version_key(version)) FROM ec_migrations},
	'1 1.1 2 2.1 2.2 10');

# Prisma: a directory each, quoted names, CRLF, an empty one.
files(
	'migration_lock.toml' => "# Please do not edit this file manually\nprovider = \"postgresql\"\n",
	'20230101000000_init/migration.sql' => "-- CreateEnum\r\nCREATE TYPE \"Role\" AS ENUM ('USER', 'ADMIN');\r\n\r\n-- CreateTable\r\nCREATE TABLE \"User\" (\r\n    \"id\" SERIAL NOT NULL,\r\n    \"email\" TEXT NOT NULL,\r\n    \"role\" \"Role\" NOT NULL DEFAULT 'USER',\r\n\r\n    CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\")\r\n);\r\n\r\n-- CreateIndex\r\nCREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");\r\n",
	'20230201000000_posts/migration.sql' => "-- CreateTable\nCREATE TABLE \"Post\" (\n    \"id\" SERIAL NOT NULL,\n    \"authorId\" INTEGER NOT NULL,\n    \"title\" TEXT NOT NULL,\n\n    CONSTRAINT \"Post_pkey\" PRIMARY KEY (\"id\")\n);\n\n-- AddForeignKey\nALTER TABLE \"Post\" ADD CONSTRAINT \"Post_authorId_fkey\" FOREIGN KEY (\"authorId\") REFERENCES \"User\"(\"id\") ON DELETE RESTRICT ON UPDATE CASCADE;\n",
	'20230301000000_body/migration.sql' => "-- AlterTable\nALTER TABLE \"Post\" ADD COLUMN     \"body\" TEXT,\nADD COLUMN     \"tags\" TEXT[] DEFAULT ARRAY[]::TEXT[];\n",
	'20230401000000_moderator/migration.sql' => "-- AlterEnum\nALTER TYPE \"Role\" ADD VALUE 'MODERATOR';\n",
	'20230501000000_squashed/migration.sql' => "-- This is an empty migration.\n");
applies('Prisma', 5, q{SELECT enum_range(NULL::"Role"), (SELECT count(*) FROM "Post")}, '{USER,ADMIN,MODERATOR}|0');

# goose: bodies between StatementBegin and StatementEnd, one outside of a transaction.
files(
	'00001_jobs.sql' => "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE jobs (\n    id bigserial PRIMARY KEY,\n    payload jsonb NOT NULL DEFAULT '{}',\n    state text NOT NULL DEFAULT 'ready'\n);\n-- +goose StatementEnd\n\n-- +goose Down\n-- +goose StatementBegin\nDROP TABLE jobs;\n-- +goose StatementEnd\n",
	'00002_notify.sql' => "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION jobs_notify() RETURNS trigger LANGUAGE plpgsql AS \$\$\nBEGIN\n    PERFORM pg_notify('jobs', NEW.id::text);\n    RETURN NULL;\nEND;\n\$\$;\n-- +goose StatementEnd\nCREATE TRIGGER jobs_notify AFTER INSERT ON jobs FOR EACH ROW EXECUTE PROCEDURE jobs_notify();\n\n-- +goose Down\nDROP TRIGGER jobs_notify ON jobs;\nDROP FUNCTION jobs_notify();\n",
	'00003_index.sql' => "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY jobs_state ON jobs (state) WHERE state <> 'done';\n\n-- +goose Down\nDROP INDEX CONCURRENTLY jobs_state;\n",
	'00004_nothing.sql' => "-- +goose Up\nSELECT 'up SQL query';\n\n-- +goose Down\nSELECT 'down SQL query';\n");
applies('goose', 4, q{SELECT to_regclass('jobs_state'), to_regproc('jobs_notify')}, 'jobs_state|jobs_notify');
goes_back('goose', 0);
is($node->safe_psql('app', q{SELECT to_regclass('jobs') IS NULL}), 't', 'goose: nothing is left');
applies('goose, again', 4, q{SELECT to_regclass('jobs_state')}, 'jobs_state');

# Rails' structure.sql, as the first version of what follows.
my $structure = q{SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.status AS ENUM (
    'draft',
    'published'
);

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.articles (
    id bigint NOT NULL,
    title character varying,
    status public.status DEFAULT 'draft'::public.status
);

CREATE SEQUENCE public.articles_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.articles_id_seq OWNED BY public.articles.id;

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);

ALTER TABLE ONLY public.articles ALTER COLUMN id SET DEFAULT nextval('public.articles_id_seq'::regclass);

ALTER TABLE ONLY public.articles
    ADD CONSTRAINT articles_pkey PRIMARY KEY (id);

CREATE INDEX index_articles_on_title ON public.articles USING btree (title);

SET search_path TO "$user", public;

INSERT INTO "schema_migrations" (version) VALUES
('20240102000000'),
('20240101000000');
};
files('001_structure.sql' => $structure, '002_slug.sql' => "ALTER TABLE articles ADD COLUMN slug text;\n");
applies('structure.sql', 2, q{SELECT nextval('articles_id_seq'), (SELECT count(*) FROM schema_migrations)}, '1|2');
is($node->safe_psql('app', q{SELECT ec_adopt('rails', scope => 'rails')}), 2, 'and its history is adopted');
files('001_structure.sql' => "\\restrict abc\n\n$structure\n\\unrestrict abc\n");
like(($node->psql('app', "CALL ec_apply_directory('$directory')"))[2], qr/HINT:  pg_dump writes \\restrict/,
	'what a newer pg_dump adds is told');
files('001_structure.sql' => "${structure}COPY public.articles (title) FROM stdin;\nit's \$here\$\n\\.\n");
like(($node->psql('app', "CALL ec_apply_directory('$directory')"))[2], qr/COPY FROM STDIN.*pg_dump --inserts/s,
	'and so are rows for a client');

$node->stop;
done_testing();
