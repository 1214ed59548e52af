/* ddl_index.c - CREATE INDEX's work: scan, encode, sort, bulk build.
 *
 * Rows are sorted by the bytes the index stores, key and then tid: the order a build wants. The tid has to be
 * sorted too, because what is indexed is the first tid of a row's version chain, and chains of
 * a page do not begin in the order in which their visible versions are met. */
#include "executor/ddl_index.h"
#include "catalog/reloptions.h"
#include "common/settings.h"
#include "executor/modify.h"
#include "executor/sorter.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "storage/tx.h"

enum { OUT_KEY, OUT_TID, OUT_PAYLOAD, OUT_COUNT };

typedef struct Fill {
    Ctx *ctx;
    Arena *arena;
    const Relation *rel;
    const IndexDef *def;
    Sorter *sorter;
    Snapshot snap; /* the latest, whatever the transaction sees: others will use the index as well */
    IndexForm *form;
    KeyRows keys, payloads;
    uint8_t *room; /* of the sorter's keys of one batch */
    size_t room_bytes;
    Vector *vecs[OUT_COUNT]; /* of a batch on its way to the sorter */
    bool has_payload;
    int64_t npages;          /* read */
    int64_t rows;            /* of the table that are in the index */
    int64_t entries;         /* to be sorted */
    Arena *batch;            /* of entries where a row has several */
} Fill;

static void
bytes_to_vector(const KeyRows *rows, int n, Vector *out)
{
    vec_reset(out, PHYS_STR);
    for (int i = 0; i < n; i++) {
        uint32_t nbytes;
        const uint8_t *p = key_rows_get(rows, i, &nbytes);
        ((Str *)out->data)[i] = str_make((const char *)p, nbytes);
    }
}

enum { TID_KEY_BYTES = 8 };

/* Keys [from, from + n) with the tid, big-endian, behind each. */
static Status
keys_with_tids(Fill *f, const KeyRows *keys, int from, const int64_t *tids, int n)
{
    Vector *out = f->vecs[OUT_KEY];
    size_t need = keys->offsets[from + n] - keys->offsets[from] + (size_t)n * TID_KEY_BYTES;
    if (need > f->room_bytes) {
        f->room_bytes = bits_next_pow2(need);
        TRY_ALLOC(f->ctx, f->room, arena_alloc(f->arena, f->room_bytes));
    }
    vec_reset(out, PHYS_STR);
    uint8_t *to = f->room;
    for (int i = 0; i < n; i++) {
        uint32_t nbytes;
        const uint8_t *key = key_rows_get(keys, from + i, &nbytes);
        uint64_t tid = __builtin_bswap64((uint64_t)tids[i]);
        memcpy(to, key, nbytes);
        memcpy(to + nbytes, &tid, TID_KEY_BYTES);
        ((Str *)out->data)[i] = str_make((const char *)to, nbytes + TID_KEY_BYTES);
        to += nbytes + TID_KEY_BYTES;
    }
    return QN_OK;
}

/* The entries of rows of which each has any number, a batch of them at a time. */
static Status
add_split(Fill *f, const Tid *row_tids)
{
    const IndexForm *form = f->form;
    int64_t *tids = f->vecs[OUT_TID]->data;
    uint32_t *rows;
    arena_reset(f->batch);
    KeyRows keys = key_rows_new(f->batch);
    TRY(index_split_rows(f->ctx, f->def->index, form->cols, form->sel, form->n, &keys, &rows));
    for (int from = 0, n; from < keys.n; from += n) {
        n = keys.n - from < BATCH_ROWS ? keys.n - from : BATCH_ROWS;
        vec_reset(f->vecs[OUT_TID], PHYS_I64);
        for (int i = 0; i < n; i++) tids[i] = row_tids[indexform_row(form, (int)rows[from + i])];
        TRY(keys_with_tids(f, &keys, from, tids, n));
        f->entries += n;
        TRY(sorter_add(f->sorter, &f->vecs[OUT_KEY], f->vecs, NULL, n));
    }
    return QN_OK;
}

static Status
add_batch(Fill *f, const Batch *b)
{
    const IndexForm *form = f->form;
    TRY(indexform_fetched(f->form, b));
    int n = form->n;
    if (n == 0) return QN_OK;
    f->rows += n;
    if (index_splits_rows(f->def->index)) return add_split(f, b->cols[form->nattrs]->data);
    TRY(index_form_entries(f->ctx, f->def->index, form->cols, form->sel, n, &f->keys, &f->payloads, NULL));
    vec_reset(f->vecs[OUT_TID], PHYS_I64);
    const Tid *tids = b->cols[form->nattrs]->data;
    for (int i = 0; i < n; i++) ((int64_t *)f->vecs[OUT_TID]->data)[i] = tids[indexform_row(form, i)];
    TRY(keys_with_tids(f, &f->keys, 0, f->vecs[OUT_TID]->data, n));
    if (f->has_payload) bytes_to_vector(&f->payloads, n, f->vecs[OUT_PAYLOAD]);
    f->entries += n;
    return sorter_add(f->sorter, &f->vecs[OUT_KEY], f->vecs, NULL, n);
}

static Status
scan_table(Fill *f)
{
    Ctx *ctx = f->ctx;
    HeapScan *scan = NULL;
    Batch *b;
    Status st;
    int *columns, n = f->form->nattrs;
    TRY_ALLOC(ctx, columns, ARENA_ARRAY(f->arena, int, n + 1));
    for (int i = 0; i < n; i++) columns[i] = f->form->attrs[i];
    columns[n] = HEAP_COL_ROOT;
    HeapScanSpec spec = {.columns = columns, .ncolumns = n + 1, .is_counted = true};
    TRY_GOTO(heap_scan_begin(ctx, f->arena, f->rel->heap, &f->snap, &spec, &scan));
    for (;;) {
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
        if (b == NULL) break;
        TRY_GOTO(add_batch(f, b));
    }
done:
    heap_scan_end(scan);
    return st;
}

/* "(a, b)=(1, x)" of the row at a tid. */
static Status
describe_key(Fill *f, Tid tid, const char **out)
{
    Ctx *ctx = f->ctx;
    HeapFetch *fetch = NULL;
    uint16_t row;
    Batch *rows;
    Status st;
    *out = "";
    TRY_GOTO(heap_fetch_begin(ctx, f->arena, f->rel->heap, f->form->attrs, f->form->nattrs, &fetch));
    TRY_GOTO(heap_fetch(ctx, fetch, &f->snap, &tid, 1, &rows, &row, NULL));
    if (rows->nrows == 0) goto done;
    TRY_GOTO(indexform_fetched(f->form, rows));
    if (f->form->n > 0) st = modify_index_key_text(ctx, f->arena, f->rel, f->def, f->form->cols, indexform_row(f->form, 0), out);
done:
    heap_fetch_end(fetch);
    return st;
}

static Status
raise_duplicate(Fill *f, Tid tid)
{
    const char *key;
    TRY(describe_key(f, tid, &key));
    return err_detail(f->ctx,
                      RAISE(f->ctx, ERR_UNIQUE_VIOLATION, "could not create unique index \"%s\"",
                            f->def->name),
                      "Key %s is duplicated.", key);
}

static Status
build(Fill *f, int64_t *rows_out)
{
    static const Oid types[OUT_COUNT] = {TYPE_BYTEA, TYPE_INT8, TYPE_BYTEA};
    Ctx *ctx = f->ctx;
    Index *index = f->def->index;
    IndexBuild *build = NULL;
    Batch *out;
    Status st;
    int64_t given = 0;
    *rows_out = 0;
    TRY_ALLOC(ctx, out, batch_create_types(f->arena, f->has_payload ? OUT_COUNT : OUT_PAYLOAD, types));
    TRY_GOTO(sorter_finish(f->sorter));
    const int64_t from = ctx->work_done;
    TRY_GOTO(index_build_begin(ctx, f->arena, index, (int)reloption_number_in(f->def->options, "fillfactor", 0), &build));
    for (;;) {
        int n;
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(sorter_next(f->sorter, BATCH_ROWS, out, &n));
        if (n == 0) break;
        for (int i = 0; i < n; i++) {
            const Str *key = (const Str *)out->cols[OUT_KEY]->data + i;
            const Str *payload = f->has_payload ? (const Str *)out->cols[OUT_PAYLOAD]->data + i : NULL;
            Tid dup;
            TRY_GOTO(index_build_add(ctx, index, build, (const uint8_t *)str_data(key), key->len - TID_KEY_BYTES,
                                     ((const int64_t *)out->cols[OUT_TID]->data)[i],
                                     payload != NULL ? (const uint8_t *)str_data(payload) : NULL,
                                     payload != NULL ? payload->len : 0, &dup));
            if (dup != TID_NONE) {
                st = raise_duplicate(f, dup);
                goto done;
            }
        }
        given += n;
        ctx->work_done = from + f->npages * given / (f->entries > 0 ? f->entries : 1);
    }
    *rows_out = f->rows;
    TRY_GOTO(index_build_finish(ctx, index, build));
done:
    index_build_end(index, build);
    return st;
}

Status
index_fill(Ctx *ctx, const Relation *rel, const IndexDef *def, int64_t *rows_out)
{
    static const SorterKey by_key = {.type = TYPE_BYTEA};
    static const Oid types[OUT_COUNT] = {TYPE_BYTEA, TYPE_INT8, TYPE_BYTEA};
    Status st;
    Arena *arena = arena_create(ctx->stmt_arena, "index build");
    if (arena == NULL) return RAISE_OOM(ctx);
    Fill f = {.ctx = ctx, .arena = arena, .rel = rel, .def = def,
              .has_payload = !index_splits_rows(def->index) && index_has_payload(index_desc(def->index))};
    Status snapped = tx_snapshot_latest(ctx, &f.snap);
    if (snapped != QN_OK) {
        arena_destroy(arena);
        return snapped;
    }
    TRY_ALLOC_GOTO(ctx, f.batch, arena_create(arena, "index entries"));
    f.keys = key_rows_new(arena);
    f.payloads = key_rows_new(arena);
    size_t limit = (size_t)ctx->settings->maintenance_work_mem * 1024;
    for (int i = 0; i < OUT_COUNT; i++)
        TRY_ALLOC_GOTO(ctx, f.vecs[i], vec_create(arena, types[i], BATCH_ROWS));
    TRY_GOTO(sorter_new(ctx, arena, 1, &by_key, f.has_payload ? OUT_COUNT : OUT_PAYLOAD, types, limit,
                        &f.sorter));
    TRY_GOTO(indexform_open(ctx, arena, rel, def, &f.form));
    f.npages = -ctx->work_done;
    TRY_GOTO(scan_table(&f));
    f.npages += ctx->work_done;
    TRY_GOTO(build(&f, rows_out));
done:
    tx_snapshot_drop(ctx, &f.snap);
    sorter_free(f.sorter);
    indexform_close(f.form);
    arena_destroy(arena);
    return st;
}
