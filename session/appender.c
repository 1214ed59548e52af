/* appender.c - bulk loads through the C API.
 *
 * Rows are collected in a batch; each full batch is inserted by a prepared INSERT ... SELECT from a CatalogSource that gives just
 * this batch, as COPY does. Outside a transaction block the load is an implicit block of its own, from the first batch to the close. */
#include "session/appender.h"
#include "session/stmt.h"
#include "types/numeric.h"

struct Appender {
    Session *s;
    Appender *prev, *next;
    Arena *arena;       /* columns, tree */
    Arena *batch_arena; /* strings of the batch */
    const Relation *rel;
    RelPins pins;
    int ncols;
    Column *cols;
    Batch *batch;
    int row, col;       /* where the next value goes */
    bool *defaults;     /* columns of the row at work that take their default */
    bool given;         /* the source has handed out the batch */
    bool failed;
    bool own_block;     /* the implicit block is ours to end */
    Stmt *insert;
};

void
appender_destroy(Appender *app)
{
    if (app == NULL) return;
    Session *s = app->s;
    stmt_destroy(app->insert);
    relpins_release(&s->ctx, &app->pins);
    if (app->prev != NULL)
        app->prev->next = app->next;
    else
        s->appenders = app->next;
    if (app->next != NULL) app->next->prev = app->prev;
    arena_destroy(app->arena);
    mem_free(NULL, app, sizeof(*app));
}

/* ---- the batch as a source ---- */

static Status
give_batch(Ctx *ctx, void *arg, Batch **out)
{
    Appender *app = arg;
    (void)ctx;
    *out = NULL;
    if (app->given || app->row == 0) return QN_OK;
    app->given = true;
    app->batch->nrows = app->batch->nsel = app->row;
    app->batch->sel = NULL;
    *out = app->batch;
    return QN_OK;
}

static void
start_batch(Appender *app)
{
    arena_reset(app->batch_arena);
    for (int i = 0; i < app->ncols; i++) {
        Vector *v = app->batch->cols[i];
        const Column *c = &app->cols[i];
        vec_reset(v, type_phys(c->type, c->typmod));
        v->scale = c->type == TYPE_NUMERIC && v->phys != PHYS_STR ? (int16_t)numeric_typmod_scale(c->typmod) : 0;
    }
    app->row = app->col = 0;
    app->given = false;
}

/* INSERT INTO s.t (columns) SELECT columns FROM the source, as a tree. */
static Status
make_insert(Appender *app)
{
    Ctx *ctx = &app->s->ctx;
    StrBuf b = strbuf_new(app->arena);
    InsertStmt *ins;
    SelectStmt *q;
    RangeVar *target, *source;
    char *sql;
    strbuf_addf(&b, "INSERT INTO %s", app->rel->name);
    TRY(strbuf_finish(ctx, &b, &sql, NULL));
    TRY_ALLOC(ctx, ins, AST_NEW(app->arena, InsertStmt));
    TRY_ALLOC(ctx, q, AST_NEW(app->arena, SelectStmt));
    TRY_ALLOC(ctx, target, AST_NEW(app->arena, RangeVar));
    TRY_ALLOC(ctx, source, AST_NEW(app->arena, RangeVar));
    target->schema = app->rel->schema;
    target->name = app->rel->name;
    source->schema = "pg_catalog";
    source->name = CATALOG_SOURCE_NAME;
    for (int i = 0; i < app->ncols; i++) {
        ResTarget *to, *from;
        ColumnRef *ref;
        StringNode *name;
        if (app->defaults[i]) continue; /* left out: INSERT fills it in */
        TRY_ALLOC(ctx, to, AST_NEW(app->arena, ResTarget));
        TRY_ALLOC(ctx, from, AST_NEW(app->arena, ResTarget));
        TRY_ALLOC(ctx, ref, AST_NEW(app->arena, ColumnRef));
        TRY_ALLOC(ctx, name, AST_NEW(app->arena, StringNode));
        to->name = name->str = app->cols[i].name;
        TRY(ast_list_push(ctx, app->arena, &ref->fields, &name->base));
        from->value = &ref->base;
        TRY(ast_list_push(ctx, app->arena, &ins->columns, &to->base));
        TRY(ast_list_push(ctx, app->arena, &q->targets, &from->base));
    }
    TRY(ast_list_push(ctx, app->arena, &q->from, &source->base));
    ins->overriding = AST_OVERRIDING_SYSTEM;
    ins->rel = &target->base;
    ins->select = &q->base;
    stmt_destroy(app->insert);
    app->insert = NULL;
    TRY(stmt_from_ast(app->s, sql, &ins->base, NULL, 0, &app->insert));
    app->insert->is_exclusive = true;
    return QN_OK;
}

static Status
flush_batch(Appender *app)
{
    Ctx *ctx = &app->s->ctx;
    if (app->row == 0) return QN_OK;
    CatalogSource source = {.name = app->rel->name, .ncols = app->ncols, .cols = app->cols,
                            .next = give_batch, .arg = app};
    TRY(catalog_source_use(ctx, &source));
    if (app->insert == NULL) TRY(make_insert(app));
    Status st = stmt_run(app->insert, NULL, NULL);
    Status end = catalog_source_use(ctx, NULL);
    TRY(st);
    TRY(end);
    start_batch(app);
    return QN_OK;
}

/* ---- opening ---- */

static Status
open_table(Appender *app, const char *schema, const char *table)
{
    Session *s = app->s;
    Ctx *ctx = &s->ctx;
    Oid *types;
    RelPins *before = catalog_pins_use(ctx, &app->pins);
    Status st = catalog_relation_required(ctx, schema, table, 0, &app->rel);
    catalog_pins_use(ctx, before);
    TRY(st);
    if (relation_base_kind(app->rel) != RELKIND_TABLE || app->rel->oid < OID_FIRST_USER)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot append to \"%s\": it is not a table", table);
    TRY_ALLOC(ctx, app->cols, ARENA_ARRAY(app->arena, Column, app->rel->ncols + 1));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(app->arena, Oid, app->rel->ncols + 1));
    for (int i = 0; i < app->rel->ncols; i++) {
        const Column *c = &app->rel->cols[i];
        if (c->dropped || c->generated != '\0') continue;
        app->cols[app->ncols] = (Column){.attnum = app->ncols + 1, .name = c->name, .type = type_plain(c->type),
                                         .typmod = c->typmod, .collation = c->collation};
        types[app->ncols++] = c->type;
    }
    TRY_ALLOC(ctx, app->defaults, ARENA_ARRAY(app->arena, bool, app->ncols + 1));
    TRY_ALLOC(ctx, app->batch, batch_create_types(app->arena, app->ncols, types));
    TRY_ALLOC(ctx, app->batch_arena, arena_create(app->arena, "appender batch"));
    start_batch(app);
    if (s->block == BLOCK_NONE) {
        TRY(session_begin_statement(s));
        s->block = BLOCK_IMPLICIT;
        app->own_block = true;
    }
    return session_check_block(s);
}

int
quern_appender_open(quern *db, const char *schema, const char *table, quern_appender **out)
{
    Session *s = (Session *)db;
    if (out != NULL) *out = NULL;
    if (s == NULL || table == NULL || out == NULL || s->depth > 0) return QUERN_MISUSE;
    SESSION_CALL(s);
    Status st = session_enter(s, __builtin_frame_address(0));
    if (st != QN_OK) return session_fail(s, st, NULL, 0);
    Appender *app = mem_zalloc(NULL, sizeof(*app));
    if (app == NULL) return session_fail(s, RAISE_OOM(&s->ctx), NULL, 0);
    app->s = s;
    app->next = s->appenders;
    if (s->appenders != NULL) s->appenders->prev = app;
    s->appenders = app;
    app->arena = arena_create_account(NULL, "appender", &s->mem);
    st = app->arena != NULL ? open_table(app, schema, table) : RAISE_OOM(&s->ctx);
    if (st != QN_OK) {
        int code = session_fail(s, st, NULL, 0);
        appender_destroy(app);
        return code;
    }
    *out = (quern_appender *)app;
    return QUERN_OK;
}

/* ---- values ---- */

static int
fail(Appender *app, Status st)
{
    app->failed = true;
    return session_fail(app->s, st, NULL, 0);
}

static Status
store(Appender *app, const Value *v)
{
    Ctx *ctx = &app->s->ctx;
    const Column *c = &app->cols[app->col];
    Vector *to = app->batch->cols[app->col];
    Value out;
    TRY(value_convert(ctx, app->batch_arena, v, c->type, c->typmod, &out));
    if (out.is_null) {
        vec_set_null(to, app->row);
        if (to->phys == PHYS_STR) ((Str *)to->data)[app->row] = str_make("", 0);
        return QN_OK;
    }
    if (c->type == TYPE_NUMERIC && (out.phys != to->phys || out.scale != to->scale))
        TRY(numeric_value_convert(ctx, app->batch_arena, &out, (Phys)to->phys, to->scale, &out));
    /* Strings may still be the caller's. */
    if (out.phys == PHYS_STR) TRY(value_copy(ctx, app->batch_arena, &out, &out));
    vec_put(to, app->row, &out);
    return QN_OK;
}

static int
append(quern_appender *h, Value v)
{
    Appender *app = (Appender *)h;
    if (app == NULL || app->failed) return QUERN_MISUSE;
    Session *s = app->s;
    SESSION_CALL(s);
    Status st = session_enter(s, __builtin_frame_address(0));
    if (st == QN_OK && app->col >= app->ncols)
        st = RAISE(&s->ctx, ERR_SYNTAX_ERROR, "more values than columns in table \"%s\"", app->rel->name);
    if (st == QN_OK && app->defaults[app->col])
        st = RAISE(&s->ctx, ERR_FEATURE_NOT_SUPPORTED,
                   "column \"%s\" took its default in an earlier row of this appender", app->cols[app->col].name);
    if (st == QN_OK) st = store(app, &v);
    if (st != QN_OK) return fail(app, st);
    app->col++;
    return QUERN_OK;
}

int
quern_append_null(quern_appender *app)
{
    return append(app, value_null(INVALID_OID));
}

int
quern_append_bool(quern_appender *app, int value)
{
    return append(app, (Value){.type = TYPE_BOOL, .phys = PHYS_BOOL, .b = value != 0});
}

int
quern_append_int32(quern_appender *app, int32_t value)
{
    return append(app, (Value){.type = TYPE_INT4, .phys = PHYS_I32, .i32 = value});
}

int
quern_append_int64(quern_appender *app, int64_t value)
{
    return append(app, (Value){.type = TYPE_INT8, .phys = PHYS_I64, .i64 = value});
}

int
quern_append_double(quern_appender *app, double value)
{
    return append(app, (Value){.type = TYPE_FLOAT8, .phys = PHYS_F64, .f64 = value});
}

int
quern_append_text(quern_appender *h, const char *text, int nbytes)
{
    Appender *app = (Appender *)h;
    if (text == NULL) return quern_append_null(h);
    if (app == NULL) return QUERN_MISUSE;
    size_t n = nbytes < 0 ? strlen(text) : (size_t)nbytes;
    Status st = utf8_check(&app->s->ctx, text, n);
    if (st != QN_OK) return fail(app, st);
    return append(h, (Value){.type = TYPE_TEXT, .phys = PHYS_STR, .str = str_make(text, n)});
}

int
quern_append_bytes(quern_appender *app, const void *data, size_t nbytes)
{
    if ((data == NULL && nbytes > 0) || nbytes > INT32_MAX) return QUERN_MISUSE;
    return append(app, (Value){.type = TYPE_BYTEA, .phys = PHYS_STR, .str = str_make(data, nbytes)});
}

int
quern_append_vector(quern_appender *h, const float *values, int dim)
{
    Appender *app = (Appender *)h;
    if (app == NULL || values == NULL || dim < 0) return QUERN_MISUSE;
    Value v;
    Status st = vector_as_text(&app->s->ctx, app->batch_arena, values, dim, &v);
    return st == QN_OK ? append(h, v) : fail(app, st);
}

/* Columns that take their default are left out of the INSERT, so all rows of a batch must agree on them. */
int
quern_append_default(quern_appender *h)
{
    Appender *app = (Appender *)h;
    if (app == NULL || app->failed) return QUERN_MISUSE;
    Session *s = app->s;
    SESSION_CALL(s);
    Status st = session_enter(s, __builtin_frame_address(0));
    if (st == QN_OK && app->col >= app->ncols)
        st = RAISE(&s->ctx, ERR_SYNTAX_ERROR, "more values than columns in table \"%s\"", app->rel->name);
    if (st == QN_OK && !app->defaults[app->col]) {
        if (app->row > 0)
            st = RAISE(&s->ctx, ERR_FEATURE_NOT_SUPPORTED,
                       "column \"%s\" was given values in earlier rows of this appender", app->cols[app->col].name);
        app->defaults[app->col] = true;
    }
    if (st != QN_OK) return fail(app, st);
    vec_set_null(app->batch->cols[app->col], app->row);
    app->col++;
    return QUERN_OK;
}

int
quern_appender_end_row(quern_appender *h)
{
    Appender *app = (Appender *)h;
    if (app == NULL || app->failed || app->s->depth > 0) return QUERN_MISUSE;
    Session *s = app->s;
    while (app->col < app->ncols) {
        int code = quern_append_default(h);
        if (code != QUERN_OK) return code;
    }
    SESSION_CALL(s);
    Status st = session_enter(s, __builtin_frame_address(0));
    app->row++;
    app->col = 0;
    if (st == QN_OK && app->row == BATCH_ROWS) st = flush_batch(app);
    return st == QN_OK ? QUERN_OK : fail(app, st);
}

int
quern_appender_close(quern_appender *h)
{
    Appender *app = (Appender *)h;
    if (app == NULL) return QUERN_OK;
    Session *s = app->s;
    if (s->depth > 0) return QUERN_MISUSE;
    bool failed = app->failed;
    int code = QUERN_OK;
    SESSION_CALL(s);
    Status st = session_enter(s, __builtin_frame_address(0));
    if (st == QN_OK && !failed && app->col > 0)
        st = RAISE(&s->ctx, ERR_SYNTAX_ERROR, "the appender was closed in the middle of a row");
    if (st == QN_OK && !failed) st = flush_batch(app);
    if (st != QN_OK) code = session_fail(s, st, NULL, 0);
    bool ok = st == QN_OK && !failed;
    if (app->own_block) {
        Status end = session_end_implicit(s, ok);
        if (ok && end != QN_OK) code = session_fail(s, end, NULL, 0);
    } else if (!ok) {
        (void)session_end_statement(s, false);
    }
    /* The first failure was reported when it happened; its text is still there. */
    if (failed && code == QUERN_OK) code = s->err.code != QN_OK ? (int)s->err.code : QUERN_MISUSE;
    appender_destroy(app);
    return code;
}
