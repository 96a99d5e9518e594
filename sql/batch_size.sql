-- How many rows a batch writes, when a row costs so many seconds in one batch after the other.
-- The target is 50 ms a batch, and at 500 ms it is cancelled.
CREATE FUNCTION sizes(batch_size int, VARIADIC costs float8[]) RETURNS int[] LANGUAGE sql
    RETURN expand_contract.batch_sizes(batch_size, costs, 0.05, 0.5);

-- by time: it grows by a fifth at a time, up to the target
SELECT sizes(0, 5e-5, 5e-5, 5e-5, 5e-5, 5e-5, 5e-5);
-- one slow batch, or a quick one, changes nothing; two of three do
SELECT sizes(0, 1e-4, 1e-4, 1e-4, 6e-4, 1e-4, 1e-4, 1e-4);
SELECT sizes(0, 1e-4, 1e-4, 1e-4, 6e-4, 1e-4, 6e-4, 1e-4, 1e-4);
SELECT sizes(0, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4, 1e-4, 1e-4);
-- slow for good: the second slow batch halves it
SELECT sizes(0, 1e-4, 1e-4, 1e-4, 4e-4, 4e-4, 4e-4, 4e-4);
-- cancelled once: a quarter for a moment; again and again: down to what fits, and slowly up from there
SELECT sizes(0, 1e-4, 1e-4, 1e-4, 2e-3, 1e-4, 1e-4, 1e-4);
SELECT sizes(0, 1e-4, 1e-4, 1e-4, 2e-2, 2e-2, 2e-2, 2e-2, 2e-2, 2e-2);
-- by number: nothing but that changes it
SELECT sizes(1000, 1e-5, 4e-4, 4e-4, 4e-4, 1e-6);
SELECT sizes(1000, 1e-5, 1e-5, 1e-5, 2e-3, 1e-5, 1e-5);
SELECT sizes(1000, 2e-3, 2e-3, 2e-3, 2e-3, 1e-5, 1e-5, 1e-5, 1e-5);
-- bounds
SELECT sizes(0, 1, 1, 1, 1, 1, 1, 1, 0.01);
SELECT sizes(1, 0, 0), sizes(0, 0, 0);

DROP FUNCTION sizes;
