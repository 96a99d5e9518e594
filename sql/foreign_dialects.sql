-- Scripts that are written for another database: the error's hint says for which, and what to write here.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_dialects;
SET search_path = regress_dialects, public;
DELETE FROM expand_contract.schema_migrations;
CREATE FUNCTION told(script text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT m FROM errors_of(format('SELECT ec_apply(%L, %L)', '001', script)) m WHERE m !~ '^CONTEXT' $$;
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    -- SQL Server
    E'CREATE TABLE [dbo].[users] ([id] int NOT NULL);\nGO\n', E'CREATE TABLE users (id int)\nGO\nCREATE TABLE teams (id int)\nGO',
    E'SELECT 1\ngo 5\nSELECT 2', E'SELECT 1 AS go\n  GO  \nSELECT 2', 'CREATE TABLE users (id int IDENTITY(1,1) PRIMARY KEY)', 'INSERT INTO users ([name]) VALUES (1)',
    'SET NOCOUNT ON', 'DECLARE @n int = 1', 'SELECT TOP 10 id FROM users', 'IF OBJECT_ID(''users'') IS NULL CREATE TABLE users (id int)',
    'IF NOT EXISTS (SELECT 1 FROM users) SELECT 1', E'EXEC sp_rename ''a'', ''b''', 'CREATE UNIQUE CLUSTERED INDEX i ON users (id)', 'BEGIN TRY SELECT 1 END TRY',
    'CREATE TABLE users (name nvarchar(MAX))', 'CREATE TABLE users (id uniqueidentifier)', 'CREATE TABLE users (at timestamp DEFAULT getdate())',
    -- MySQL
    'CREATE TABLE `users` (`id` int)', 'CREATE TABLE users (id int NOT NULL AUTO_INCREMENT)', E'DELIMITER $$\nCREATE PROCEDURE p() BEGIN END$$', E'DELIMITER //\n SELECT 1//',
    'CREATE TABLE users (id int) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4', 'CREATE TABLE users (id int unsigned)', 'INSERT IGNORE INTO users VALUES (1)',
    'INSERT INTO users VALUES (1) ON DUPLICATE KEY UPDATE id = 2', 'ALTER TABLE users MODIFY COLUMN id bigint', 'CREATE TABLE users (id int, UNIQUE KEY k (id))',
    'CREATE TABLE users (on_call tinyint(1))', 'CREATE TABLE users (at datetime)', 'SELECT ifnull(NULL, 1)',
    -- Oracle
    E'CREATE TABLE users (id integer)\n/\nCREATE TABLE teams (id integer)\n/\n', 'CREATE TABLE users (id NUMBER(10))', 'CREATE TABLE users (name VARCHAR2(10 BYTE))', 'CREATE TABLE users (name VARCHAR2(10))',
    E'SET DEFINE OFF', 'CREATE OR REPLACE PACKAGE p AS END', 'SELECT nvl(NULL, 1)',
    -- SQLite
    'CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT)', 'PRAGMA foreign_keys = ON', 'CREATE TABLE users (id integer) WITHOUT ROWID', 'INSERT OR REPLACE INTO users VALUES (1)',
    'REPLACE INTO users VALUES (1)', 'SELECT datetime(''now'')',
    -- of none: the words stand in comments, strings and bodies, in statements before, or are names of one's own
    E'-- GO\n/* `a` */ SELECT ''AUTO_INCREMENT'', $$\nGO\n`a`$$ FROM;', E'CREATE TABLE a (pragma int, unsigned int);\nSELECT FROM FROM', 'SELECT a[1], ARRAY[x] FROM FROM',
    'SELECT gone FROM FROM', 'SELECT myfunction(1)', 'CREATE TABLE a (b "numbers")', 'CREATE TABLE a (b int)) ', E'SELECT 4\n/\n2 FROM FROM'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(o, E'\n') AS message FROM told(s) o) e
 ORDER BY n;
-- a step of a worker
SELECT ec_apply('001', 'CREATE TABLE t (id int); CREATE INDEX CONCURRENTLY i ON t (id); ALTER TABLE t ADD COLUMN made datetime');
CALL ec_wait_migration('001');
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
RESET search_path;
SET client_min_messages = error;
DROP SCHEMA regress_dialects CASCADE;
