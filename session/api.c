/* api.c - quern.h: each call checks its handle, enters the session, and hands errors over. The work is elsewhere. */
#include "common/str.h"
#include "session/appender.h"
#include "session/copydb.h"
#include "session/stmt.h"
#include <math.h>
#include <stdlib.h>

/* A call that may fail begins with this; it returns QUERN_MISUSE or the error. */
#define ENTER(s)                                                                                   \
    if ((s) == NULL) return QUERN_MISUSE;                                                          \
    SESSION_CALL(s);                                                                               \
    do {                                                                                           \
        Status enter_ = session_enter((s), __builtin_frame_address(0));                                           \
        if (enter_ != QN_OK) return session_fail((s), enter_, NULL, 0);                            \
    } while (0)

#define SESSION(db) ((Session *)(db))
#define STMT(h) ((Stmt *)(h))

const char *
quern_version(void)
{
    return "0.1.0";
}

/* ---- opening and closing ---- */

void
quern_config_init(quern_config *config)
{
    memset(config, 0, sizeof(*config));
    config->struct_size = sizeof(*config);
}

int
quern_open_config(const char *path, const quern_config *config, quern **out)
{
    quern_config c;
    if (out == NULL) return QUERN_MISUSE;
    quern_config_init(&c);
    if (config != NULL && config->struct_size != 0) {
        size_t n = config->struct_size < sizeof(c) ? config->struct_size : sizeof(c);
        memcpy(&c, config, n);
    }
    Session *s;
    Status st = session_open(path != NULL ? path : ":memory:", &c, NULL, &s);
    *out = (quern *)s;
    if (st == QN_OK) return QUERN_OK;
    return s != NULL ? session_fail(s, st, NULL, 0) : (int)st;
}

int
quern_open(const char *path, quern **out)
{
    return quern_open_config(path, NULL, out);
}

int
quern_close(quern *db)
{
    if (db == NULL) return QUERN_OK;
    SESSION(db)->ctx.stack_base = __builtin_frame_address(0);
    return (int)session_close(SESSION(db));
}

/* ---- whole databases ---- */

int
quern_backup(quern *db, const char *path)
{
    Session *s = SESSION(db);
    ENTER(s);
    if (path == NULL || s->depth > 0) return QUERN_MISUSE;
    Status st = session_backup(s, path);
    return st == QN_OK ? QUERN_OK : session_fail(s, st, NULL, 0);
}

typedef struct Reporter {
    CheckSink sink; /* first */
    void (*report)(void *arg, const char *object, int64_t page, const char *text);
    void *arg;
} Reporter;

static Status
hand_over(CheckSink *sink, const char *object, int64_t page, const char *text)
{
    Reporter *r = (Reporter *)sink;
    if (r->report != NULL) r->report(r->arg, object, page, text);
    return QN_OK;
}

int
quern_recover(quern *db, const char *path, void (*report)(void *arg, const char *object, int64_t page, const char *text),
              void *arg)
{
    Session *s = SESSION(db);
    ENTER(s);
    if (path == NULL || s->depth > 0) return QUERN_MISUSE;
    Reporter r = {.sink = {.report = hand_over}, .report = report, .arg = arg};
    Status st = session_recover(s, path, &r.sink);
    return st == QN_OK ? QUERN_OK : session_fail(s, st, NULL, 0);
}

/* ---- running SQL ---- */

/* An error's position in the text given to quern_exec. */
static int
fail_at(Stmt *stmt, Status st)
{
    Session *s = stmt->s;
    int code = session_fail(s, st, stmt->sql, stmt->sql_bytes);
    if (s->err_position > 0) s->err_position += stmt->position_base;
    return code;
}

typedef struct ExecRows {
    int (*row)(void *arg, int n, const char **values, const char **names);
    void *arg;
    const char **values, **names;
    int cap;
} ExecRows;

static Status value_text(Stmt *stmt, int c, const char **out);

static Status
give_row(Stmt *stmt, void *arg)
{
    ExecRows *r = arg;
    Ctx *ctx = &stmt->s->ctx;
    int n = stmt_column_count(stmt);
    if (r->row == NULL) return QN_OK;
    if (n > r->cap || r->values == NULL) {
        const char **p = mem_should_fail() ? NULL : realloc(r->values, (2 * (size_t)n + 1) * sizeof(*p)); /* a row may have no columns */
        if (p == NULL) return RAISE_OOM(ctx);
        r->values = p;
        r->cap = n;
    }
    r->names = r->values + r->cap;
    for (int c = 0; c < n; c++) {
        TRY(value_text(stmt, c, &r->values[c]));
        r->names[c] = stmt_column_name(stmt, c);
    }
    if (r->row(r->arg, n, r->values, r->names) != 0)
        return RAISE(ctx, ERR_QUERY_CANCELED, "the row callback stopped the query");
    return QN_OK;
}

/* Whether anything but white space, semicolons and comments follows: decides on the implicit block. */
static bool
has_more(const char *p, const char *end)
{
    while (p < end) {
        if (ascii_is_space(*p) || *p == ';') {
            p++;
        } else if (p[0] == '-' && p + 1 < end && p[1] == '-') {
            while (p < end && *p != '\n') p++;
        } else if (p[0] == '/' && p + 1 < end && p[1] == '*') {
            int depth = 1;
            for (p += 2; p < end && depth > 0; p++) {
                if (p[0] == '*' && p + 1 < end && p[1] == '/') depth--, p++;
                else if (p[0] == '/' && p + 1 < end && p[1] == '*') depth++, p++;
            }
        } else {
            return true;
        }
    }
    return false;
}

/* Runs the first statement of sql and says where the next one starts. *code_out is set on error. */
static Status
exec_one(Session *s, const char *all, const char *sql, size_t nbytes, ExecRows *rows, size_t *consumed_out,
         int *code_out)
{
    Stmt *stmt;
    int base = (int)utf8_count(all, (size_t)(sql - all));
    Status st = stmt_prepare(s, sql, nbytes, &stmt, consumed_out);
    if (st != QN_OK) {
        *code_out = session_fail(s, st, sql, nbytes);
        if (s->err_position > 0) s->err_position += base;
        return st;
    }
    if (stmt == NULL) return QN_OK;
    stmt->position_base = base;
    stmt->is_exclusive = true;
    if (s->block == BLOCK_NONE && has_more(sql + *consumed_out, sql + nbytes)) s->block = BLOCK_IMPLICIT;
    st = stmt_run(stmt, give_row, rows);
    if (st != QN_OK) *code_out = fail_at(stmt, st);
    stmt_destroy(stmt);
    return st;
}

int
quern_exec(quern *db, const char *sql,
           int (*row)(void *arg, int n, const char **values, const char **names), void *arg)
{
    Session *s = SESSION(db);
    ENTER(s);
    if (sql == NULL || s->depth > 0) return QUERN_MISUSE;
    ExecRows rows = {.row = row, .arg = arg};
    size_t nbytes = strlen(sql), at = 0;
    int code = QUERN_OK;
    Status st = utf8_check(&s->ctx, sql, nbytes);
    if (st != QN_OK) return session_fail(s, st, NULL, 0);
    while (at < nbytes && st == QN_OK) {
        size_t consumed;
        st = exec_one(s, sql, sql + at, nbytes - at, &rows, &consumed, &code);
        at += consumed;
    }
    if (st != QN_OK && s->block == BLOCK_OPEN) (void)session_end_statement(s, false);
    Status end = session_end_implicit(s, st == QN_OK);
    if (st == QN_OK && end != QN_OK) code = session_fail(s, end, NULL, 0);
    free(rows.values);
    return code;
}

int
quern_prepare(quern *db, const char *sql, int nbytes, quern_stmt **out, const char **tail)
{
    Session *s = SESSION(db);
    if (out != NULL) *out = NULL;
    ENTER(s);
    if (sql == NULL || out == NULL || s->depth > 0) return QUERN_MISUSE;
    size_t n = nbytes < 0 ? strlen(sql) : strnlen(sql, (size_t)nbytes), consumed = n;
    Stmt *stmt = NULL;
    Status st = utf8_check(&s->ctx, sql, n);
    /* Leading empty statements are passed over: ";;SELECT 1". */
    size_t at = 0;
    while (st == QN_OK && stmt == NULL && at < n) {
        st = stmt_prepare(s, sql + at, n - at, &stmt, &consumed);
        if (st != QN_OK) {
            int code = session_fail(s, st, sql + at, n - at);
            if (s->err_position > 0) s->err_position += (int)utf8_count(sql, at);
            if (s->block == BLOCK_OPEN) (void)session_end_statement(s, false);
            return code;
        }
        if (stmt != NULL) stmt->position_base = (int)utf8_count(sql, at);
        at += consumed;
    }
    if (st != QN_OK) return session_fail(s, st, NULL, 0);
    if (tail != NULL) *tail = sql + at;
    if (stmt == NULL) return QUERN_OK;
    st = stmt_plan(stmt);
    if (st != QN_OK) {
        int code = fail_at(stmt, st);
        stmt_destroy(stmt);
        if (s->block == BLOCK_OPEN) (void)session_end_statement(s, false);
        return code;
    }
    *out = (quern_stmt *)stmt;
    return QUERN_OK;
}

/* ---- parameters ---- */

static int
bind(quern_stmt *h, int i, Value v)
{
    Stmt *stmt = STMT(h);
    if (stmt == NULL || i < 1 || i > stmt->nparams || stmt->state == STMT_RUNNING) return QUERN_MISUSE;
    Session *s = stmt->s;
    if (stmt_bind_in_place(stmt, i, &v)) return QUERN_OK; /* the statement's own memory: the session is not needed */
    ENTER(s);
    Status st = stmt_bind(stmt, i, &v);
    return st == QN_OK ? QUERN_OK : session_fail(s, st, NULL, 0);
}

int
quern_bind_null(quern_stmt *stmt, int i)
{
    return bind(stmt, i, value_null(INVALID_OID));
}

int
quern_bind_bool(quern_stmt *stmt, int i, int value)
{
    return bind(stmt, i, (Value){.type = TYPE_BOOL, .phys = PHYS_BOOL, .b = value != 0});
}

int
quern_bind_int32(quern_stmt *stmt, int i, int32_t value)
{
    return bind(stmt, i, (Value){.type = TYPE_INT4, .phys = PHYS_I32, .i32 = value});
}

int
quern_bind_int64(quern_stmt *stmt, int i, int64_t value)
{
    return bind(stmt, i, (Value){.type = TYPE_INT8, .phys = PHYS_I64, .i64 = value});
}

int
quern_bind_double(quern_stmt *stmt, int i, double value)
{
    return bind(stmt, i, (Value){.type = TYPE_FLOAT8, .phys = PHYS_F64, .f64 = value});
}

int
quern_bind_text(quern_stmt *h, int i, const char *text, int nbytes)
{
    if (text == NULL) return quern_bind_null(h, i);
    if (h == NULL) return QUERN_MISUSE;
    size_t n = nbytes < 0 ? strlen(text) : (size_t)nbytes;
    Session *s = STMT(h)->s;
    Status st = utf8_check(&s->ctx, text, n);
    if (st != QN_OK) return session_fail(s, st, NULL, 0);
    return bind(h, i, (Value){.type = TYPE_TEXT, .phys = PHYS_STR, .str = str_make(text, n)});
}

int
quern_bind_bytes(quern_stmt *h, int i, const void *data, size_t nbytes)
{
    if (data == NULL && nbytes > 0) return QUERN_MISUSE;
    if (nbytes > INT32_MAX) return QUERN_MISUSE;
    return bind(h, i, (Value){.type = TYPE_BYTEA, .phys = PHYS_STR, .str = str_make(data, nbytes)});
}

/* '[1,2.5]': the text form, which the parameter's type reads. */
Status
vector_as_text(Ctx *ctx, Arena *arena, const float *values, int dim, Value *out)
{
    StrBuf b = strbuf_new(arena);
    strbuf_addc(&b, '[');
    for (int i = 0; i < dim; i++) {
        Value f = {.type = TYPE_FLOAT4, .phys = PHYS_F32, .f32 = values[i]};
        if (i > 0) strbuf_addc(&b, ',');
        TRY(value_out(ctx, &b, &f));
    }
    strbuf_addc(&b, ']');
    char *text;
    size_t n;
    TRY(strbuf_finish(ctx, &b, &text, &n));
    *out = (Value){.type = TYPE_TEXT, .phys = PHYS_STR, .str = str_make(text, n)};
    return QN_OK;
}

int
quern_bind_vector(quern_stmt *h, int i, const float *values, int dim)
{
    if (h == NULL || values == NULL || dim < 0) return QUERN_MISUSE;
    Session *s = STMT(h)->s;
    ENTER(s);
    Value v;
    Status st = vector_as_text(&s->ctx, STMT(h)->run_arena, values, dim, &v);
    return st == QN_OK ? bind(h, i, v) : session_fail(s, st, NULL, 0);
}

int
quern_bind_count(quern_stmt *stmt)
{
    return stmt != NULL && STMT(stmt)->plan != NULL ? STMT(stmt)->plan->nparams : 0;
}

uint32_t
quern_bind_type(quern_stmt *stmt, int i)
{
    return i >= 1 && i <= quern_bind_count(stmt) ? STMT(stmt)->plan->param_types[i - 1] : INVALID_OID;
}

int
quern_clear_bindings(quern_stmt *h)
{
    Stmt *stmt = STMT(h);
    if (stmt == NULL || stmt->state == STMT_RUNNING) return QUERN_MISUSE;
    for (int i = 0; i < stmt->nparams; i++) {
        stmt->params[i].value = value_null(INVALID_OID);
        stmt->params[i].is_bound = true;
    }
    return QUERN_OK;
}

/* ---- stepping ---- */

int
quern_step(quern_stmt *h)
{
    Stmt *stmt = STMT(h);
    if (stmt == NULL) return QUERN_MISUSE;
    Session *s = stmt->s;
    if (stmt_step_within(stmt)) return QUERN_ROW;
    ENTER(s);
    if (s->depth > 0) return QUERN_MISUSE; /* from a callback */
    bool has_row;
    Status st = stmt_step(stmt, &has_row);
    if (st != QN_OK) return fail_at(stmt, st);
    return has_row ? QUERN_ROW : QUERN_DONE;
}

int
quern_reset(quern_stmt *h)
{
    Stmt *stmt = STMT(h);
    if (stmt == NULL) return QUERN_MISUSE;
    Session *s = stmt->s;
    if (s->depth > 0) return QUERN_MISUSE;
    ENTER(s);
    Status st = stmt_reset(stmt);
    return st == QN_OK ? QUERN_OK : fail_at(stmt, st);
}

int
quern_finalize(quern_stmt *h)
{
    Stmt *stmt = STMT(h);
    if (stmt == NULL) return QUERN_OK;
    Session *s = stmt->s;
    if (s->depth > 0) return QUERN_MISUSE;
    int code = QUERN_OK;
    SESSION_CALL(s);
    Status st = session_enter(s, __builtin_frame_address(0));
    if (st == QN_OK) st = stmt_reset(stmt);
    if (st != QN_OK) code = fail_at(stmt, st);
    stmt_destroy(stmt);
    return code;
}

const char *
quern_sql(quern_stmt *stmt)
{
    return stmt != NULL ? STMT(stmt)->sql : NULL;
}

int64_t
quern_affected_rows(quern_stmt *stmt)
{
    return stmt != NULL ? STMT(stmt)->affected : -1;
}

const char *
quern_command_tag(quern_stmt *stmt)
{
    return stmt != NULL ? stmt_tag(STMT(stmt)) : "";
}

/* ---- columns ---- */

int
quern_column_count(quern_stmt *stmt)
{
    return stmt != NULL ? stmt_column_count(STMT(stmt)) : 0;
}

const char *
quern_column_name(quern_stmt *stmt, int c)
{
    return stmt != NULL ? stmt_column_name(STMT(stmt), c) : NULL;
}

uint32_t
quern_column_type(quern_stmt *stmt, int c)
{
    int32_t typmod;
    return stmt != NULL ? stmt_column_type(STMT(stmt), c, &typmod) : INVALID_OID;
}

int
quern_column_typmod(quern_stmt *stmt, int c)
{
    int32_t typmod = -1;
    if (stmt != NULL) (void)stmt_column_type(STMT(stmt), c, &typmod);
    return typmod;
}

int
quern_column_is_null(quern_stmt *stmt, int c)
{
    Value v;
    return stmt == NULL || !stmt_value(STMT(stmt), c, &v) || v.is_null;
}

/* The text of a column, made once a row. */
static Status
value_text(Stmt *stmt, int c, const char **out)
{
    Ctx *ctx = &stmt->s->ctx;
    Arena *arena = stmt->text_arena;
    Value v;
    *out = NULL;
    if (!stmt_value(stmt, c, &v) || v.is_null) return QN_OK;
    if (stmt->texts == NULL) {
        stmt->ntexts = stmt_column_count(stmt);
        TRY_ALLOC(ctx, stmt->texts, ARENA_ARRAY(arena, const char *, stmt->ntexts));
    }
    if (stmt->texts[c] == NULL) {
        StrBuf b = strbuf_new(arena);
        char *text;
        catalog_use_types(ctx); /* nobody entered the session for this */
        TRY(value_out(ctx, &b, &v));
        TRY(strbuf_finish(ctx, &b, &text, NULL));
        stmt->texts[c] = text;
    }
    *out = stmt->texts[c];
    return QN_OK;
}

const char *
quern_column_text(quern_stmt *h, int c)
{
    const char *text;
    if (h == NULL) return NULL;
    Status st = value_text(STMT(h), c, &text);
    if (st == QN_OK) return text;
    (void)session_fail(STMT(h)->s, st, NULL, 0);
    return NULL;
}

/* Any number's nearest integer; texts by their leading number. */
static int64_t
nearest_int64(double d)
{
    if (isnan(d)) return 0;
    d = rint(d);
    if (d >= 9223372036854775807.0) return INT64_MAX;
    if (d <= -9223372036854775808.0) return INT64_MIN;
    return (int64_t)d;
}

static double
text_double(Stmt *stmt, int c)
{
    const char *text;
    Value v;
    if (value_text(stmt, c, &text) != QN_OK) {
        err_clear(&stmt->s->ctx.err);
        return 0;
    }
    if (text == NULL) return 0;
    Status st = value_in(&stmt->s->ctx, stmt->text_arena, text, strlen(text), TYPE_FLOAT8, -1, &v);
    if (st == QN_OK) return v.f64;
    err_clear(&stmt->s->ctx.err);
    return 0;
}

int64_t
quern_column_int64(quern_stmt *h, int c)
{
    Value v;
    int row;
    const Vector *cell = h != NULL ? stmt_cell(STMT(h), c, &row) : NULL;
    if (cell != NULL && cell->phys == PHYS_I64 && cell->type != TYPE_NUMERIC) return ((const int64_t *)cell->data)[row];
    if (cell != NULL && cell->phys == PHYS_I32 && cell->type != TYPE_OID) return ((const int32_t *)cell->data)[row];
    if (h == NULL || !stmt_value(STMT(h), c, &v) || v.is_null) return 0;
    switch ((Phys)v.phys) {
    case PHYS_BOOL: return v.b;
    case PHYS_I16: return v.i16;
    case PHYS_I32: return v.type == TYPE_OID ? (int64_t)(uint32_t)v.i32 : v.i32;
    case PHYS_I64:
        if (v.type != TYPE_NUMERIC || v.scale == 0) return v.i64;
        break;
    case PHYS_F32: return nearest_int64((double)v.f32);
    case PHYS_F64: return nearest_int64(v.f64);
    default: break;
    }
    return nearest_int64(text_double(STMT(h), c));
}

double
quern_column_double(quern_stmt *h, int c)
{
    Value v;
    if (h == NULL || !stmt_value(STMT(h), c, &v) || v.is_null) return 0;
    switch ((Phys)v.phys) {
    case PHYS_F32: return (double)v.f32;
    case PHYS_F64: return v.f64;
    case PHYS_BOOL: return v.b;
    case PHYS_I16: return v.i16;
    case PHYS_I32: return v.type == TYPE_OID ? (double)(uint32_t)v.i32 : v.i32;
    case PHYS_I64:
        if (v.type != TYPE_NUMERIC) return (double)v.i64;
        break;
    default: break;
    }
    return text_double(STMT(h), c);
}

int
quern_column_bool(quern_stmt *h, int c)
{
    Value v;
    if (h == NULL || !stmt_value(STMT(h), c, &v) || v.is_null) return 0;
    if (v.phys == PHYS_BOOL) return v.b;
    if (v.phys == PHYS_STR && v.type != TYPE_NUMERIC)
        return v.str.len > 0 && (str_data(&v.str)[0] == 't' || str_data(&v.str)[0] == 'T');
    return quern_column_double(h, c) != 0;
}

const void *
quern_column_bytes(quern_stmt *h, int c, size_t *n)
{
    Value v;
    size_t none;
    if (n == NULL) n = &none;
    *n = 0;
    if (h == NULL || !stmt_value(STMT(h), c, &v) || v.is_null) return NULL;
    if (v.type == TYPE_BYTEA || v.type == TYPE_TEXT || v.type == TYPE_VARCHAR) {
        *n = v.str.len;
        if (v.str.len > STR_INLINE_MAX) return v.str.ptr;
        /* Short ones lie inside the value, which is ours alone. */
        return arena_memdup(STMT(h)->text_arena, v.str.inl, v.str.len > 0 ? v.str.len : 1);
    }
    const char *text = quern_column_text(h, c);
    if (text != NULL) *n = strlen(text);
    return text;
}

const float *
quern_column_vector(quern_stmt *h, int c, int *dim)
{
    /* The types of the vector family do not exist yet, so no column has one. */
    (void)h, (void)c;
    if (dim != NULL) *dim = 0;
    return NULL;
}

/* ---- errors ---- */

const char *
quern_errmsg(quern *db)
{
    if (db == NULL) return "out of memory";
    return SESSION(db)->err.message != NULL ? SESSION(db)->err.message : "not an error";
}

const char *
quern_sqlstate(quern *db)
{
    return db != NULL ? status_sqlstate(SESSION(db)->err.code) : "53200";
}

const char *
quern_errdetail(quern *db)
{
    return db != NULL ? SESSION(db)->err.detail : NULL;
}

const char *
quern_errhint(quern *db)
{
    return db != NULL ? SESSION(db)->err.hint : NULL;
}

const char *
quern_errcontext(quern *db)
{
    return db != NULL ? SESSION(db)->err.context : NULL;
}

int
quern_errposition(quern *db)
{
    return db != NULL ? SESSION(db)->err_position : 0;
}

/* ---- the connection ---- */

char
quern_transaction_status(quern *db)
{
    if (db == NULL) return 'I';
    switch (SESSION(db)->block) {
    case BLOCK_OPEN: return 'T';
    case BLOCK_FAILED: return 'E';
    default: return 'I';
    }
}

void
quern_interrupt(quern *db)
{
    if (db != NULL) atomic_fetch_or(&SESSION(db)->stop, STOP_CANCEL);
}

void
quern_progress(quern *db, int (*cb)(void *arg, double fraction), void *arg)
{
    if (db == NULL) return;
    SESSION(db)->progress = cb;
    SESSION(db)->progress_arg = arg;
}

void
quern_notice(quern *db,
             void (*cb)(void *arg, const char *severity, const char *sqlstate, const char *message),
             void *arg)
{
    if (db == NULL) return;
    SESSION(db)->notice = cb;
    SESSION(db)->notice_arg = arg;
}

void
quern_copy_source(quern *db, int (*source)(void *arg, char *buf, size_t cap, size_t *n), void *arg)
{
    if (db == NULL) return;
    SESSION(db)->copy_source = source;
    SESSION(db)->copy_source_arg = arg;
}

void
quern_copy_sink(quern *db, int (*sink)(void *arg, const char *data, size_t n), void *arg)
{
    if (db == NULL) return;
    SESSION(db)->copy_sink = sink;
    SESSION(db)->copy_sink_arg = arg;
}
