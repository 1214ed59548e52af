/* gen.c - the rows and texts the benchmark runs over: a fixed function of their numbers. */
#include "bench/bench.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t
next(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

/* In lo .. hi. */
static int64_t
between(uint64_t *state, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(next(state) % (uint64_t)(hi - lo + 1));
}

static void *
allocate(size_t nbytes)
{
    void *p = malloc(nbytes ? nbytes : 1);
    if (!p) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    return p;
}

static Column *
add_column(Table *t, const char *name, ColumnKind kind)
{
    Column *c = &t->cols[t->ncols++];
    *c = (Column){.name = name, .kind = kind};
    if (kind == COL_TEXT)
        c->texts = allocate(sizeof *c->texts * (size_t)t->nrows);
    else
        c->ints = allocate(sizeof *c->ints * (size_t)t->nrows);
    return c;
}

static char *
copy_text(const char *s)
{
    char *p = allocate(strlen(s) + 1);
    return strcpy(p, s);
}

enum { NCOMMENTS = 65536 };

/* Texts of 10 to 43 bytes. */
static const char **
make_comments(uint64_t *state)
{
    static const char *const words[] = {"quick",  "silent", "bold",   "pending", "final",  "ironic",
                                        "amber",  "deposit", "parcel", "request", "theory", "wakes",
                                        "sleeps", "among",  "along",  "above"};
    const char **comments = allocate(sizeof *comments * NCOMMENTS);
    for (int i = 0; i < NCOMMENTS; i++) {
        char buf[64] = "";
        int n = (int)between(state, 2, 5);
        for (int w = 0; w < n; w++) {
            if (w > 0)
                strcat(buf, " ");
            strcat(buf, words[next(state) % 16]);
        }
        comments[i] = copy_text(buf);
    }
    return comments;
}

void
gen_lineitem(Table *t, long nrows, long nparts)
{
    static const char *const modes[] = {"AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"};
    enum { DAY_1992 = 8035, DAY_1995_06_17 = 9298, SHIP_DAYS = 2526 };
    uint64_t state = 1;
    const char **comments = make_comments(&state);
    *t = (Table){.name = "lineitem", .nrows = nrows};
    Column *id = add_column(t, "l_id", COL_BIGINT);
    Column *order = add_column(t, "l_orderkey", COL_BIGINT);
    Column *part = add_column(t, "l_partkey", COL_INT);
    Column *line = add_column(t, "l_linenumber", COL_INT);
    Column *quantity = add_column(t, "l_quantity", COL_INT);
    Column *price = add_column(t, "l_extendedprice", COL_BIGINT); /* cents */
    Column *discount = add_column(t, "l_discount", COL_INT);      /* percent */
    Column *tax = add_column(t, "l_tax", COL_INT);                /* percent */
    Column *flag = add_column(t, "l_returnflag", COL_TEXT);
    Column *status = add_column(t, "l_linestatus", COL_TEXT);
    Column *shipped = add_column(t, "l_shipdate", COL_DATE);
    Column *mode = add_column(t, "l_shipmode", COL_TEXT);
    Column *comment = add_column(t, "l_comment", COL_TEXT);
    int64_t order_key = 1, line_number = 0, order_lines = 1;
    for (long i = 0; i < nrows; i++) {
        if (line_number == order_lines) {
            order_key++;
            line_number = 0;
            order_lines = between(&state, 1, 7);
        }
        line_number++;
        id->ints[i] = i + 1;
        order->ints[i] = order_key;
        line->ints[i] = line_number;
        part->ints[i] = between(&state, 1, nparts);
        quantity->ints[i] = between(&state, 1, 50);
        price->ints[i] = quantity->ints[i] * between(&state, 90000, 200000);
        discount->ints[i] = between(&state, 0, 10);
        tax->ints[i] = between(&state, 0, 8);
        int64_t day = DAY_1992 + between(&state, 0, SHIP_DAYS - 1);
        shipped->ints[i] = day;
        flag->texts[i] = day > DAY_1995_06_17 ? "N" : next(&state) & 1 ? "R" : "A";
        status->texts[i] = day > DAY_1995_06_17 ? "O" : "F";
        mode->texts[i] = modes[next(&state) % 7];
        comment->texts[i] = comments[next(&state) % NCOMMENTS];
    }
}

void
gen_part(Table *t, long nrows)
{
    uint64_t state = 2;
    *t = (Table){.name = "part", .nrows = nrows};
    Column *key = add_column(t, "p_partkey", COL_INT);
    Column *name = add_column(t, "p_name", COL_TEXT);
    Column *brand = add_column(t, "p_brand", COL_TEXT);
    Column *size = add_column(t, "p_size", COL_INT);
    Column *price = add_column(t, "p_retailprice", COL_BIGINT);
    for (long i = 0; i < nrows; i++) {
        char buf[32];
        key->ints[i] = i + 1;
        snprintf(buf, sizeof buf, "part %ld", i + 1);
        name->texts[i] = copy_text(buf);
        snprintf(buf, sizeof buf, "Brand#%d", (int)between(&state, 11, 55));
        brand->texts[i] = copy_text(buf);
        size->ints[i] = between(&state, 1, 50);
        price->ints[i] = between(&state, 90000, 200000);
    }
}

/* Each node but the first hangs on a random earlier one: about 40 levels for a million. */
void
gen_tree(Table *t, long nrows)
{
    uint64_t state = 3;
    *t = (Table){.name = "tree", .nrows = nrows};
    Column *id = add_column(t, "id", COL_BIGINT);
    Column *parent = add_column(t, "parent", COL_BIGINT);
    for (long i = 0; i < nrows; i++) {
        id->ints[i] = i + 1;
        parent->ints[i] = i == 0 ? INT64_MIN : between(&state, 1, i);
    }
}

int64_t *
gen_keys(long n, long key_max)
{
    uint64_t state = 4;
    int64_t *keys = allocate(sizeof *keys * (size_t)n);
    for (long i = 0; i < n; i++)
        keys[i] = between(&state, 1, key_max);
    return keys;
}

/* Five shapes; a running number in each keeps the texts distinct. */
char **
gen_statements(long n, long nparts)
{
    uint64_t state = 5;
    char **sql = allocate(sizeof *sql * (size_t)n);
    for (long i = 0; i < n; i++) {
        char buf[300];
        long key = (long)between(&state, 1, nparts);
        switch (i % 5) {
        case 0:
            snprintf(buf, sizeof buf, "SELECT %ld + %ld * 3", i, key);
            break;
        case 1:
            snprintf(buf, sizeof buf, "SELECT p_retailprice + %ld FROM part WHERE p_partkey = %ld", i, key);
            break;
        case 2:
            snprintf(buf, sizeof buf,
                     "SELECT p_size, p_name FROM part WHERE p_partkey = %ld AND p_size < %ld", key, i);
            break;
        case 3:
            snprintf(buf, sizeof buf,
                     "SELECT count(*), %ld FROM part WHERE p_partkey BETWEEN %ld AND %ld AND p_brand <> 'x'",
                     i, key, key + 9);
            break;
        default:
            snprintf(buf, sizeof buf,
                     "SELECT l.l_quantity + %ld, p.p_name FROM lineitem AS l JOIN part AS p"
                     " ON p.p_partkey = l.l_partkey WHERE l.l_id = %ld",
                     i, key);
        }
        sql[i] = copy_text(buf);
    }
    return sql;
}

bool
gen_write_csv(const Table *t, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    for (long row = 0; row < t->nrows; row++) {
        for (int c = 0; c < t->ncols; c++) {
            const Column *col = &t->cols[c];
            char end = c + 1 < t->ncols ? ',' : '\n';
            if (col->kind == COL_TEXT) {
                fputs(col->texts[row], f);
            } else if (col->kind == COL_DATE) {
                time_t seconds = (time_t)(col->ints[row] * 86400);
                struct tm tm;
                char date[16];
                gmtime_r(&seconds, &tm);
                strftime(date, sizeof date, "%Y-%m-%d", &tm);
                fputs(date, f);
            } else if (col->ints[row] != INT64_MIN) {
                fprintf(f, "%lld", (long long)col->ints[row]);
            }
            fputc(end, f);
        }
    }
    bool failed = ferror(f) != 0;
    return fclose(f) == 0 && !failed;
}
