-- ec_report: the life of a change as an HTML page that needs nothing else.
\set SHOW_CONTEXT never
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = error;
CREATE TABLE reported (id int PRIMARY KEY, price text, cents int, note text DEFAULT '<b>');
INSERT INTO reported (id, price) SELECT g, g::text FROM generate_series(1, 5000) g;
SELECT ec_expand('<script>alert("1&2")</script>', 'reported', '{"cents": "price::int * 100"}', '{"price": "(cents / 100)::text"}');
SELECT ec_backfill_change('<script>alert("1&2")</script>', batch_size => 500, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
UPDATE reported SET price = 'call us' WHERE id = 7;
SELECT ec_dual_write('<script>alert("1&2")</script>', false);
UPDATE reported SET price = '88' WHERE id = 8;
SELECT ec_dual_write('<script>alert("1&2")</script>', true);
SELECT ok FROM ec_verify_change('<script>alert("1&2")</script>');
-- two moments of a worker that waited between them
UPDATE expand_contract.jobs SET started_at = started_at - interval '1 minute' WHERE id = :job;
INSERT INTO expand_contract.job_samples VALUES (:job, 0, clock_timestamp() - interval '50 s', 100, NULL),
    (:job, 0, clock_timestamp() - interval '40 s', 200, 'lag'), (:job, 0, clock_timestamp() - interval '20 s', 200, NULL);
CREATE TEMPORARY TABLE page AS SELECT ec_report('<script>alert("1&2")</script>') AS html;
GRANT SELECT ON page TO PUBLIC;
-- what is inserted is escaped, and nothing is fetched
SELECT html LIKE '<!DOCTYPE html>%</html>' || E'\n' AS whole,
       html LIKE '%&lt;script&gt;alert(&quot;1&amp;2&quot;)&lt;/script&gt;%' AS escaped,
       html ~ '<script|<b>x|href=|src=|url\(' AS fetches
  FROM page;
-- each element is closed
SELECT tag, (SELECT count(*) FROM regexp_matches(html, '<' || tag || '[ >]', 'g')) - (SELECT count(*) FROM regexp_matches(html, '</' || tag || '>', 'g')) AS unclosed
  FROM page, unnest('{html,head,body,h1,h2,table,tr,td,th,svg,figure,figcaption,text,g,span}'::text[]) AS t (tag);
SELECT title FROM page, regexp_matches(html, '<h2>([^<]*)</h2>', 'g') WITH ORDINALITY AS m (titles, n), unnest(titles) AS title ORDER BY n;
-- what happened is in it
SELECT html LIKE '%backfill fill</td><td>done%' AS job, html LIKE '%gap: %' AS gap, html LIKE '%1 rows in the queue: 22P02%' AS queue,
       html LIKE '%not equal</td>%' AS verification, html LIKE '%<td class=no>closed%' AS gates, html LIKE '%</span> lag 20 s%' AS waits,
       html LIKE '%<td>dual_write</td>%' AS events
  FROM page;
-- who may see the change may see its report
CREATE ROLE regress_ec_reader;
SET ROLE regress_ec_reader;
SELECT errors_of($$ SELECT ec_report('<script>alert("1&2")</script>') $$);
RESET ROLE;
GRANT pg_monitor TO regress_ec_reader;
SET ROLE regress_ec_reader;
SELECT length(ec_report('<script>alert("1&2")</script>')) > 1000 AS seen;
RESET ROLE;
DROP ROLE regress_ec_reader;
SELECT errors_of($$ SELECT ec_report('nothing') $$);
SELECT ec_report(NULL) IS NULL;
-- the course of a job is kept within a limit, whatever it lasts
SELECT count(*) > 3 AS recorded FROM expand_contract.job_samples WHERE job = :job AND slot = 0;
BEGIN;
SELECT ec_backfill_change('<script>alert("1&2")</script>', 'repair', delay_ms => 0) AS repair \gset
INSERT INTO expand_contract.job_samples SELECT :repair, 0, clock_timestamp() - interval '1 s' * g, 0, NULL FROM generate_series(1, 300) g;
COMMIT;
CALL ec_wait(:repair);
SELECT count(*) BETWEEN 150 AND 160 AS halved FROM expand_contract.job_samples WHERE job = :repair;
-- without its table
DROP TABLE reported CASCADE;
SELECT ec_report('<script>alert("1&2")</script>') LIKE '%that is gone%' AS seen;
DELETE FROM expand_contract.changes WHERE name LIKE '<script>%';
DELETE FROM expand_contract.jobs WHERE change LIKE '<script>%';
