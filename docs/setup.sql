-- What the examples work on.
SET TimeZone = 'UTC';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE place AS (x integer, y integer);
CREATE TABLE film (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    year integer CHECK (year > 1887),
    minutes integer
);
CREATE INDEX film_year ON film (year);
COMMENT ON TABLE film IS 'Films seen';
COMMENT ON COLUMN film.year IS 'Year of release';
CREATE TABLE actor (id integer PRIMARY KEY, name text, film_id integer REFERENCES film);
CREATE VIEW long_film AS SELECT title FROM film WHERE minutes > 120;
INSERT INTO film (title, year, minutes) VALUES ('Metropolis', 1927, 153), ('M', 1931, 117), ('Playtime', 1967, 155), ('Stalker', 1979, 163);
CREATE SEQUENCE ticket START 100;
CREATE TABLE measure (day date, value float8) PARTITION BY RANGE (day);
CREATE TABLE measure_2024 PARTITION OF measure FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE FUNCTION rate(stars integer, scale integer DEFAULT 5) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT stars || '/' || scale $$;
