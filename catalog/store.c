/* store.c - see store.h. The heap has one row an object:
 *
 *     oid oid, kind int2, parent oid, parent2 oid, schema oid, name text, body bytea
 *
 * and its root is the first named root of the database. It is read only at open, by a scan, and rows are changed by tid, so it
 * has no index. */
#include "catalog/store.h"
#include "catalog/catalog_priv.h"
#include "catalog/sequence.h"
#include "storage/db.h"
#include "storage/tx.h"

enum { ROOT_SLOT_CATALOG = 0, OID_CATALOG_HEAP = 1 };

enum { COL_OID, COL_KIND, COL_PARENT, COL_PARENT2, COL_SCHEMA, COL_NAME, COL_BODY, NCOLS };

static const Oid types[NCOLS] = {TYPE_OID, TYPE_INT2, TYPE_OID,  TYPE_OID,
                                 TYPE_OID, TYPE_TEXT, TYPE_BYTEA};
static const LayoutColumn layout_cols[NCOLS] = {
    {.type = TYPE_OID, .typmod = -1, .phys = PHYS_I32}, {.type = TYPE_INT2, .typmod = -1, .phys = PHYS_I16},
    {.type = TYPE_OID, .typmod = -1, .phys = PHYS_I32}, {.type = TYPE_OID, .typmod = -1, .phys = PHYS_I32},
    {.type = TYPE_OID, .typmod = -1, .phys = PHYS_I32}, {.type = TYPE_TEXT, .typmod = -1, .phys = PHYS_STR},
    {.type = TYPE_BYTEA, .typmod = -1, .phys = PHYS_STR}};
static const Layout layout = {.id = 1, .ncols = NCOLS, .cols = layout_cols};
static const Layout *const layouts[] = {&layout};

static Status
open_heap(Ctx *ctx, Arena *arena, PageNo root, Heap **out)
{
    HeapDesc *desc;
    TRY_ALLOC(ctx, desc, ARENA_NEW(arena, HeapDesc));
    *desc = (HeapDesc){.relid = OID_CATALOG_HEAP, .root_page = root, .name = "catalog",
                       .layouts = layouts, .nlayouts = 1};
    return heap_open(ctx, arena, desc, out);
}

/* A new database: the heap, and the schema public. */
static Status
make_catalog(Ctx *ctx, Arena *arena, Heap **heap_out)
{
    PageNo root;
    CatObj *schema;
    TRY(heap_create(ctx, OID_CATALOG_HEAP, &root));
    TRY(db_root_set(ctx, ROOT_SLOT_CATALOG, root));
    TRY(sequence_make_store(ctx));
    TRY(open_heap(ctx, arena, root, heap_out));
    TRY(catobj_from_schema(ctx, OID_PUBLIC, "public", &schema));
    StoreChange change = {.was = NULL, .now = schema};
    Status st = store_write(ctx, *heap_out, &change, 1);
    catobj_unref(schema);
    return st;
}

static Oid
oid_at(const Batch *b, int col, int row)
{
    Value v = vec_get(b->cols[col], row);
    return (Oid)v.i32;
}

/* The rest of what the scan was set to. */
static Status
take_rows(Ctx *ctx, HeapScan *scan, Status (*take)(Ctx *, void *, CatObj *), void *arg)
{
    Batch *b;
    for (;;) {
        TRY(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
        if (b == NULL) return QN_OK;
        for (int i = 0; i < b->nsel; i++) {
            int row = batch_row(b, i);
            Value kind = vec_get(b->cols[COL_KIND], row), name = vec_get(b->cols[COL_NAME], row);
            Value body = vec_get(b->cols[COL_BODY], row), tid = vec_get(b->cols[NCOLS], row);
            CatObj *o;
            TRY(catobj_from_row(ctx, oid_at(b, COL_OID, row), (ObjKind)kind.i16, oid_at(b, COL_PARENT, row),
                                oid_at(b, COL_PARENT2, row), oid_at(b, COL_SCHEMA, row), str_data(&name.str), name.str.len,
                                (const uint8_t *)str_data(&body.str), body.str.len, tid.i64, &o));
            TRY(take(ctx, arg, o));
        }
    }
}

/* Of a damaged database a page at a time: objects on those that cannot be read are lost. */
static Status
salvage_rows(Ctx *ctx, HeapScan *scan, uint32_t npages, Status (*take)(Ctx *, void *, CatObj *), void *arg)
{
    for (uint32_t page = 0; page < npages; page++) {
        TRY(heap_scan_rescan(ctx, scan, ctx->snapshot, page, page + 1));
        Status st = take_rows(ctx, scan, take, arg);
        if (st == ERR_DATA_CORRUPTED) err_clear(&ctx->err);
        else TRY(st);
    }
    return QN_OK;
}

static Status
read_rows(Ctx *ctx, Arena *arena, Heap *heap, Status (*take)(Ctx *, void *, CatObj *), void *arg)
{
    static const int columns[NCOLS + 1] = {0, 1, 2, 3, 4, 5, 6, HEAP_COL_CTID};
    HeapScanSpec spec = {.columns = columns, .ncolumns = NCOLS + 1};
    HeapScan *scan = NULL;
    uint32_t npages;
    Status st;
    TRY_GOTO(heap_page_count(ctx, heap, &npages));
    TRY_GOTO(heap_scan_begin(ctx, arena, heap, ctx->snapshot, &spec, &scan));
    st = db_is_salvaged(ctx) ? salvage_rows(ctx, scan, npages, take, arg) : take_rows(ctx, scan, take, arg);
done:
    heap_scan_end(scan);
    return st;
}

Status
store_load(Ctx *ctx, Arena *arena, Heap **heap_out, Status (*take)(Ctx *, void *, CatObj *), void *arg)
{
    Arena *before = ctx->stmt_arena, *scratch = arena_create(NULL, "catalog load");
    PageNo root;
    Status st;

    *heap_out = NULL;
    if (scratch == NULL) return RAISE_OOM(ctx);
    ctx->stmt_arena = scratch;
    TRY_GOTO(db_root_get(ctx, ROOT_SLOT_CATALOG, &root));
    if (root == PAGE_NONE) {
        TRY_GOTO(tx_begin(ctx, TX_READ_COMMITTED, false));
        TRY_GOTO(make_catalog(ctx, arena, heap_out));
        TRY_GOTO(tx_commit(ctx));
    } else {
        TRY_GOTO(open_heap(ctx, arena, root, heap_out));
    }
    TRY_GOTO(tx_begin(ctx, TX_READ_COMMITTED, true));
    TRY_GOTO(tx_command_begin(ctx));
    TRY_GOTO(read_rows(ctx, scratch, *heap_out, take, arg));
    tx_command_end(ctx);
    TRY_GOTO(tx_commit(ctx));
done:
    if (st != QN_OK) {
        heap_close(ctx, *heap_out); /* before a rollback frees its pages */
        *heap_out = NULL;
    }
    if (st != QN_OK && ctx->tx != NULL) tx_rollback(ctx);
    ctx->stmt_arena = before;
    arena_destroy(scratch);
    return st;
}

static Value
oid_value(Oid oid)
{
    return (Value){.type = TYPE_OID, .phys = PHYS_I32, .i32 = (int32_t)oid};
}

static void
put_row(Batch *b, int row, const CatObj *o)
{
    Value kind = {.type = TYPE_INT2, .phys = PHYS_I16, .i16 = (int16_t)o->kind};
    Value oid = oid_value(o->oid), parent = oid_value(o->parent), parent2 = oid_value(o->parent2);
    Value schema = oid_value(o->schema);
    Value name = {.type = TYPE_TEXT, .phys = PHYS_STR, .str = str_make(o->name, strlen(o->name))};
    Value body = {.type = TYPE_BYTEA, .phys = PHYS_STR,
                  .str = str_make((const char *)o->body, o->body_bytes)};
    vec_put(b->cols[COL_OID], row, &oid);
    vec_put(b->cols[COL_KIND], row, &kind);
    vec_put(b->cols[COL_PARENT], row, &parent);
    vec_put(b->cols[COL_PARENT2], row, &parent2);
    vec_put(b->cols[COL_SCHEMA], row, &schema);
    vec_put(b->cols[COL_NAME], row, &name);
    vec_put(b->cols[COL_BODY], row, &body);
}

/* Nobody else changes rows of objects this transaction has locked. */
static Status
check_results(Ctx *ctx, const uint8_t *results, int n)
{
    for (int i = 0; i < n; i++)
        if (results[i] != HEAP_DONE)
            return RAISE(ctx, ERR_T_R_SERIALIZATION_FAILURE, "tuple concurrently updated");
    return QN_OK;
}

/* Up to BATCH_ROWS changes of one sort. */
typedef struct Chunk {
    Batch *batch;
    CatObj *objs[BATCH_ROWS];
    Tid tids[BATCH_ROWS], newer[BATCH_ROWS], new_tids[BATCH_ROWS];
    uint8_t results[BATCH_ROWS];
    bool hot[BATCH_ROWS];
    int n;
} Chunk;

static Status
flush(Ctx *ctx, Heap *heap, Chunk *c, bool has_old, bool has_new)
{
    if (c->n == 0) return QN_OK;
    c->batch->nrows = c->batch->nsel = c->n;
    if (!has_old) {
        TRY(heap_insert_batch(ctx, heap, c->batch, c->new_tids));
    } else if (has_new) {
        TRY(heap_update_batch(ctx, heap, c->tids, c->batch, HEAP_WAIT, false, NULL, c->results, c->newer,
                              c->new_tids, c->hot));
        TRY(check_results(ctx, c->results, c->n));
    } else {
        TRY(heap_delete_batch(ctx, heap, c->tids, c->n, HEAP_WAIT, c->results, c->newer));
        TRY(check_results(ctx, c->results, c->n));
    }
    for (int i = 0; has_new && i < c->n; i++) c->objs[i]->tid = c->new_tids[i];
    c->n = 0;
    return QN_OK;
}

static Status
write_sort(Ctx *ctx, Heap *heap, Chunk *c, const StoreChange *changes, int n, bool has_old, bool has_new)
{
    for (int i = 0; i < n; i++) {
        if ((changes[i].was != NULL) != has_old || (changes[i].now != NULL) != has_new) continue;
        if (has_old) c->tids[c->n] = changes[i].was->tid;
        if (has_new) {
            c->objs[c->n] = changes[i].now;
            put_row(c->batch, c->n, changes[i].now);
        }
        if (++c->n == BATCH_ROWS) TRY(flush(ctx, heap, c, has_old, has_new));
    }
    return flush(ctx, heap, c, has_old, has_new);
}

Status
store_write(Ctx *ctx, Heap *heap, const StoreChange *changes, int n)
{
    if (n == 0) return QN_OK;
    Chunk *c;
    TRY_ALLOC(ctx, c, ARENA_NEW(ctx->stmt_arena, Chunk));
    TRY_ALLOC(ctx, c->batch, batch_create_types(ctx->stmt_arena, NCOLS, types));
    TRY(tx_command_begin(ctx));
    TRY(write_sort(ctx, heap, c, changes, n, true, false));
    TRY(write_sort(ctx, heap, c, changes, n, true, true));
    TRY(write_sort(ctx, heap, c, changes, n, false, true));
    tx_command_end(ctx);
    return QN_OK;
}
