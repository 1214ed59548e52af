/* copy_from.c - COPY ... FROM: bytes to column batches.
 *
 * Input is read in blocks. A batch is made of whole rows that lie in the buffer: fields are parsed straight into column vectors, and
 * texts without escapes are views on the buffer, which therefore does not move until the next batch is asked for. The batches are the rows
 * of a CatalogSource, and the statement that runs is INSERT INTO t (columns) SELECT ... FROM the source: defaults, constraints,
 * indexes and foreign keys are INSERT's.
 *
 * The common types have parsers of their own here for plain input (an integer without blanks, an ISO date, ...). What they do
 * not take goes to the type's input function, which also words the errors. */
#include "session/copy.h"
#include "types/numeric.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20 };

typedef struct Field {
    const char *text;
    size_t nbytes;
    bool is_null;
    bool quoted; /* CSV */
} Field;

typedef struct CopyIn {
    Stmt *stmt;
    Session *s;
    Ctx *ctx;
    const Relation *rel;
    CopyOptions opt;
    int ncols;
    Column *cols;        /* of the source: the table's, in COPY's order */
    bool *force_not_null, *force_null;

    int fd;              /* -1: the session's source callback */
    char *buf;
    size_t cap, begin, end; /* unread input is buf[begin, end) */
    bool at_eof, done;
    bool checked_header;
    size_t checked;      /* buf[.. checked) is known to be UTF-8 */

    int64_t line;        /* of the row at work, from 1 */
    const char *line_text; /* of it, for messages */
    size_t line_bytes;
    Field *fields;
    int field_cap;
    Arena *batch_arena;  /* strings of the batch */
    Batch *batch;
} CopyIn;

/* ---- input ---- */

static Status
read_some(CopyIn *c, char *to, size_t cap, size_t *n_out)
{
    *n_out = 0;
    if (c->fd < 0) {
        if (c->s->copy_source(c->s->copy_source_arg, to, cap, n_out) != 0)
            return RAISE(c->ctx, ERR_QUERY_CANCELED, "COPY from stdin failed");
        if (*n_out > cap) return RAISE_INTERNAL(c->ctx, "the COPY source gave more than it was asked for");
        return QN_OK;
    }
    for (;;) {
        ssize_t n = read(c->fd, to, cap);
        if (n >= 0) {
            *n_out = (size_t)n;
            return QN_OK;
        }
        if (errno != EINTR)
            return RAISE(c->ctx, ERR_IO_ERROR, "could not read from COPY file: %s", strerror(errno));
    }
}

/* More input behind what is there; moves the unread bytes to the front, so nothing may point to the buffer. */
static Status
refill(CopyIn *c)
{
    memmove(c->buf, c->buf + c->begin, c->end - c->begin);
    c->checked = c->checked > c->begin ? c->checked - c->begin : 0;
    c->end -= c->begin;
    c->begin = 0;
    if (c->end == c->cap) {
        if (c->cap > (size_t)1 << 30)
            return RAISE(c->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "COPY row is longer than a gigabyte");
        char *p = mem_realloc(&c->s->mem, c->buf, c->cap + 1, c->cap * 2 + 1);
        if (p == NULL) return RAISE_OOM(c->ctx);
        c->buf = p;
        c->cap *= 2;
    }
    size_t n;
    TRY(read_some(c, c->buf + c->end, c->cap - c->end, &n));
    c->end += n;
    c->buf[c->end] = '\0';
    if (n == 0) c->at_eof = true;
    return QN_OK;
}

static Status
row_error(CopyIn *c, Status st)
{
    return err_context(c->ctx, st, "COPY %s, line %lld: \"%.*s\"", c->rel->name, (long long)c->line,
                       c->line_bytes > 100 ? 100 : (int)c->line_bytes, c->line_text);
}

/* Where the row that starts at begin ends: *end_out is past its last byte, *next_out where the next one starts. false: the buffer does
 * not hold all of it. In CSV a line end inside quotes is data; whether a quote opens or closes only parity says. */
static bool
find_row_end(const CopyIn *c, size_t *end_out, size_t *next_out)
{
    const char *p = c->buf + c->begin, *end = c->buf + c->end;
    if (!c->opt.csv) {
        for (;;) {
            const char *nl = memchr(p, '\n', (size_t)(end - p));
            if (nl == NULL) break;
            /* A backslash before it makes it data, unless that one is escaped itself. */
            size_t slashes = 0;
            while (nl - slashes > c->buf + c->begin && nl[-1 - (ptrdiff_t)slashes] == '\\') slashes++;
            if (slashes % 2 == 0) {
                *next_out = (size_t)(nl + 1 - c->buf);
                *end_out = (size_t)(nl - c->buf);
                if (*end_out > c->begin && nl[-1] == '\r') (*end_out)--;
                return true;
            }
            p = nl + 1;
        }
    } else {
        bool in_quotes = false;
        for (; p < end; p++) {
            if (in_quotes && *p == c->opt.escape && c->opt.escape != c->opt.quote && p + 1 < end) {
                p++;
            } else if (*p == c->opt.quote) {
                in_quotes = !in_quotes;
            } else if (*p == '\n' && !in_quotes) {
                *next_out = (size_t)(p + 1 - c->buf);
                *end_out = (size_t)(p - c->buf);
                if (*end_out > c->begin && p[-1] == '\r') (*end_out)--;
                return true;
            }
        }
    }
    if (!c->at_eof || c->begin == c->end) return false;
    *end_out = *next_out = c->end;
    if (c->end > c->begin && c->buf[c->end - 1] == '\r') (*end_out)--;
    return true;
}

/* ---- fields ---- */

static Status
add_field(CopyIn *c, int *n, Field f)
{
    if (*n == c->field_cap) {
        int cap = c->field_cap * 2 + 8;
        Field *p;
        TRY_ALLOC(c->ctx, p, arena_realloc(c->stmt->run_arena, c->fields,
                                           (size_t)c->field_cap * sizeof(Field), (size_t)cap * sizeof(Field)));
        c->fields = p;
        c->field_cap = cap;
    }
    c->fields[(*n)++] = f;
    return QN_OK;
}

static int
hex_digit(char ch)
{
    if (ascii_is_digit(ch)) return ch - '0';
    ch = ascii_lower(ch);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Text format's escapes undone, into the batch's arena. */
static Status
unescape(CopyIn *c, const char *p, const char *end, Field *f)
{
    char *out, *q;
    TRY_ALLOC(c->ctx, out, arena_alloc(c->batch_arena, (size_t)(end - p) + 1));
    q = out;
    while (p < end) {
        if (*p != '\\' || p + 1 == end) {
            *q++ = *p++;
            continue;
        }
        char ch = *++p;
        p++;
        switch (ch) {
        case 'b': *q++ = '\b'; break;
        case 'f': *q++ = '\f'; break;
        case 'n': *q++ = '\n'; break;
        case 'r': *q++ = '\r'; break;
        case 't': *q++ = '\t'; break;
        case 'v': *q++ = '\v'; break;
        case 'x': {
            int v = p < end ? hex_digit(*p) : -1;
            if (v < 0) {
                *q++ = 'x';
                break;
            }
            p++;
            int w = p < end ? hex_digit(*p) : -1;
            if (w >= 0) v = v * 16 + w, p++;
            *q++ = (char)v;
            break;
        }
        default:
            if (ch >= '0' && ch <= '7') {
                int v = ch - '0';
                for (int i = 0; i < 2 && p < end && *p >= '0' && *p <= '7'; i++) v = v * 8 + (*p++ - '0');
                *q++ = (char)(v & 0xFF);
            } else {
                *q++ = ch;
            }
        }
    }
    f->text = out;
    f->nbytes = (size_t)(q - out);
    return utf8_check(c->ctx, out, f->nbytes);
}

static Status
split_text(CopyIn *c, const char *p, const char *end, int *n_out)
{
    int n = 0;
    for (;;) {
        const char *start = p;
        bool escaped = false;
        while (p < end && *p != c->opt.delimiter) {
            if (*p == '\\') {
                escaped = true;
                if (++p == end) break;
            }
            p++;
        }
        Field f = {.text = start, .nbytes = (size_t)(p - start)};
        if (f.nbytes == c->opt.null_bytes && memcmp(start, c->opt.null_text, f.nbytes) == 0)
            f.is_null = true;
        else if (escaped)
            TRY(unescape(c, start, p, &f));
        TRY(add_field(c, &n, f));
        if (p >= end) break;
        p++;
    }
    *n_out = n;
    return QN_OK;
}

/* A field with quotes in it, put together in the batch's arena. */
static Status
quoted_field(CopyIn *c, const char **pp, const char *end, Field *f)
{
    const char *p = *pp;
    char *out, *q;
    bool in_quotes = false;
    const CopyOptions *o = &c->opt;
    TRY_ALLOC(c->ctx, out, arena_alloc(c->batch_arena, (size_t)(end - p) + 1));
    q = out;
    while (p < end && (in_quotes || *p != o->delimiter)) {
        if (in_quotes && *p == o->escape && p + 1 < end && (p[1] == o->quote || p[1] == o->escape)) {
            *q++ = p[1];
            p += 2;
        } else if (*p == o->quote) {
            in_quotes = !in_quotes;
            f->quoted = true;
            p++;
        } else {
            *q++ = *p++;
        }
    }
    if (in_quotes)
        return row_error(c, RAISE(c->ctx, ERR_BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field"));
    f->text = out;
    f->nbytes = (size_t)(q - out);
    *pp = p;
    return QN_OK;
}

static Status
split_csv(CopyIn *c, const char *p, const char *end, int *n_out)
{
    int n = 0;
    for (;;) {
        const char *start = p;
        Field f = {0};
        while (p < end && *p != c->opt.delimiter && *p != c->opt.quote) p++;
        if (p < end && *p == c->opt.quote) {
            p = start;
            TRY(quoted_field(c, &p, end, &f));
        } else {
            f.text = start;
            f.nbytes = (size_t)(p - start);
        }
        bool is_null_text =
            f.nbytes == c->opt.null_bytes && memcmp(f.text, c->opt.null_text, f.nbytes) == 0;
        bool force_not_null = n < c->ncols && c->force_not_null[n];
        bool force_null = n < c->ncols && c->force_null[n];
        f.is_null = is_null_text && (f.quoted ? force_null : !force_not_null);
        TRY(add_field(c, &n, f));
        if (p >= end) break;
        p++;
    }
    *n_out = n;
    return QN_OK;
}

/* ---- values ---- */

static bool
fast_int(const char *p, size_t n, int64_t *out)
{
    bool negative = n > 0 && *p == '-';
    if (negative) p++, n--;
    if (n == 0 || n > 18) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(p[i] - '0');
        if (d > 9) return false;
        v = v * 10 + d;
    }
    *out = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* digits.digits as an integer at the column's scale; false for what would have to be rounded, or is long. */
static bool
fast_numeric(const char *p, size_t n, int precision, int scale, int64_t *out)
{
    bool negative = n > 0 && *p == '-';
    if (negative) p++, n--;
    if (n == 0 || n > 18) return false;
    uint64_t v = 0;
    int digits = 0, after = -1;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(p[i] - '0');
        if (d <= 9) {
            v = v * 10 + d;
            digits++;
            if (after >= 0) after++;
        } else if (p[i] == '.' && after < 0) {
            after = 0;
        } else {
            return false;
        }
    }
    if (after < 0) after = 0;
    if (digits == 0 || after > scale || digits + scale - after > 18) return false;
    for (int i = after; i < scale; i++) v *= 10;
    uint64_t limit = 1;
    for (int i = 0; i < precision; i++) limit *= 10;
    if (v >= limit) return false;
    *out = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* YYYY-MM-DD, as days since 2000-01-01. */
static bool
fast_date(const char *p, size_t n, int32_t *out)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (n != 10 || p[4] != '-' || p[7] != '-') return false;
    int v[8], k = 0;
    for (int i = 0; i < 10; i++) {
        if (i == 4 || i == 7) continue;
        if (!ascii_is_digit(p[i])) return false;
        v[k++] = p[i] - '0';
    }
    int y = v[0] * 1000 + v[1] * 100 + v[2] * 10 + v[3], m = v[4] * 10 + v[5], d = v[6] * 10 + v[7];
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > month_days[m - 1] + (m == 2 && leap)) return false;
    /* Days of the Gregorian calendar, years starting in March. */
    int a = m <= 2 ? 1 : 0, yy = y - a, mm = m + 12 * a - 3;
    int days = d - 1 + (153 * mm + 2) / 5 + 365 * yy + yy / 4 - yy / 100 + yy / 400;
    *out = days - 730425;
    return true;
}

static Status
slow_value(CopyIn *c, const Column *col, const Field *f, Vector *v, int row)
{
    Value value;
    Status st = value_in(c->ctx, c->batch_arena, f->text, f->nbytes, col->type, col->typmod, &value);
    if (st != QN_OK) {
        /* Positions count in the value, not in the statement. */
        c->ctx->err.position = 0;
        return err_context(c->ctx, st, "COPY %s, line %lld, column %s: \"%.*s\"", c->rel->name,
                           (long long)c->line, col->name, f->nbytes > 100 ? 100 : (int)f->nbytes, f->text);
    }
    if (col->type == TYPE_NUMERIC && (value.phys != v->phys || value.scale != v->scale))
        TRY(numeric_value_convert(c->ctx, c->batch_arena, &value, (Phys)v->phys, v->scale, &value));
    vec_put(v, row, &value);
    return QN_OK;
}

static Status
store(CopyIn *c, const Column *col, const Field *f, Vector *v, int row)
{
    int64_t i;
    if (f->is_null) {
        vec_set_null(v, row);
        if (v->phys == PHYS_STR) ((Str *)v->data)[row] = str_make("", 0);
        return QN_OK;
    }
    switch (col->type) {
    case TYPE_INT4:
        if (!fast_int(f->text, f->nbytes, &i) || i != (int32_t)i) break;
        ((int32_t *)v->data)[row] = (int32_t)i;
        return QN_OK;
    case TYPE_INT8:
        if (!fast_int(f->text, f->nbytes, &i)) break;
        ((int64_t *)v->data)[row] = i;
        return QN_OK;
    case TYPE_NUMERIC:
        if (v->phys != PHYS_I64 ||
            !fast_numeric(f->text, f->nbytes, numeric_typmod_precision(col->typmod), v->scale, &i))
            break;
        ((int64_t *)v->data)[row] = i;
        return QN_OK;
    case TYPE_DATE:
        if (!fast_date(f->text, f->nbytes, (int32_t *)v->data + row)) break;
        return QN_OK;
    case TYPE_VARCHAR:
        if (col->typmod >= 0 && f->nbytes + 4 > (size_t)col->typmod) break;
        ((Str *)v->data)[row] = str_make(f->text, f->nbytes);
        return QN_OK;
    case TYPE_TEXT: ((Str *)v->data)[row] = str_make(f->text, f->nbytes); return QN_OK;
    default: break;
    }
    return slow_value(c, col, f, v, row);
}

/* ---- rows ---- */

/* HEADER: skipped, or compared. */
static Status
check_header(CopyIn *c, int nfields)
{
    Ctx *ctx = c->ctx;
    if (!c->opt.header_match) return QN_OK;
    if (nfields != c->ncols)
        return row_error(c, RAISE(ctx, ERR_BAD_COPY_FILE_FORMAT,
                                  "wrong number of fields in header line: got %d, expected %d", nfields,
                                  c->ncols));
    for (int i = 0; i < nfields; i++) {
        const Field *f = &c->fields[i];
        if (f->is_null)
            return row_error(c, RAISE(ctx, ERR_BAD_COPY_FILE_FORMAT,
                                      "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"",
                                      i + 1, c->opt.null_text, c->cols[i].name));
        if (strlen(c->cols[i].name) != f->nbytes || memcmp(c->cols[i].name, f->text, f->nbytes) != 0)
            return row_error(c, RAISE(ctx, ERR_BAD_COPY_FILE_FORMAT,
                                      "column name mismatch in header line field %d: got \"%.*s\", expected \"%s\"",
                                      i + 1, (int)f->nbytes, f->text, c->cols[i].name));
    }
    return QN_OK;
}

static Status
parse_row(CopyIn *c, size_t end, int row)
{
    Ctx *ctx = c->ctx;
    int n;
    c->line_text = c->buf + c->begin;
    c->line_bytes = end - c->begin;
    if (c->checked < end) {
        Status st = utf8_check(ctx, c->buf + c->begin, end - c->begin);
        if (st != QN_OK)
            return err_context(ctx, st, "COPY %s, line %lld", c->rel->name, (long long)c->line);
    }
    if (c->opt.csv)
        TRY(split_csv(c, c->buf + c->begin, c->buf + end, &n));
    else
        TRY(split_text(c, c->buf + c->begin, c->buf + end, &n));
    if (row < 0) return check_header(c, n);
    /* An empty line of a table without columns has no field. */
    if (c->ncols == 0 && n == 1 && c->line_bytes == 0) n = 0;
    if (n < c->ncols)
        return row_error(c, RAISE(ctx, ERR_BAD_COPY_FILE_FORMAT, "missing data for column \"%s\"",
                                  c->cols[n].name));
    if (n > c->ncols)
        return row_error(c, RAISE(ctx, ERR_BAD_COPY_FILE_FORMAT, "extra data after last expected column"));
    for (int i = 0; i < n; i++) TRY(store(c, &c->cols[i], &c->fields[i], c->batch->cols[i], row));
    return QN_OK;
}

static bool
is_end_marker(const CopyIn *c, size_t end)
{
    return end - c->begin == 2 && c->buf[c->begin] == '\\' && c->buf[c->begin + 1] == '.';
}

/* CSV rows may span lines. */
static int64_t
count_lines(const char *p, size_t n)
{
    int64_t lines = 0;
    const char *end = p + n;
    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) lines++, p++;
    return lines;
}

static Status
next_batch(Ctx *ctx, void *arg, Batch **out)
{
    CopyIn *c = arg;
    int row = 0;
    *out = NULL;
    arena_reset(c->batch_arena);
    for (int i = 0; i < c->ncols; i++) {
        Vector *v = c->batch->cols[i];
        vec_reset(v, type_phys(c->cols[i].type, c->cols[i].typmod));
        v->scale = c->cols[i].type == TYPE_NUMERIC && v->phys != PHYS_STR
                       ? (int16_t)numeric_typmod_scale(c->cols[i].typmod)
                       : 0;
    }
    TRY(ctx_check_stop(ctx));
    while (!c->done && row < BATCH_ROWS) {
        size_t end, next;
        if (!find_row_end(c, &end, &next)) {
            if (row > 0) break; /* what the batch points to must stay */
            if (c->at_eof) {
                c->done = true;
                break;
            }
            TRY(refill(c));
            continue;
        }
        c->line++;
        if (is_end_marker(c, end)) {
            c->done = true;
            break;
        }
        bool is_header = c->opt.header && !c->checked_header;
        c->checked_header = true;
        TRY(parse_row(c, end, is_header ? -1 : row));
        if (c->opt.csv && next > c->begin + 1) c->line += count_lines(c->buf + c->begin, next - c->begin - 1);
        row += !is_header;
        c->begin = next;
    }
    if (row == 0) return QN_OK;
    c->batch->nrows = c->batch->nsel = row;
    c->batch->sel = NULL;
    *out = c->batch;
    return QN_OK;
}

/* ---- the statement ---- */

static Status
force_flags(CopyIn *c, const AstList *names, bool all, bool **out)
{
    Ctx *ctx = c->ctx;
    TRY_ALLOC(ctx, *out, ARENA_ARRAY(c->stmt->run_arena, bool, c->ncols + 1));
    for (int i = 0; i < c->ncols; i++) (*out)[i] = all;
    for (int i = 0; names != NULL && i < names->count; i++) {
        bool found = false;
        for (int k = 0; k < c->ncols; k++)
            if (strcmp(c->cols[k].name, ast_str(names->items[i])) == 0) (*out)[k] = found = true;
        if (!found)
            return RAISE(ctx, ERR_INVALID_COLUMN_REFERENCE, "FORCE column \"%s\" not referenced by COPY",
                         ast_str(names->items[i]));
    }
    return QN_OK;
}

static Status
open_input(CopyIn *c, const CopyStmt *ast)
{
    c->fd = -1;
    if (ast->filename == NULL) {
        if (c->s->copy_source == NULL)
            return RAISE(c->ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY FROM STDIN needs a source (quern_copy_source)");
        return QN_OK;
    }
    c->fd = open(ast->filename, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0)
        return RAISE(c->ctx, errno == ENOENT ? ERR_UNDEFINED_FILE : errno == EACCES ? ERR_INSUFFICIENT_PRIVILEGE
                                                                                    : ERR_IO_ERROR,
                     "could not open file \"%s\" for reading: %s", ast->filename, strerror(errno));
    return QN_OK;
}

/* INSERT INTO s.t (columns) SELECT columns FROM the source [WHERE ...] */
static Status
insert_statement(CopyIn *c, const CopyStmt *ast, Stmt **out)
{
    Ctx *ctx = c->ctx;
    Arena *arena = c->stmt->run_arena;
    InsertStmt *ins;
    SelectStmt *q;
    RangeVar *target, *source;
    TRY_ALLOC(ctx, ins, AST_NEW(arena, InsertStmt));
    TRY_ALLOC(ctx, q, AST_NEW(arena, SelectStmt));
    TRY_ALLOC(ctx, target, AST_NEW(arena, RangeVar));
    TRY_ALLOC(ctx, source, AST_NEW(arena, RangeVar));
    target->schema = c->rel->schema;
    target->name = c->rel->name;
    source->schema = "pg_catalog";
    source->name = CATALOG_SOURCE_NAME;
    for (int i = 0; i < c->ncols; i++) {
        ResTarget *to, *from;
        ColumnRef *ref;
        StringNode *name;
        TRY_ALLOC(ctx, to, AST_NEW(arena, ResTarget));
        TRY_ALLOC(ctx, from, AST_NEW(arena, ResTarget));
        TRY_ALLOC(ctx, ref, AST_NEW(arena, ColumnRef));
        TRY_ALLOC(ctx, name, AST_NEW(arena, StringNode));
        to->name = name->str = c->cols[i].name;
        TRY(ast_list_push(ctx, arena, &ref->fields, &name->base));
        from->value = &ref->base;
        TRY(ast_list_push(ctx, arena, &ins->columns, &to->base));
        TRY(ast_list_push(ctx, arena, &q->targets, &from->base));
    }
    TRY(ast_list_push(ctx, arena, &q->from, &source->base));
    q->where = ast->where;
    /* COPY stores what it reads in identity columns too. */
    ins->overriding = AST_OVERRIDING_SYSTEM;
    ins->rel = &target->base;
    ins->select = &q->base;
    TRY(stmt_from_ast(c->s, c->stmt->sql, &ins->base, NULL, 0, out));
    (*out)->is_exclusive = true;
    return QN_OK;
}

static Status
prepare_input(CopyIn *c, const CopyStmt *ast)
{
    Ctx *ctx = c->ctx;
    const RangeVar *rv = AST_AS(RangeVar, ast->rel);
    int *positions;
    Oid *types;
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &c->rel));
    if (c->rel->kind == RELKIND_VIEW)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy to view \"%s\"", c->rel->name);
    if (c->rel->kind == RELKIND_MATVIEW)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy to materialized view \"%s\"", c->rel->name);
    if (relation_base_kind(c->rel) != RELKIND_TABLE || c->rel->oid < OID_FIRST_USER)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy to %s \"%s\"",
                     c->rel->kind == RELKIND_SEQUENCE ? "sequence" : "relation", c->rel->name);
    if (tx_is_read_only(ctx->tx) && c->rel->persistence != 't')
        return RAISE(ctx, ERR_READ_ONLY_SQL_TRANSACTION, "cannot execute COPY FROM in a read-only transaction");
    TRY(copy_options(ctx, &ast->options, true, &c->opt));
    TRY(copy_columns(ctx, c->rel, &ast->columns, &positions, &c->ncols));
    TRY_ALLOC(ctx, c->cols, ARENA_ARRAY(c->stmt->run_arena, Column, c->ncols + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(c->stmt->run_arena, Oid, c->ncols + 1));
    for (int i = 0; i < c->ncols; i++) {
        const Column *col = &c->rel->cols[positions[i]];
        c->cols[i] = (Column){.attnum = i + 1, .name = col->name, .type = type_plain(col->type), .typmod = col->typmod,
                              .collation = col->collation};
        types[i] = col->type;
    }
    TRY(force_flags(c, c->opt.force_not_null, c->opt.force_not_null_all, &c->force_not_null));
    TRY(force_flags(c, c->opt.force_null, c->opt.force_null_all, &c->force_null));
    TRY_ALLOC(ctx, c->batch, batch_create_types(c->stmt->run_arena, c->ncols, types));
    TRY_ALLOC(ctx, c->batch_arena, arena_create(c->stmt->run_arena, "copy batch"));
    c->cap = BUFFER_BYTES;
    TRY_ALLOC(ctx, c->buf, mem_alloc(&c->s->mem, c->cap + 1));
    return open_input(c, ast);
}

Status
copy_from(Stmt *stmt, const CopyStmt *ast)
{
    CopyIn c = {.stmt = stmt, .s = stmt->s, .ctx = &stmt->s->ctx, .fd = -1};
    Stmt *insert = NULL;
    Status st;
    TRY_GOTO(prepare_input(&c, ast));
    CatalogSource source = {.name = c.rel->name, .ncols = c.ncols, .cols = c.cols, .next = next_batch,
                            .arg = &c};
    TRY_GOTO(catalog_source_use(c.ctx, &source));
    TRY_GOTO(insert_statement(&c, ast, &insert));
    st = stmt_run(insert, NULL, NULL);
    if (st != QN_OK && c.ctx->err.context == NULL && c.line > 0)
        st = err_context(c.ctx, st, "COPY %s, line %lld", c.rel->name, (long long)c.line);
    if (st == QN_OK) stmt->affected = insert->affected;
done:
    stmt_destroy(insert);
    if (c.ctx->catalog != NULL) (void)catalog_source_use(c.ctx, NULL);
    if (c.fd >= 0) close(c.fd);
    mem_free(&c.s->mem, c.buf, c.cap + 1);
    return st;
}
