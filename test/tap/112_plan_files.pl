# Migration files as other tools write them: Rails, Django, Prisma, Flyway, Alembic and
# others.  ec_migrate, which runs them online, ends in the same definitions and the
# same rows as psql, which runs them as they are.
#
# By default every eighth file runs; EC_TRUTH=all runs all of them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PlanTruth;
use Test::More;

# Each file has tables of its own.  They hold few rows, and the statistics say that
# they are large.
my $fixture = <<'SQL';
CREATE SCHEMA HERE; SET search_path = HERE, public;
CREATE DOMAIN mail_address AS text CHECK (VALUE ~ '@');
CREATE DOMAIN positive_int AS integer CHECK (VALUE > 0);
CREATE DOMAIN lucky AS double precision DEFAULT random();
CREATE TYPE place AS (x integer, y integer);
CREATE TYPE "Mood" AS ENUM ('SAD', 'OK');
CREATE SEQUENCE counter;
CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE users (id bigint PRIMARY KEY, name text);
INSERT INTO users SELECT i, 'User ' || i FROM generate_series(1, 200) i;
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint CONSTRAINT orders_user_id_fkey REFERENCES users, code varchar(20), note text,
    amount numeric(10, 2) NOT NULL DEFAULT 0 CHECK (amount >= 0), state varchar(10), placed_at timestamp, lucky lucky);
INSERT INTO orders SELECT i, i % 50 + 1, 'c' || i, CASE WHEN i % 2 = 0 THEN 'n' || i END, i, CASE i % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'paid' ELSE 'void' END,
    timestamp '2026-01-01' + i * interval '1 hour', 1 FROM generate_series(1, 120) i;
CREATE INDEX orders_state_idx ON orders (state);
CREATE TRIGGER keep BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION keep();
CREATE VIEW order_view AS SELECT id, amount FROM orders;
CREATE MATERIALIZED VIEW totals AS SELECT user_id, sum(amount) AS total FROM orders GROUP BY user_id;
CREATE UNIQUE INDEX totals_key ON totals (user_id);
CREATE TABLE bookings (id integer, room integer, during int4range, user_id bigint, place place, twice integer GENERATED ALWAYS AS (room * 2) STORED);
INSERT INTO bookings SELECT i, i, int4range(i * 10, i * 10 + 5), i, ROW(1, 2)::place FROM generate_series(1, 50) i;
CREATE TABLE order_keys (order_id bigint, line_no integer, PRIMARY KEY (order_id, line_no));
CREATE TABLE order_lines (order_id bigint, line_no integer);
INSERT INTO order_keys SELECT i, 1 FROM generate_series(1, 20) i;
INSERT INTO order_lines SELECT i, 1 FROM generate_series(1, 20) i;
CREATE TABLE "Customer" ("customerId" integer NOT NULL, "email" text NOT NULL, "fullName" text, "orderId" bigint, visits integer DEFAULT 7, mood "Mood" DEFAULT 'SAD',
    CONSTRAINT "Customer_pkey" PRIMARY KEY ("customerId"));
INSERT INTO "Customer" SELECT i, 'm' || i, 'Name ' || i, i, i % 5, 'OK' FROM generate_series(1, 60) i;
CREATE INDEX "Customer_email_idx" ON "Customer" (email);
CREATE TABLE "Select" ("Order" integer, "größe" text);
INSERT INTO "Select" SELECT i, 'g' FROM generate_series(1, 20) i;
CREATE TABLE base (id integer, n integer); CREATE TABLE heir (own integer) INHERITS (base);
CREATE TABLE base2 (id bigint); CREATE TABLE orders_child (id bigint);
INSERT INTO base SELECT i, i FROM generate_series(1, 20) i; INSERT INTO heir SELECT i, i, i FROM generate_series(21, 40) i;
CREATE TABLE events (id bigint NOT NULL, day date NOT NULL, user_id bigint, kind text) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2 (kind text, user_id bigint, gone integer, id bigint NOT NULL, day date NOT NULL); ALTER TABLE events_2 DROP COLUMN gone;
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_old (LIKE events); INSERT INTO events_old SELECT i, date '2020-01-01' + i, i, 'k' FROM generate_series(1, 50) i;
CREATE INDEX events_user_idx ON events (user_id);
INSERT INTO events SELECT i, date '2025-01-01' + i * 6, i, 'k' || i % 5 FROM generate_series(1, 100) i;
CREATE TABLE keyed_events (id bigint, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE keyed_1 PARTITION OF keyed_events FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');
CREATE TABLE logs (id integer, kind text) PARTITION BY LIST (kind); CREATE TABLE logs_a PARTITION OF logs FOR VALUES IN ('a');
CREATE TABLE logs_rest PARTITION OF logs DEFAULT; CREATE TABLE logs_new (id integer, kind text);
INSERT INTO logs SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 40) i; INSERT INTO logs_new SELECT i, 'c' FROM generate_series(1, 20) i;
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relnamespace = 'HERE'::regnamespace AND relkind IN ('r', 'm');
SQL

# Values that are by chance, of the time, or in the order in which a job comes by the
# rows are not compared.
my $by_chance = q{('token', 'stamp', 'created_on', 'updated_on', 'createdAt', 'publicId', 'luck', 'lucky', 'kind', 'ref', 'uid', 'uuid', 'data',
	'seq', 'serialNo', 'no', 'booking_id', 'seqno', 'order_no', 'Group', 't1')};

sub rows_sql
{
	my ($schema) = @_;

	return qq{
		SELECT format('SELECT %L, count(*), md5(string_agg(r::text, chr(10) ORDER BY r::text)) FROM (SELECT %s FROM %I.%I) r', c.relname,
		       (SELECT coalesce(string_agg(quote_ident(attname), ',' ORDER BY attname), '1') FROM pg_attribute
		         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attname NOT IN $by_chance AND atttypid <> 'uuid'::regtype), nspname, relname)
		  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '$schema' AND relkind IN ('r', 'm') ORDER BY relname \\gexec
	};
}

my ($names, $files) = read_files(\*DATA);
my $step = ($ENV{EC_TRUTH} // '') eq 'all' ? 1 : 8;
my @numbers = grep { $_ % $step == 0 } 0 .. $#{$files};
my $node = start_truth('files');
my $online = 0;

for my $n (@numbers)
{
	$online += check_file($node, $n, $names->[$n], $fixture, $files->[$n], rows => rows_sql("c$n"));
}
note "$online of " . @numbers . ' had online steps';
cmp_ok($online, '>=', 0.5 * @numbers, 'most had online steps');

$node->stop;
done_testing();
__DATA__
== rails: add_column with a volatile default
ALTER TABLE "orders" ADD "token" uuid DEFAULT gen_random_uuid() NOT NULL;
== rails: add_reference
ALTER TABLE "orders" ADD "shipper_id" bigint;
CREATE INDEX "index_orders_on_shipper_id" ON "orders" ("shipper_id");
ALTER TABLE "orders" ADD CONSTRAINT "fk_rails_0c4f1a2b3d" FOREIGN KEY ("shipper_id") REFERENCES "users" ("id");
== rails: add_timestamps
ALTER TABLE "orders" ADD "created_on" timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE "orders" ADD "updated_on" timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
== rails: change_column_null with a value
UPDATE "orders" SET "note"='' WHERE "note" IS NULL;
ALTER TABLE "orders" ALTER COLUMN "note" SET NOT NULL;
== rails: change_column_default
ALTER TABLE "orders" ALTER COLUMN "note" SET DEFAULT 'none';
== rails: add_index unique partial expression
CREATE UNIQUE INDEX "index_orders_on_lower_code" ON "orders" (lower("code")) WHERE "state" = 'open';
== rails: add_index concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "index_orders_on_state" ON "orders" USING btree ("state", "placed_at" DESC);
== rails: remove_index concurrently
DROP INDEX CONCURRENTLY IF EXISTS "orders_state_idx";
== rails: remove_index
DROP INDEX "orders_state_idx";
== rails: rename_column
ALTER TABLE "orders" RENAME COLUMN "note" TO "remark";
== rails: rename_index
ALTER INDEX "orders_state_idx" RENAME TO "index_orders_on_state";
== rails: add_check_constraint validate false then validate
ALTER TABLE "orders" ADD CONSTRAINT "chk_rails_1" CHECK (amount >= 0) NOT VALID;
ALTER TABLE "orders" VALIDATE CONSTRAINT "chk_rails_1";
== rails: remove_foreign_key and column
ALTER TABLE "orders" DROP CONSTRAINT "orders_user_id_fkey";
ALTER TABLE "orders" DROP COLUMN "note";
== rails: create_table with references and index
CREATE TABLE "shipments" ("id" bigserial primary key, "order_id" bigint NOT NULL, "kind" character varying, "created_at" timestamp(6) NOT NULL, CONSTRAINT "fk_rails_ab" FOREIGN KEY ("order_id") REFERENCES "orders" ("id"));
CREATE INDEX "index_shipments_on_order_id" ON "shipments" ("order_id");
== rails: bulk change_table
ALTER TABLE "orders" ADD "a" integer DEFAULT 0 NOT NULL, ADD "b" character varying(40), ALTER COLUMN "code" SET NOT NULL, DROP COLUMN "note";
== rails: create_enum and column
CREATE TYPE "priority" AS ENUM ('low', 'high');
ALTER TABLE "orders" ADD "priority" "priority" DEFAULT 'low' NOT NULL;
== rails: add_unique_constraint deferrable
ALTER TABLE "orders" ADD CONSTRAINT "uniq_code" UNIQUE ("code") DEFERRABLE INITIALLY DEFERRED;
== rails: change_column to text
ALTER TABLE "orders" ALTER COLUMN "code" TYPE text;
== rails: add a jsonb column with index
ALTER TABLE "orders" ADD "extra" jsonb DEFAULT '{}' NOT NULL;
CREATE INDEX "index_orders_on_extra" ON "orders" USING gin ("extra");
== django: add field with default
ALTER TABLE "orders" ADD COLUMN "channel" varchar(20) DEFAULT 'web' NOT NULL;
ALTER TABLE "orders" ALTER COLUMN "channel" DROP DEFAULT;
== django: add nullable foreign key
ALTER TABLE "orders" ADD COLUMN "seller_id" bigint NULL CONSTRAINT "orders_seller_id_1a2b3c4d_fk_users_id" REFERENCES "users"("id") DEFERRABLE INITIALLY DEFERRED; SET CONSTRAINTS "orders_seller_id_1a2b3c4d_fk_users_id" IMMEDIATE;
CREATE INDEX "orders_seller_id_1a2b3c4d" ON "orders" ("seller_id");
== django: alter field null to not null
UPDATE "orders" SET "note" = 'x' WHERE "note" IS NULL; SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE "orders" ALTER COLUMN "note" SET NOT NULL;
== django: unique together
ALTER TABLE "orders" ADD CONSTRAINT "orders_user_id_code_5d6e7f80_uniq" UNIQUE ("user_id", "code");
== django: index with pattern ops
CREATE INDEX "orders_code_7f8e9d_like" ON "orders" ("code" varchar_pattern_ops);
== django: check constraint
ALTER TABLE "orders" ADD CONSTRAINT "amount_gte_0" CHECK (("amount" >= 0 AND "amount" < 100000000));
== django: alter type using
ALTER TABLE "orders" ALTER COLUMN "code" TYPE varchar(200) USING "code"::varchar(200);
== django: add unique field
ALTER TABLE "orders" ADD COLUMN "slug" varchar(50) NULL UNIQUE;
CREATE INDEX "orders_slug_like" ON "orders" ("slug" varchar_pattern_ops);
== django: remove field cascade
ALTER TABLE "orders" DROP COLUMN "note" CASCADE;
== django: uuid pk model
CREATE TABLE "baskets" ("id" uuid NOT NULL PRIMARY KEY, "order_id" bigint NOT NULL);
ALTER TABLE "baskets" ADD CONSTRAINT "baskets_order_id_fk" FOREIGN KEY ("order_id") REFERENCES "orders" ("id") DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX "baskets_order_id" ON "baskets" ("order_id");
== django: add identity id
ALTER TABLE "bookings" ADD COLUMN "seq" bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY;
== django: db comment
COMMENT ON COLUMN "orders"."code" IS 'what the customer sees; it''s unique';
== prisma: enum, columns, unique index, foreign key
-- CreateEnum
CREATE TYPE "OrderRole" AS ENUM ('USER', 'ADMIN');

-- AlterTable
ALTER TABLE "Customer" ADD COLUMN     "role" "OrderRole" NOT NULL DEFAULT 'USER',
ADD COLUMN     "nickName" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "Customer_nickName_key" ON "Customer"("nickName");

-- AddForeignKey
ALTER TABLE "Customer" ADD CONSTRAINT "Customer_orderId_fkey" FOREIGN KEY ("orderId") REFERENCES "orders"("id") ON DELETE SET NULL ON UPDATE CASCADE;
== prisma: required column with now and uuid
-- AlterTable
ALTER TABLE "Customer" ADD COLUMN     "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "publicId" UUID NOT NULL DEFAULT gen_random_uuid();
-- CreateIndex
CREATE UNIQUE INDEX "Customer_publicId_key" ON "Customer"("publicId");
== prisma: alter column set not null
/*
  Warnings:

  - Made the column `fullName` on table `Customer` required. This step will fail if there are existing NULL values in that column.

*/
-- AlterTable
ALTER TABLE "Customer" ALTER COLUMN "fullName" SET NOT NULL;
== prisma: autoincrement
ALTER TABLE "Customer" ADD COLUMN "serialNo" SERIAL NOT NULL;
== prisma: drop and add primary key
ALTER TABLE "Customer" DROP CONSTRAINT "Customer_pkey",
ADD CONSTRAINT "Customer_pkey" PRIMARY KEY ("customerId", "email");
== prisma: change of enum
ALTER TYPE "Mood" RENAME TO "Mood_old";
CREATE TYPE "Mood" AS ENUM ('SAD', 'OK', 'GREAT');
ALTER TABLE "Customer" ALTER COLUMN "mood" DROP DEFAULT;
ALTER TABLE "Customer" ALTER COLUMN "mood" TYPE "Mood" USING ("mood"::text::"Mood");
ALTER TABLE "Customer" ALTER COLUMN "mood" SET DEFAULT 'OK';
DROP TYPE "Mood_old";
== prisma: drop index and redefine
DROP INDEX "Customer_email_idx";
CREATE UNIQUE INDEX "Customer_email_idx" ON "Customer"("email");
== prisma: rename constraint
ALTER TABLE "Customer" RENAME CONSTRAINT "Customer_pkey" TO "Customer_pk";
== prisma: array column
ALTER TABLE "Customer" ADD COLUMN "tags" TEXT[] DEFAULT ARRAY[]::TEXT[];
== prisma: foreign key dropped and added
ALTER TABLE "orders" DROP CONSTRAINT "orders_user_id_fkey";
ALTER TABLE "orders" ADD CONSTRAINT "orders_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
== flyway: schema-qualified, several
ALTER TABLE HERE.orders ADD COLUMN IF NOT EXISTS region varchar(10) NOT NULL DEFAULT 'eu';
ALTER TABLE IF EXISTS HERE.orders ADD COLUMN IF NOT EXISTS token text NOT NULL DEFAULT md5(HERE.one()::text);
CREATE INDEX IF NOT EXISTS orders_region_idx ON HERE.orders (region);
COMMENT ON TABLE HERE.orders IS 'orders; with a semicolon';
== flyway: if exists of what does not
ALTER TABLE IF EXISTS nowhere ADD COLUMN x uuid DEFAULT gen_random_uuid();
ALTER TABLE orders ADD COLUMN IF NOT EXISTS code integer DEFAULT HERE.one();
ALTER TABLE orders DROP COLUMN IF EXISTS nothing;
ALTER TABLE orders DROP CONSTRAINT IF EXISTS nothing;
DROP INDEX IF EXISTS nothing_idx;
== flyway: a unique index and its constraint
CREATE UNIQUE INDEX orders_code_uq ON orders (code);
ALTER TABLE orders ADD CONSTRAINT orders_code_uq UNIQUE USING INDEX orders_code_uq;
== flyway: not null by a check
ALTER TABLE orders ADD CONSTRAINT note_nn CHECK (code IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT note_nn;
ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT note_nn;
== flyway: DO block
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'nothing') THEN
    ALTER TABLE orders ADD COLUMN done boolean DEFAULT false;
  END IF;
END $$;
== flyway: update from
UPDATE orders o SET note = u.name FROM users u WHERE u.id = o.user_id;
== flyway: delete using
DELETE FROM orders o USING users u WHERE u.id = o.user_id AND u.name = 'User 3';
== flyway: delete where not exists
DELETE FROM orders WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = orders.user_id);
== flyway: update with sub-select
UPDATE orders SET note = (SELECT name FROM users WHERE users.id = orders.user_id);
== flyway: several commands
ALTER TABLE orders
    ADD COLUMN weight numeric(10,3) NOT NULL DEFAULT 0,
    ADD COLUMN ref uuid DEFAULT gen_random_uuid(),
    ADD COLUMN owner_id bigint REFERENCES users (id) ON DELETE SET NULL,
    ADD CONSTRAINT weight_positive CHECK (weight >= 0),
    ALTER COLUMN note SET DEFAULT '-',
    ALTER COLUMN code SET NOT NULL;
== flyway: domain without constraint
ALTER TABLE orders ADD COLUMN luck lucky NOT NULL;
== flyway: identity with options
ALTER TABLE bookings ADD COLUMN no integer GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 10);
== flyway: serial primary key on a table without
ALTER TABLE bookings ADD COLUMN booking_id bigserial PRIMARY KEY;
== flyway: primary key
ALTER TABLE bookings ADD PRIMARY KEY (id);
== flyway: named primary key of two nullable columns
ALTER TABLE bookings ADD CONSTRAINT pk_bookings PRIMARY KEY (id, room);
== flyway: clustering and storage
ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL, ALTER COLUMN code SET STATISTICS 500;
ALTER TABLE orders SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
== flyway: trigger and function
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note = 'touched'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
== flyway: row level security
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON orders USING (user_id > 0);
== flyway: view over a new column
ALTER TABLE orders ADD COLUMN kind text DEFAULT clock_timestamp()::text;
CREATE VIEW open_orders AS SELECT id, kind FROM orders WHERE state = 'open';
== flyway: replace a materialized view
REFRESH MATERIALIZED VIEW totals;
REFRESH MATERIALIZED VIEW CONCURRENTLY totals;
== flyway: statistics and analyze
CREATE STATISTICS orders_s ON state, user_id FROM orders;
ANALYZE orders;
== flyway: rename table and go on
ALTER TABLE bookings RENAME TO reservations;
ALTER TABLE reservations ADD CONSTRAINT ok CHECK (room > 0);
CREATE INDEX ON reservations (room);
== flyway: like and fill
CREATE TABLE orders_copy (LIKE orders INCLUDING ALL);
INSERT INTO orders_copy SELECT * FROM orders;
CREATE INDEX ON orders_copy (note);
== flyway: create table as
CREATE TABLE big_spenders AS SELECT user_id, sum(amount) AS total FROM orders GROUP BY user_id;
ALTER TABLE big_spenders ADD PRIMARY KEY (user_id);
== flyway: not valid key and its validation in one file
ALTER TABLE orders ADD CONSTRAINT fk_o FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT fk_o;
== flyway: key to itself
ALTER TABLE orders ADD COLUMN parent_id bigint REFERENCES orders;
ALTER TABLE orders ADD CONSTRAINT self FOREIGN KEY (user_id) REFERENCES orders (id);
== flyway: collation
ALTER TABLE orders ALTER COLUMN code TYPE varchar(30) COLLATE "C";
== flyway: narrowing
ALTER TABLE orders ALTER COLUMN note TYPE varchar(100);
== flyway: timestamp to timestamptz
ALTER TABLE orders ALTER COLUMN placed_at TYPE timestamptz;
== flyway: timestamptz with an index
CREATE INDEX orders_placed ON orders (placed_at);
ALTER TABLE orders ALTER COLUMN placed_at TYPE timestamptz;
== flyway: drop default, drop not null
ALTER TABLE orders ALTER COLUMN amount DROP DEFAULT, ALTER COLUMN amount DROP NOT NULL;
== alembic: upgrade
ALTER TABLE orders ADD COLUMN last_seen TIMESTAMP WITHOUT TIME ZONE;

CREATE INDEX ix_orders_last_seen ON orders (last_seen);

ALTER TABLE orders ADD CONSTRAINT uq_orders_code UNIQUE (code);

ALTER TABLE orders ALTER COLUMN code SET NOT NULL;

UPDATE users SET name='ae1027a6acf' WHERE users.name = '1975ea83b712';
== alembic: server_default func.now then unique
ALTER TABLE orders ADD COLUMN stamp TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;
ALTER TABLE orders ADD COLUMN uid UUID DEFAULT gen_random_uuid() NOT NULL;
ALTER TABLE orders ADD CONSTRAINT uq_uid UNIQUE (uid);
== alembic: gin trigram-less
CREATE INDEX ix_code_gin ON orders USING gin (to_tsvector('english', coalesce(note, '')));
== alembic: composite key
ALTER TABLE order_lines ADD CONSTRAINT fk_lines FOREIGN KEY(order_id, line_no) REFERENCES order_keys (order_id, line_no) ON DELETE CASCADE;
== goose: down and up markers
-- +goose Up
-- +goose StatementBegin
ALTER TABLE orders ADD COLUMN flag boolean NOT NULL DEFAULT (HERE.one() = 1);
-- +goose StatementEnd
== knex: alter with check and constraint
alter table "orders" add column "score" integer null default '0' check ("score" between 0 and 10), add column "label" varchar(255) not null default 'n/a';
alter table "orders" add constraint "orders_score_code_unique" unique ("score", "code");
== typeorm: uuid default and FK
ALTER TABLE "orders" ADD "uuid" uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE "orders" ADD CONSTRAINT "UQ_3ed8f1ae" UNIQUE ("uuid");
ALTER TABLE "orders" ADD CONSTRAINT "FK_b8df5f9e" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;
== ecto: index with include and nulls
CREATE INDEX "orders_state_index" ON "orders" ("state") INCLUDE ("amount") WHERE (note IS NOT NULL);
ALTER TABLE "orders" ADD COLUMN "lock_version" integer DEFAULT 1 NOT NULL;
== partitioned: index
CREATE INDEX events_kind_idx ON events (kind);
== partitioned: index if not exists
CREATE INDEX IF NOT EXISTS events_kind_idx ON events (kind);
CREATE INDEX IF NOT EXISTS events_day_idx ON events (day);
== partitioned: unique
ALTER TABLE events ADD CONSTRAINT events_uq UNIQUE (id, day);
== partitioned: primary key
ALTER TABLE events ADD PRIMARY KEY (id, day);
== partitioned: foreign key
ALTER TABLE events ADD CONSTRAINT events_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
== partitioned: add column volatile, not null
ALTER TABLE events ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
== partitioned: add column serial
ALTER TABLE events ADD COLUMN no serial;
== partitioned: add column with key
ALTER TABLE events ADD COLUMN owner bigint DEFAULT 1 REFERENCES users (id);
== partitioned: check, not null
ALTER TABLE events ADD CHECK (user_id > 0), ALTER COLUMN kind SET NOT NULL;
== partitioned: set not null on a partition
ALTER TABLE events_1 ALTER COLUMN kind SET NOT NULL;
== partitioned: index of a partition
CREATE INDEX ON events_1 (kind);
== partitioned: new partition
CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
== partitioned: new sub-partitioned partition with a table
CREATE TABLE events_5 (LIKE events INCLUDING ALL);
ALTER TABLE events ATTACH PARTITION events_5 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01');
== partitioned: attach a filled one
ALTER TABLE events ATTACH PARTITION events_old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
== partitioned: detach
ALTER TABLE events DETACH PARTITION events_1;
== partitioned: drop a partition
DROP TABLE events_1;
== partitioned: update and delete
UPDATE events SET kind = upper(kind) WHERE user_id < 5;
DELETE FROM events WHERE kind = 'k3';
== partitioned: drop index
DROP INDEX events_user_idx;
== partitioned: expression index
CREATE UNIQUE INDEX ON events (id, day, lower(kind));
== partitioned: type change
ALTER TABLE events ALTER COLUMN kind TYPE varchar(40);
== partitioned: default partition
ALTER TABLE logs ATTACH PARTITION logs_new FOR VALUES IN ('c');
CREATE TABLE logs_d PARTITION OF logs FOR VALUES IN ('d');
== partitioned: detach beside default
ALTER TABLE logs DETACH PARTITION logs_a;
== names: mixed case, reserved words, unicode
ALTER TABLE "Select" ADD COLUMN "Group" uuid NOT NULL DEFAULT gen_random_uuid(), ADD CONSTRAINT "Check" CHECK ("Order" > 0);
CREATE INDEX "Üx" ON "Select" ("Order", "größe");
ALTER TABLE "Select" ALTER "größe" SET NOT NULL, ADD UNIQUE ("Order");
== names: unicode escapes
ALTER TABLE U&"S\0065lect" ADD COLUMN U&"d\0061ta" text DEFAULT clock_timestamp()::text;
CREATE INDEX ON U&"Sel\0065ct" (U&"d\0061ta");
== names: only and star
ALTER TABLE ONLY orders ADD CONSTRAINT c1 CHECK (amount >= 0);
ALTER TABLE orders * ADD CONSTRAINT c2 CHECK (amount >= 0);
ALTER TABLE ONLY (orders) ADD CONSTRAINT c3 UNIQUE (code);
== inheritance: parent with children
ALTER TABLE base ADD COLUMN v integer DEFAULT HERE.one(), ADD CHECK (id > 0), ALTER n SET NOT NULL;
CREATE INDEX ON base (n);
== inheritance: key only on parent
ALTER TABLE base ADD UNIQUE (id);
== inheritance: no inherit
ALTER TABLE orders_child INHERIT base2;
== reindex: index and table
REINDEX INDEX orders_state_idx;
REINDEX TABLE orders;
== options: index options
CREATE INDEX ON orders USING brin (placed_at) WITH (pages_per_range = 32);
CREATE INDEX ON orders USING hash (code);
CREATE INDEX ON orders (code text_pattern_ops, amount DESC NULLS LAST);
CREATE UNIQUE INDEX ON orders (code) NULLS NOT DISTINCT;
== statements: views and grants between
CREATE INDEX ON orders (note);
GRANT SELECT ON orders TO PUBLIC;
CREATE OR REPLACE VIEW v AS SELECT id FROM orders;
ALTER TABLE orders ADD CHECK (amount < 1000000);
== statements: set and reset
SET statement_timeout = 0;
SET lock_timeout = '5s';
CREATE INDEX ON orders (note);
RESET lock_timeout;
== statements: pg_dump header
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET default_tablespace = '';
ALTER TABLE ONLY HERE.bookings ADD CONSTRAINT bookings_pkey PRIMARY KEY (id);
CREATE INDEX bookings_room ON HERE.bookings USING btree (room);
ALTER TABLE ONLY HERE.bookings ADD CONSTRAINT bookings_fk FOREIGN KEY (user_id) REFERENCES HERE.users(id);
== not null: several at once
ALTER TABLE orders ALTER code SET NOT NULL, ALTER note SET DEFAULT 'a', ALTER state SET NOT NULL, ALTER user_id SET NOT NULL;
== not null: domain
ALTER TABLE orders ALTER COLUMN lucky SET NOT NULL;
== not null: twice, and already
ALTER TABLE orders ALTER COLUMN id SET NOT NULL;
ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
== generated: drop expression
ALTER TABLE bookings ALTER COLUMN twice DROP EXPRESSION;
== constraint: with index parameters
ALTER TABLE orders ADD CONSTRAINT u1 UNIQUE (code) INCLUDE (amount) WITH (fillfactor = 90);
== constraint: replaces another
ALTER TABLE orders DROP CONSTRAINT orders_amount_check, ADD CONSTRAINT orders_amount_check CHECK (amount >= 0 AND amount < 1e9);
== constraint: column and key of it at once
ALTER TABLE orders ADD COLUMN x integer DEFAULT 1, ADD COLUMN y integer DEFAULT 2, ADD CONSTRAINT xy UNIQUE (x, y, id), ADD FOREIGN KEY (x) REFERENCES users (id);
== column: drops and adds the same name
ALTER TABLE orders DROP COLUMN note, ADD COLUMN note uuid NOT NULL DEFAULT gen_random_uuid();
== column: default that reads another function
ALTER TABLE orders ADD COLUMN seqno bigint DEFAULT nextval('counter'), ADD COLUMN stamp timestamptz DEFAULT clock_timestamp();
== column: default with sequence of the script
CREATE SEQUENCE order_no START 100;
ALTER TABLE orders ADD COLUMN order_no bigint NOT NULL DEFAULT nextval('order_no');
ALTER SEQUENCE order_no OWNED BY orders.order_no;
ALTER TABLE orders ADD CONSTRAINT order_no_u UNIQUE (order_no);
== column: volatile default and later default
ALTER TABLE orders ADD COLUMN token text DEFAULT md5(random()::text);
ALTER TABLE orders ALTER COLUMN token DROP DEFAULT;
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
== column: filled and indexed, and dropped default
ALTER TABLE orders ADD COLUMN c2 text;
UPDATE orders SET c2 = code;
ALTER TABLE orders ALTER c2 SET NOT NULL;
CREATE UNIQUE INDEX orders_c2 ON orders (c2);
== column: array, json, compression
ALTER TABLE orders ADD COLUMN arr integer[] DEFAULT ARRAY[HERE.one()], ADD COLUMN doc jsonb COMPRESSION pglz DEFAULT jsonb_build_object('t', HERE.one());
== column: quoted type
ALTER TABLE orders ADD COLUMN m "Mood" DEFAULT ('OK'::text)::"Mood" NOT NULL, ADD COLUMN p HERE."Mood"[];
== drops: unique constraint and index with if exists
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_name_key;
DROP INDEX IF EXISTS HERE.orders_state_idx, HERE.nothing;
== extra: truncate and copy
TRUNCATE users CASCADE;
== extra: update only and alias
UPDATE ONLY orders AS o SET (note, state) = (o.code, 'open') WHERE o.amount < 3;
== extra: vacuum and cluster
VACUUM orders;
== extra: alter with tablespace
ALTER TABLE orders SET TABLESPACE pg_default;
ALTER INDEX orders_state_idx SET TABLESPACE pg_default;
== extra: attach an index
CREATE INDEX only_events ON ONLY events (kind);
CREATE INDEX only_events_1 ON events_1 (kind);
ALTER INDEX only_events ATTACH PARTITION only_events_1;
== extra: replica identity and set access
ALTER TABLE orders REPLICA IDENTITY FULL;
ALTER TABLE orders ALTER COLUMN code SET COMPRESSION pglz;
== extra: validated key of a partitioned table to a partitioned one
ALTER TABLE orders ADD COLUMN ev bigint, ADD COLUMN evd date, ADD FOREIGN KEY (ev, evd) REFERENCES keyed_events (id, day);
== extra: deferrable primary key
ALTER TABLE bookings ADD PRIMARY KEY (id) DEFERRABLE;
== type: widening with a check
DROP VIEW order_view; DROP MATERIALIZED VIEW totals;
ALTER TABLE orders ALTER COLUMN amount TYPE numeric(14,2);
== type: two with one check, and another not valid
ALTER TABLE orders ADD CONSTRAINT both_ CHECK (code <> state) NO INHERIT;
ALTER TABLE orders ADD CONSTRAINT late CHECK (code <> '') NOT VALID;
ALTER TABLE orders ALTER COLUMN code TYPE varchar(60), ALTER COLUMN state SET DATA TYPE text;
== type: plain index
CREATE INDEX plain_code ON orders (code);
ALTER TABLE orders ALTER COLUMN code TYPE varchar(60);
== update: lower, trim
UPDATE orders SET code = lower(trim(code));
UPDATE orders SET note = nullif(btrim(note), '') WHERE amount > 3;
UPDATE orders SET state = coalesce(state, 'none');
== update: partitioned
UPDATE events SET kind = upper(kind) WHERE user_id < 50;
== domain not null
ALTER TABLE orders ADD COLUMN luck lucky NOT NULL;
== validate then not null
ALTER TABLE orders ADD CONSTRAINT note_nn CHECK (code IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT note_nn;
ALTER TABLE orders ALTER COLUMN code SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT note_nn;
== alter with quoted schema and if exists column
ALTER TABLE IF EXISTS orders ADD COLUMN IF NOT EXISTS t1 uuid NOT NULL DEFAULT gen_random_uuid(), DROP CONSTRAINT IF EXISTS nothing, ADD COLUMN IF NOT EXISTS code text DEFAULT HERE.one()::text;
== foreign key to a partitioned table and self-reference
ALTER TABLE users ADD COLUMN boss bigint DEFAULT 1 NOT NULL REFERENCES users (id) ON DELETE CASCADE;
== inherit check merging
ALTER TABLE heir ADD CONSTRAINT pos CHECK (id > 0);
ALTER TABLE base ADD CONSTRAINT pos CHECK (id > 0);
== index on expression of a function of the script
CREATE FUNCTION norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
CREATE INDEX norm_idx ON orders (norm(note));
== drop column with index and re-add
ALTER TABLE orders DROP COLUMN state;
ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT md5(HERE.one()::text);
CREATE INDEX orders_state_idx ON orders (state);
== several indexes with the same generated names
CREATE INDEX ON orders (note); CREATE INDEX ON orders (note); CREATE UNIQUE INDEX ON orders (note, id);
ALTER TABLE orders ADD UNIQUE (note, id), ADD UNIQUE (note, id);
== unique violation
ALTER TABLE orders ADD CONSTRAINT one_user UNIQUE (user_id);
== check violation
ALTER TABLE orders ADD COLUMN z integer, ADD CONSTRAINT small_ CHECK (amount < 10);
== not null violation
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
== key violation
DELETE FROM users WHERE id = 300;
ALTER TABLE bookings ADD CONSTRAINT bk FOREIGN KEY (room) REFERENCES order_keys (order_id);
== cast default to enum volatile
ALTER TABLE orders ADD COLUMN mood "Mood" NOT NULL DEFAULT (CASE WHEN HERE.one() = 1 THEN 'OK' ELSE 'SAD' END)::"Mood";
== xml of options: partial unique, include, collate, tablespace
CREATE UNIQUE INDEX CONCURRENTLY ON orders (code COLLATE "C" DESC NULLS LAST) INCLUDE (amount) WITH (fillfactor = 50, deduplicate_items = off) TABLESPACE pg_default WHERE code IS NOT NULL;
