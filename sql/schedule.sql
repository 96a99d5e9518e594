-- Schedules: run windows as text, and when they let a job run; see test/tap/005_schedule.pl for jobs that wait.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 8000;
CREATE TABLE visits (id int PRIMARY KEY, seen boolean);
INSERT INTO visits SELECT i FROM generate_series(1, 100) i;

-- What is not a window.
SELECT * FROM errors_of($$SELECT ec_backfill('visits', 'seen = true', run_window => '')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('visits', 'seen = true', run_window => 'at night')$$);
SELECT w, (SELECT errors_of FROM errors_of(format('SELECT ec_backfill(''visits'', ''seen = true'', run_window => %L)', w)) LIMIT 1)
  FROM unnest(ARRAY['01:00', '01:00-', '1-5', '01:00-05:00,', ',01:00-05:00', '01:00-05:00;06:00-07:00', '25:00-26:00',
                    '24:00-01:00', '01:60-02:00', '01:5-02:00', '001:00-02:00', '-1:00-02:00', '01:00-24:01', '01:00-05:00 UTC',
                    '01:00 - 05:00 - 06:00', '01:00:7-02:00', '01:00-02:00:60']) w;
SELECT * FROM errors_of($$SELECT ec_backfill('visits', 'seen = true', run_window => '05:00-05:00')$$);
SELECT errors_of FROM errors_of(format('SELECT ec_backfill(''visits'', ''seen = true'', run_window => %L)', repeat('01:00-02:00,', 32) || '01:00-02:00'))
 WHERE errors_of LIKE 'DETAIL%';
SELECT * FROM errors_of($$SELECT ec_backfill('visits', 'seen = true', start_at => 'infinity')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('visits', 'seen = true', max_lag => '-1 ms')$$);

-- What needs nobody to start it later is taken without a launcher, too.
SELECT ec_backfill('visits', 'seen = true', start_at => now() - interval '1 hour', run_window => '00:00-12:00, 12:00-24:00',
                   max_lag => '1 minute', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT max_lag, run_window FROM expand_contract.jobs WHERE id = :job;
SELECT count(seen) FROM visits;
-- an end before the beginning is on the next day
UPDATE visits SET seen = NULL;
SELECT ec_backfill('visits', 'seen = true', run_window => '12:00:30-11:59, 9:00-12:00:30', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT count(seen) FROM visits;

-- When a job may run next.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SELECT at, w, expand_contract.next_run(NULL, w, 'UTC', at::timestamptz) AS next
  FROM (VALUES ('2030-06-01 00:00'), ('2030-06-01 01:00'), ('2030-06-01 03:30'), ('2030-06-01 05:00'), ('2030-06-01 23:59')) a (at),
       unnest(ARRAY['01:00-05:00', '22:00-02:00', '23:00-24:00,12:00-13:00']) w;
SELECT expand_contract.next_run('2030-06-01 10:00', '01:00-05:00', 'UTC', '2030-05-01') AS both,
       expand_contract.next_run('2030-06-01 10:00', NULL, 'UTC', '2030-05-01') AS start,
       expand_contract.next_run('2030-06-01 10:00', NULL, 'UTC', '2030-06-02') AS started,
       expand_contract.next_run('-infinity', NULL, 'UTC', '2030-06-02') AS long_ago,
       expand_contract.next_run(NULL, NULL, NULL, '2030-06-02') AS any_time;

-- The clock is the time zone's, on each day: in 2030 New York's goes from 02:00 to 03:00 on 10 March, and back from 02:00 to
-- 01:00 on 3 November.
SELECT at AT TIME ZONE 'America/New_York' AS at, w,
       expand_contract.next_run(NULL, w, 'America/New_York', at) AT TIME ZONE 'America/New_York' AS next,
       expand_contract.next_run(NULL, w, 'America/New_York', at) - at AS wait
  FROM (VALUES (timestamptz '2030-03-09 12:00 America/New_York'), ('2030-03-10 12:00 America/New_York'),
               ('2030-11-02 12:00 America/New_York'), ('2030-11-03 12:00 America/New_York')) a (at),
       unnest(ARRAY['04:00-05:00', '02:30-04:00', '22:00-03:30']) w;
-- one through the night in which an hour is left out, or comes twice: an hour less, or more
SELECT day, count(*) FILTER (WHERE expand_contract.next_run(NULL, '23:00-05:00', 'America/New_York', at) = at) / 60.0 AS hours_open
  FROM (VALUES (timestamptz '2030-03-09 12:00 America/New_York'), ('2030-05-01 12:00 America/New_York'),
               ('2030-11-02 12:00 America/New_York')) d (day),
       generate_series(day, day + interval '23 hours', '1 minute') at
 GROUP BY day ORDER BY day;
-- other ways to name a zone
SELECT expand_contract.next_run(NULL, '01:00-02:00', z, '2030-06-01 12:00+00') AS next FROM unnest(ARRAY['<+02>-02', 'EST5EDT', 'no such zone']) z;

DROP TABLE visits;
