/* systable.c - scans of the catalog's own relations: the table of them, emitting, and batches. See systable.h. */
#include "catalog/systable.h"
#include "types/batch.h"
#include <assert.h>

#define C(name, T) {name, TYPE_##T},
#define COLS(...) __VA_ARGS__
#define SYSTABLE(oid, schema, kind, name, fn, cols)                                                \
    Status fn(Ctx *ctx, SysRows *r);                                                               \
    static const SysColumn cols_##oid[] = {cols};
#include "catalog/systables.def"
#undef SYSTABLE

static const SysTable tables[] = {
#define SYSTABLE(oid, schema, kind, name, fn, cols)                                                \
    {oid, OID_##schema, kind, name, (int)(sizeof(cols_##oid) / sizeof(SysColumn)), cols_##oid, fn},
#include "catalog/systables.def"
#undef SYSTABLE
};

int
systable_count(void)
{
    return (int)(sizeof(tables) / sizeof(tables[0]));
}

const SysTable *
systable_at(int i)
{
    return &tables[i];
}

static Status
make_columns(Ctx *ctx, Arena *arena, const SysTable *t, const Column **out)
{
    Column *cols;
    TRY_ALLOC(ctx, cols, ARENA_ARRAY(arena, Column, t->ncols));
    for (int i = 0; i < t->ncols; i++)
        cols[i] = (Column){.attnum = i + 1, .name = t->cols[i].name, .type = t->cols[i].type,
                           .typmod = -1};
    *out = cols;
    return QN_OK;
}

Status
systable_build_relations(Ctx *ctx, CatalogShared *shared)
{
    int n = systable_count();
    TRY_ALLOC(ctx, shared->sys, ARENA_ARRAY(shared->arena, Relation, n));
    for (int i = 0; i < n; i++) {
        const SysTable *t = &tables[i];
        Relation *rel = &shared->sys[i];
        rel->oid = t->oid;
        rel->version = 1;
        rel->name = t->name;
        rel->schema_oid = t->schema;
        rel->schema = t->schema == OID_PG_CATALOG ? "pg_catalog" : "information_schema";
        rel->kind = t->relkind;
        rel->persistence = 'p';
        rel->ncols = t->ncols;
        rel->tuples = rel->pages = -1;
        rel->systable = t;
        TRY(make_columns(ctx, shared->arena, t, &rel->cols));
    }
    shared->nsys = n;
    return QN_OK;
}

Status
systable_set_sequence(Ctx *ctx, Relation *rel)
{
    rel->systable = &systable_sequence;
    rel->ncols = systable_sequence.ncols;
    return make_columns(ctx, rel->arena, &systable_sequence, &rel->cols);
}

/* ---- emitting ---- */

struct SysRows {
    Ctx *ctx;
    Arena *arena;
    const Relation *rel;
    int ncols;       /* of the table */
    int *slot_of;    /* [ncols] position in a kept row, -1: not wanted */
    int nwanted;
    ARRAY(Value *) rows; /* nwanted values each */
    int col;         /* next column of the row being made */
    bool failed;
};

const SysTable systable_source = {.relkind = RELKIND_TABLE, .name = CATALOG_SOURCE_NAME};

struct CatalogScan {
    Ctx *ctx;
    const CatalogSource *source; /* not NULL: batches come from there */
    const int *cols;
    SysRows rows;
    int nout;     /* columns of the batch */
    int *out_slot; /* [nout] position in a kept row */
    int next;     /* first row of the next batch */
    Batch *batch;
    int batch_rows;
};

Arena *
sys_arena(SysRows *r)
{
    return r->arena;
}

const Relation *
sys_scanned(SysRows *r)
{
    return r->rel;
}

Status
sys_row(SysRows *r)
{
    assert(r->rows.count == 0 || r->col == r->ncols);
    Value *row;
    if (r->failed) return RAISE_OOM(r->ctx);
    TRY(ctx_check_stop(r->ctx));
    TRY_ALLOC(r->ctx, row, ARENA_ARRAY(r->arena, Value, r->nwanted + 1));
    TRY(array_push(r->ctx, r->arena, &r->rows, row));
    r->col = 0;
    return QN_OK;
}

/* The value to fill in, or NULL when nobody wants the column. */
static Value *
next_value(SysRows *r)
{
    assert(r->col < r->ncols);
    int slot = r->slot_of[r->col];
    Value *v = NULL;
    if (slot >= 0) {
        v = &r->rows.items[r->rows.count - 1][slot];
        *v = value_null(r->rel->cols[r->col].type);
    }
    r->col++;
    return v;
}

void
sys_null(SysRows *r)
{
    (void)next_value(r);
}

#define EMIT(fn, ctype, PHYS, FIELD, expr)                                                         \
    void fn(SysRows *r, ctype v)                                                                   \
    {                                                                                              \
        Value *out = next_value(r);                                                                \
        if (out == NULL) return;                                                                   \
        out->is_null = false;                                                                      \
        out->phys = PHYS;                                                                          \
        out->FIELD = (expr);                                                                       \
    }
EMIT(sys_bool, bool, PHYS_BOOL, b, v)
EMIT(sys_int2, int, PHYS_I16, i16, (int16_t)v)
EMIT(sys_int4, int, PHYS_I32, i32, v)
EMIT(sys_int8, int64_t, PHYS_I64, i64, v)
EMIT(sys_float4, double, PHYS_F32, f32, (float)v)
EMIT(sys_oid, Oid, PHYS_I32, i32, (int32_t)v)

void
sys_time(SysRows *r, int64_t us)
{
    if (us != 0) sys_int8(r, us);
    else sys_null(r);
}

void
sys_text(SysRows *r, const char *v)
{
    Value *out = next_value(r);
    if (out == NULL || v == NULL) return;
    out->is_null = false;
    out->phys = PHYS_STR;
    out->str = str_make(v, strlen(v));
}

void
sys_printf(SysRows *r, const char *fmt, ...)
{
    StrBuf b = strbuf_new(r->arena);
    va_list ap;
    va_start(ap, fmt);
    strbuf_addv(&b, fmt, ap);
    va_end(ap);
    r->failed |= b.failed;
    sys_text(r, b.failed ? NULL : b.data);
}

void
sys_char(SysRows *r, char v)
{
    Value *out = next_value(r);
    if (out == NULL) return;
    out->is_null = false;
    out->phys = PHYS_STR;
    out->str = str_make(&v, v != '\0');
}

void
sys_skip(SysRows *r, int n)
{
    while (n-- > 0) sys_null(r);
}

void
sys_array(SysRows *r, const char *v)
{
    Oid type = r->rel->cols[r->col].type;
    Value *out = next_value(r);
    if (out == NULL || v == NULL) return;
    if (value_in(r->ctx, r->arena, v, strlen(v), type, -1, out) != QN_OK) r->failed = true;
}

/* ---- scanning ---- */

Status
catalog_scan_open(Ctx *ctx, Arena *arena, const Relation *rel, const int *cols, int ncols,
                  CatalogScan **scan_out)
{
    CatalogScan *s;
    TRY_ALLOC(ctx, s, ARENA_NEW(arena, CatalogScan));
    s->ctx = ctx;
    s->nout = ncols;
    if (rel->systable == &systable_source) {
        int *copy;
        TRY_ALLOC(ctx, copy, arena_memdup(arena, cols, (size_t)(ncols > 0 ? ncols : 1) * sizeof(int)));
        s->source = &ctx->catalog->source;
        s->cols = copy;
        TRY_ALLOC(ctx, s->batch, batch_create(arena, ncols));
        *scan_out = s;
        return QN_OK;
    }
    s->rows = (SysRows){.ctx = ctx, .arena = arena, .rel = rel, .ncols = rel->systable->ncols};
    TRY_ALLOC(ctx, s->rows.slot_of, ARENA_ARRAY(arena, int, s->rows.ncols));
    TRY_ALLOC(ctx, s->out_slot, ARENA_ARRAY(arena, int, ncols + 1));
    for (int i = 0; i < s->rows.ncols; i++) s->rows.slot_of[i] = -1;
    for (int i = 0; i < ncols; i++) {
        if (cols[i] < 0) { /* tableoid: no other system column is there */
            s->out_slot[i] = -1;
            continue;
        }
        int *slot = &s->rows.slot_of[cols[i]];
        if (*slot < 0) *slot = s->rows.nwanted++;
        s->out_slot[i] = *slot;
    }
    TRY(rel->systable->rows(ctx, &s->rows));
    if (s->rows.failed) return ctx->err.code != QN_OK ? ctx->err.code : RAISE_OOM(ctx);
    assert(s->rows.rows.count == 0 || s->rows.col == s->rows.ncols);

    s->batch_rows = s->rows.rows.count < BATCH_ROWS ? s->rows.rows.count : BATCH_ROWS;
    TRY_ALLOC(ctx, s->batch, batch_create(arena, ncols));
    for (int i = 0; i < ncols; i++)
        TRY_ALLOC(ctx, s->batch->cols[i], vec_create(arena, cols[i] < 0 ? TYPE_OID : rel->cols[cols[i]].type,
                                                     s->batch_rows > 0 ? s->batch_rows : 1));
    *scan_out = s;
    return QN_OK;
}

static Status
next_of_source(Ctx *ctx, CatalogScan *s, Batch **out)
{
    Batch *b;
    *out = NULL;
    TRY(s->source->next(ctx, s->source->arg, &b));
    if (b == NULL) return QN_OK;
    for (int i = 0; i < s->nout; i++) s->batch->cols[i] = b->cols[s->cols[i]];
    s->batch->nrows = b->nrows;
    s->batch->nsel = b->nsel;
    s->batch->sel = b->sel;
    *out = s->batch;
    return QN_OK;
}

Status
catalog_scan_next(Ctx *ctx, CatalogScan *s, Batch **out)
{
    if (s->source != NULL) return next_of_source(ctx, s, out);
    int n = s->rows.rows.count - s->next;
    *out = NULL;
    if (n <= 0) return QN_OK;
    if (n > s->batch_rows) n = s->batch_rows;
    for (int c = 0; c < s->nout; c++) {
        Vector *v = s->batch->cols[c];
        vec_reset(v, (Phys)type_info(v->type)->phys);
        if (s->out_slot[c] < 0) {
            for (int i = 0; i < n; i++) ((int32_t *)v->data)[i] = (int32_t)s->rows.rel->oid;
            continue;
        }
        for (int i = 0; i < n; i++) {
            const Value *value = &s->rows.rows.items[s->next + i][s->out_slot[c]];
            if (!value->is_null) {
                vec_put(v, i, value);
                continue;
            }
            vec_set_null(v, i);
            if (v->phys == PHYS_STR) ((Str *)v->data)[i] = str_make("", 0);
        }
    }
    s->batch->nrows = s->batch->nsel = n;
    s->batch->sel = NULL;
    s->next += n;
    *out = s->batch;
    return QN_OK;
}

Status
catalog_scan_rewind(Ctx *ctx, CatalogScan *scan)
{
    if (scan->source != NULL) return RAISE_INTERNAL(ctx, "a source cannot be read again");
    scan->next = 0;
    return QN_OK;
}
