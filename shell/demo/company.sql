-- A small company: what `make demo` loads.
CREATE TABLE employees (
    id          integer PRIMARY KEY,
    name        text NOT NULL,
    department  text,
    salary      numeric(10,2),
    hired       date NOT NULL,
    manager_id  integer REFERENCES employees (id)
);
INSERT INTO employees VALUES
 (1,  'Marta Keller',  'Engineering', 9500.00, '2015-03-02', NULL),
 (2,  'Lee Jiwon',     'Engineering', 8200.00, '2016-07-11', 1),
 (3,  'Sora Park',     'Engineering', 7000.00, '2017-01-09', 1),
 (4,  'Yuna Choi',     'Engineering', 7000.00, '2018-05-21', 2),
 (5,  'Jonas Hoff',    'Engineering', 6400.50, '2019-09-30', 2),
 (6,  'Dario Conti',   'Engineering', 5900.00, '2021-02-15', 3),
 (7,  'Bora Han',      'Sales',       7800.00, '2014-11-17', 1),
 (8,  'Tae Oh',        'Sales',       6100.00, '2017-04-03', 7),
 (9,  'Ana Silva',     'Sales',       5600.00, '2018-12-24', 7),
 (10, 'Ola Nowak',     'Sales',       4800.00, '2021-10-04', 8),
 (11, 'Mirae Song',    'Marketing',   7300.00, '2016-02-22', 1),
 (12, 'Hyun Jeon',     'Marketing',   5400.00, '2019-05-13', 11),
 (13, 'Byul Moon',     'Marketing',   NULL,    '2025-01-06', 11);

CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), amount numeric(10,2) NOT NULL);
INSERT INTO users SELECT i, 'user ' || i, timestamptz '2020-02-01 00:00+00' + i * interval '43 minutes' FROM generate_series(1, 66000) i;
INSERT INTO orders SELECT i, 1 + (i::bigint * 7919) % 66000, i % 1000 FROM generate_series(1, 15000) i;
CREATE INDEX users_created_at ON users (created_at);
ANALYZE;
