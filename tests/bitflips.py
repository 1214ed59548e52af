#!/usr/bin/env python3
"""bitflips.py [FLIPS [SEED]] - flips random bits of a database file and sees to it that each is noticed.

For every flip a copy of the file is damaged in one bit. Then `quern --check` must find it, naming page and object, and a query that reads
everything must give the right answer or an error, never a wrong one. Bits of pages that belong to nothing do not count.
Runs build/MODE/quern (MODE=release)."""
import os, random, subprocess, sys, tempfile

flips = int(sys.argv[1]) if len(sys.argv) > 1 else 200
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
quern = os.path.join("build", os.environ.get("MODE", "release"), "quern")
MAKE = """
CREATE TABLE a (id int PRIMARY KEY, t text NOT NULL, n numeric(12,2), CHECK (id >= 0));
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a, body text);
CREATE INDEX b_a ON b (a);
CREATE INDEX a_t ON a (t);
INSERT INTO a SELECT g, md5(g::text), g * 1.5 FROM generate_series(1, 2000) g;
INSERT INTO b SELECT g, g, (SELECT string_agg(md5((g * h)::text), '') FROM generate_series(1, CASE WHEN g % 100 = 0 THEN 900 ELSE 3 END) h)
  FROM generate_series(1, 1500) g;
DELETE FROM b WHERE id % 7 = 0;
UPDATE a SET n = n + 1 WHERE id % 5 = 0;
VACUUM; ANALYZE;
"""
READ = ["SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM a", "SELECT md5(string_agg(b::text, ',' ORDER BY id)) FROM b",
        "SET enable_seqscan = off; SELECT count(*), min(t), max(t) FROM a WHERE t >= '0'; SELECT count(*), sum(id) FROM b WHERE a > 0"]


def run(*args):
    p = subprocess.run([quern, *args], capture_output=True, text=True, timeout=60)
    if p.returncode < 0:
        sys.exit(f"seed {seed}: quern {args} ended by signal {-p.returncode}")
    return p.returncode, p.stdout, p.stderr


random.seed(seed)
with tempfile.TemporaryDirectory() as d:
    good, bad = os.path.join(d, "good.db"), os.path.join(d, "bad.db")
    assert run("-q", "-v", "ON_ERROR_STOP=1", good, MAKE)[0] == 0
    answers = [run("-At", good, q) for q in READ]
    assert all(a[0] == 0 for a in answers), answers
    data = bytearray(open(good, "rb").read())
    page_bytes = 16384
    # Pages in use: the space map is page 3, a bit a page behind its header of 32 bytes.
    used = [n for n in range(len(data) // page_bytes) if data[3 * page_bytes + 32 + n // 8] >> (n % 8) & 1 or n < 4]
    found = in_use = refused = wrong = 0
    for i in range(flips):
        bit = random.choice(used) * page_bytes * 8 + random.randrange(page_bytes * 8)
        page = bit // 8 // page_bytes
        data[bit // 8] ^= 1 << bit % 8
        with open(bad, "wb") as f:
            f.write(data)
        data[bit // 8] ^= 1 << bit % 8
        in_use += 1
        code, out, err = run("--check", bad)
        names_page = f"page {page}:" in out or f"block {page} " in out + err or page < 2 or page in (2, 3)
        if code == 1 and names_page:
            found += 1
        else:
            print(f"seed {seed}: bit {bit} of page {page}: exit {code}\n{out}{err}")
        for q, want in zip(READ, answers):
            code, out, err = run("-v", "ON_ERROR_STOP=1", "-At", bad, q)
            if code == 0 and (code, out) != want[:2]:
                wrong += 1
                print(f"seed {seed}: bit {bit} of page {page}: {q}: {out}")
            refused += code != 0
    print(f"{in_use} flips, {found} found by --check, {refused} queries refused, {wrong} wrong answers")
    sys.exit(0 if found == in_use and wrong == 0 else 1)
