-- Every kind of damage, at random places, over many rounds: each is found, with exact keys.
-- EC_DAMAGE_ROUNDS rounds of each kind (default 5).
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT 5 AS rounds \gset
\getenv rounds EC_DAMAGE_ROUNDS

-- what is right; a copy, which may hold a row twice; and old and new columns of one table
CREATE TABLE truth AS
SELECT i AS id, i * 1000003::bigint AS amount, 'Name ' || i AS name, CASE WHEN i % 3 > 0 THEN 'note ' || i END AS note,
       decode(md5(i::text), 'hex') AS raw
  FROM generate_series(1, 700) i;
CREATE TABLE copied (LIKE truth);
INSERT INTO copied SELECT * FROM truth ORDER BY md5(id::text);
CREATE TABLE both_shapes AS
SELECT t.*, amount AS old_amount, name AS old_name, note AS old_note, raw AS old_raw FROM truth t ORDER BY md5(id::text);
ALTER TABLE both_shapes ADD PRIMARY KEY (id);

CREATE FUNCTION any_id() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 + floor(random() * 700)::int';

-- Damages the table, and says what a verification has to find: "key difference".
CREATE FUNCTION damage(kind text, damaged regclass) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    a int := any_id(); b int := any_id(); bit int := floor(random() * 128);
BEGIN
    WHILE b = a LOOP b := any_id(); END LOOP;
    CASE kind
    WHEN 'one value' THEN
        EXECUTE format('UPDATE %s SET name = name || ''!'' WHERE id = $1', damaged) USING a;
        RETURN ARRAY[a || ' different'];
    WHEN 'one bit' THEN
        EXECUTE format('UPDATE %s SET raw = set_bit(raw, $2, 1 - get_bit(raw, $2)) WHERE id = $1', damaged) USING a, bit;
        RETURN ARRAY[a || ' different'];
    WHEN 'swap' THEN
        EXECUTE format('UPDATE %s SET amount = t.amount FROM truth t WHERE %1$s.id IN ($1, $2) AND t.id = $1 + $2 - %1$s.id', damaged) USING a, b;
        RETURN ARRAY[a || ' different', b || ' different'];
    WHEN 'rotation' THEN
        EXECUTE format('UPDATE %s SET name = t.name FROM truth t WHERE %1$s.id BETWEEN least($1, $2) AND greatest($1, $2)
            AND t.id = CASE %1$s.id WHEN greatest($1, $2) THEN least($1, $2) ELSE %1$s.id + 1 END', damaged) USING a, b;
        RETURN ARRAY(SELECT i || ' different' FROM generate_series(least(a, b), greatest(a, b)) i);
    WHEN 'null' THEN
        a := 3 * (1 + a / 4);
        EXECUTE format('UPDATE %s SET note = '''' WHERE id = $1', damaged) USING a;
        RETURN ARRAY[a || ' different'];
    WHEN 'same sum' THEN
        EXECUTE format('UPDATE %s SET amount = amount + CASE id WHEN $1 THEN $3 ELSE -$3 END WHERE id IN ($1, $2)', damaged) USING a, b, bit + 1;
        RETURN ARRAY[a || ' different', b || ' different'];
    WHEN 'missing' THEN
        EXECUTE format('DELETE FROM %s WHERE id = $1', damaged) USING a;
        RETURN ARRAY[a || ' missing'];
    WHEN 'extra' THEN
        EXECUTE format('INSERT INTO %s SELECT id + 1000, amount, name, note, raw FROM truth WHERE id = $1', damaged) USING a;
        RETURN ARRAY[a + 1000 || ' extra'];
    WHEN 'duplicate' THEN
        EXECUTE format('INSERT INTO %s SELECT * FROM truth WHERE id = $1', damaged) USING a;
        RETURN ARRAY[a || ' extra'];
    WHEN 'one twice, one not' THEN
        EXECUTE format('DELETE FROM %s WHERE id = $1', damaged) USING a;
        EXECUTE format('INSERT INTO %s SELECT * FROM truth WHERE id = $1', damaged) USING b;
        RETURN ARRAY[a || ' missing', b || ' extra'];
    END CASE;
END $$;

CREATE FUNCTION sorted(text[]) RETURNS text[] LANGUAGE sql AS 'SELECT array_agg(e ORDER BY e) FROM unnest($1) e';

-- Plant, verify, compare, and take it all back; a line for whatever was not found as it is.
CREATE FUNCTION plant(kind text, damaged regclass, rounds int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    v ec_verification;
    expected text[];
    found text[];
BEGIN
    FOR round IN 1..rounds LOOP
        PERFORM setseed(round / 1000.0);
        BEGIN
            expected := damage(kind, damaged);
            IF damaged = 'copied'::regclass THEN
                v := ec_verify('truth', 'copied', '{"amount": "amount", "name": "name", "note": "note", "raw": "raw"}', '{id}');
            ELSE
                v := ec_verify('both_shapes', '{"amount": "old_amount", "name": "old_name", "note": "old_note", "raw": "old_raw"}');
            END IF;
            found := ARRAY(SELECT DISTINCT (key ->> 'id') || ' ' || difference FROM ec_mismatches WHERE verification = v.id);
            RAISE SQLSTATE '00001';
        EXCEPTION WHEN SQLSTATE '00001' THEN
            NULL;
        END;
        IF v.ok OR v.missing + v.extra + v.different <> cardinality(expected) OR sorted(expected) <> sorted(found) THEN
            RETURN NEXT format('round %s: expected %s, found %s, %s', round, expected, found, v);
        END IF;
    END LOOP;
END $$;

SELECT kind, what FROM unnest(ARRAY['one value', 'one bit', 'swap', 'rotation', 'null', 'same sum', 'missing', 'extra', 'duplicate', 'one twice, one not']) kind,
       plant(kind, 'copied', :rounds) what;
SELECT kind, what FROM unnest(ARRAY['one value', 'one bit', 'swap', 'rotation', 'null', 'same sum']) kind,
       plant(kind, 'both_shapes', :rounds) what;
-- nothing of it is left
SELECT ok FROM ec_verify('truth', 'copied', '{"amount": "amount", "name": "name", "note": "note", "raw": "raw"}', '{id}');
SELECT ok FROM ec_verify('both_shapes', '{"amount": "old_amount", "name": "old_name", "note": "old_note", "raw": "old_raw"}');

DROP FUNCTION plant, damage, any_id, sorted;
DROP TABLE truth, copied, both_shapes;
