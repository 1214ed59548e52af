/* maintain.c - see maintain.h. */
#include "session/maintain.h"
#include "executor/indexform.h"
#include "catalog/reloptions.h"
#include "common/settings.h"
#include "executor/ddl_analyze.h"
#include "executor/ddl_index.h"
#include "storage/db.h"
#include "storage/heap_rewrite.h"
#include "storage/tablestats.h"
#include <math.h>

/* ---- sizes ---- */

static Status
index_sizes(Ctx *ctx, Arena *arena, const Relation *rel, StatsDef *def)
{
    struct StatsIndex *list;
    TRY_ALLOC(ctx, list, arena_zalloc(arena, (size_t)(rel->nindexes + 1) * sizeof(*list)));
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        IndexStats now;
        TRY(index_stats(ctx, ix->index, &now));
        for (int k = 0; k < def->nindexes; k++)
            if (def->indexes[k].oid == ix->oid) list[i] = def->indexes[k];
        list[i].oid = ix->oid;
        list[i].tuples = ix->predicate != NULL && now.entries < def->tuples ? now.entries : def->tuples;
        list[i].pages = now.pages;
    }
    def->indexes = list;
    def->nindexes = rel->nindexes;
    return QN_OK;
}

/* Would plans care? */
static bool
differs(double was, double is, double part)
{
    return was < 0 ? is != was : fabs(is - was) > part * was;
}

Status
maintain_note_sizes(Ctx *ctx, Arena *arena, const Relation *rel, double rows, bool roughly)
{
    StatsDef *def;
    HeapStats now;
    const double part = roughly ? 0.1 : 0;
    if (rel->heap == NULL) return QN_OK;
    TRY(heap_stats(ctx, rel->heap, &now));
    if (rows < 0) rows = now.rows;
    bool grown = rel->nindexes > 0 && rel->indexes[rel->nindexes - 1]->pages < 0;
    if (!differs(rel->tuples, rows, part) && !differs(rel->pages, now.pages, part) && !grown &&
        (roughly || rel->visible_pages == now.all_visible_pages))
        return QN_OK;
    TRY(tx_command_begin(ctx));
    TRY(ddl_get_stats(ctx, arena, rel->oid, &def));
    if (def == NULL) TRY_ALLOC(ctx, def, ARENA_NEW(arena, StatsDef));
    def->rel_oid = rel->oid;
    def->tuples = rows;
    def->pages = now.pages;
    def->visible_pages = now.all_visible_pages;
    TRY(index_sizes(ctx, arena, rel, def));
    TRY(ddl_put_stats(ctx, def));
    tx_command_end(ctx);
    return QN_OK;
}

Status
maintain_expect(Ctx *ctx, const Relation *rel, int passes)
{
    uint32_t pages;
    if (ctx->work_total != 0 || rel->heap == NULL) return QN_OK;
    TRY(heap_page_count(ctx, rel->heap, &pages));
    ctx->work_total = (int64_t)pages * passes;
    return QN_OK;
}

/* ---- VACUUM ---- */

VacuumOptions
maintain_vacuum_options(Ctx *ctx, const Relation *rel, const MaintainOptions *o)
{
    const Settings *s = ctx->settings;
    bool cleanup = o->index_cleanup != MAINTAIN_OFF;
    if (o->index_cleanup == MAINTAIN_DEFAULT) cleanup = reloption_bool(rel, "vacuum_index_cleanup", true);
    int memory_kb = o->is_auto && s->autovacuum_work_mem >= 0 ? s->autovacuum_work_mem : s->maintenance_work_mem;
    return (VacuumOptions){.freeze_age = o->freeze ? 0 : (uint64_t)s->vacuum_freeze_min_age,
                           .memory_bytes = (size_t)memory_kb << 10,
                           .skip_indexes = !cleanup && rel->nindexes > 0,
                           .every_page = o->every_page || o->freeze,
                           .rows_a_page = rel->tuples > 0 && rel->pages > 0 ? rel->tuples / rel->pages : 0};
}

static Status
index_handles(Ctx *ctx, Arena *arena, const Relation *rel, Index ***out)
{
    TRY_ALLOC(ctx, *out, ARENA_ARRAY(arena, Index *, rel->nindexes + 1));
    for (int i = 0; i < rel->nindexes; i++) (*out)[i] = rel->indexes[i]->index;
    return QN_OK;
}

static void
tell(Ctx *ctx, const Relation *rel, const VacuumReport *r)
{
    ctx_notice(ctx, "INFO", QN_OK,
               "finished vacuuming \"%s.%s\": index scans: %u\n"
               "pages: %u remain, %u scanned (%.2f%% of total), %u held by others\n"
               "tuples: %llu removed, %.0f remain, %llu are dead but not yet removable\n"
               "dead item identifiers: %llu removed, index entries: %llu removed, wide values: %llu removed",
               rel->schema, rel->name, r->index_passes, r->pages, r->scanned,
               r->pages > 0 ? 100.0 * r->scanned / r->pages : 100.0, r->skipped, (unsigned long long)r->pruned, r->rows,
               (unsigned long long)r->dead_left, (unsigned long long)r->dead_freed,
               (unsigned long long)r->entries_removed, (unsigned long long)r->values_freed);
}

static Status
cut_empty_end(Ctx *ctx, Arena *arena, const Relation *rel, const MaintainOptions *o)
{
    bool truncate = o->truncate != MAINTAIN_OFF;
    if (o->truncate == MAINTAIN_DEFAULT) truncate = reloption_bool(rel, "vacuum_truncate", true);
    if (!truncate || !vacuum_can_truncate(ctx, rel->heap)) return QN_OK;
    /* The lock is tried for: what is empty at the end can wait. */
    bool granted = false;
    uint32_t npages;
    Index **indexes;
    TRY(index_handles(ctx, arena, rel, &indexes));
    TRY(lock_acquire(ctx, lock_relation_tag(rel->oid), LOCK_ACCESS_EXCLUSIVE, LOCK_TRY, &granted));
    return granted ? vacuum_truncate(ctx, rel->heap, indexes, rel->nindexes, &npages) : QN_OK;
}

Status
maintain_after_vacuum(Ctx *ctx, Arena *arena, const Relation *rel, const VacuumReport *report, const MaintainOptions *o)
{
    TableStats *stats = heap_table_stats(rel->heap);
    stats_add(o->is_auto ? &stats->autovacuums : &stats->vacuums, 1);
    atomic_store(o->is_auto ? &stats->autovacuum_us : &stats->vacuum_us, session_wall_us());
    TRY(cut_empty_end(ctx, arena, rel, o));
    return maintain_note_sizes(ctx, arena, rel, report->rows, o->is_auto);
}

Status
maintain_vacuum(Ctx *ctx, Arena *arena, const Relation *rel, const MaintainOptions *o)
{
    VacuumOptions options = maintain_vacuum_options(ctx, rel, o);
    VacuumReport report;
    Index **indexes;
    if (o->verbose) ctx_notice(ctx, "INFO", QN_OK, "vacuuming \"%s.%s\"", rel->schema, rel->name);
    TRY(index_handles(ctx, arena, rel, &indexes));
    TRY(vacuum_heap(ctx, rel->heap, indexes, rel->nindexes, &options, &report));
    TRY(maintain_after_vacuum(ctx, arena, rel, &report, o));
    if (o->verbose) tell(ctx, rel, &report);
    return QN_OK;
}

/* ---- ANALYZE ---- */

/* Only these columns were asked for: what is known of the others stays. */
static Status
keep_others(Ctx *ctx, Arena *arena, const Relation *rel, const AstList *columns, StatsDef *stats)
{
    StatsDef *before;
    TRY(ddl_get_stats(ctx, arena, rel->oid, &before));
    for (int i = 0; i < stats->ncols; i++) {
        bool named = false;
        for (int k = 0; k < columns->count && !named; k++) named = strcmp(ast_str(columns->items[k]), rel->cols[i].name) == 0;
        if (!named) stats->cols[i] = before != NULL && i < before->ncols ? before->cols[i] : NULL;
    }
    return QN_OK;
}

Status
maintain_analyze(Ctx *ctx, Arena *arena, const Relation *rel, const MaintainOptions *o)
{
    StatsDef *stats;
    TableStats *table = heap_table_stats(rel->heap);
    if (o->verbose) ctx_notice(ctx, "INFO", QN_OK, "analyzing \"%s.%s\"", rel->schema, rel->name);
    int64_t changed = atomic_load(&table->changed);
    TRY(tx_command_begin(ctx));
    TRY(analyze_relation(ctx, arena, rel, &stats));
    if (o->columns != NULL && o->columns->count > 0) TRY(keep_others(ctx, arena, rel, o->columns, stats));
    TRY(ddl_put_stats(ctx, stats));
    stats_add(&table->changed, -changed); /* what came meanwhile counts for the next time */
    stats_add(o->is_auto ? &table->autoanalyzes : &table->analyzes, 1);
    atomic_store(o->is_auto ? &table->autoanalyze_us : &table->analyze_us, session_wall_us());
    atomic_store(&table->live, (int64_t)stats->tuples);
    atomic_store(&table->live_known, 1);
    if (o->verbose)
        ctx_notice(ctx, "INFO", QN_OK, "\"%s\": scanned a sample of %.0f pages, %.0f estimated total rows", rel->name,
                   stats->pages, stats->tuples);
    return QN_OK;
}

/* ---- VACUUM FULL, CLUSTER ---- */

/* The rows' chains in the order of an index. */
static Status
rewrite_by_index(Ctx *ctx, Arena *arena, HeapRewrite *rw, const IndexDef *by)
{
    IndexScan *scan = NULL;
    Status st;
    TRY_GOTO(index_scan_begin(ctx, arena, by->index, NULL, &scan));
    TRY_GOTO(index_scan_start(ctx, scan, NULL, false));
    for (;;) {
        IndexBatch b;
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(index_scan_next(ctx, scan, BATCH_ROWS, &b));
        if (b.n == 0) break;
        TRY_GOTO(heap_rewrite_chains(ctx, rw, b.tids, b.n));
    }
done:
    index_scan_end(scan);
    return st;
}

/* Index entries of versions that only older snapshots see. */
static Status
index_recent_in(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, const Tid *tids, int n)
{
    HeapFetch *fetch = NULL;
    IndexForm *form = NULL;
    uint16_t rows[BATCH_ROWS];
    Tid found[BATCH_ROWS];
    Status st = QN_OK;
    TRY_GOTO(indexform_open(ctx, arena, rel, ix, &form));
    TRY_GOTO(heap_fetch_begin(ctx, arena, rel->heap, form->attrs, form->nattrs, &fetch));
    for (int from = 0; from < n; from += BATCH_ROWS) {
        int k = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
        Batch *b;
        TRY_GOTO(heap_fetch(ctx, fetch, NULL, tids + from, k, &b, rows, NULL));
        TRY_GOTO(indexform_fetched(form, b));
        for (int i = 0; i < form->n; i++) found[i] = tids[from + rows[indexform_row(form, i)]];
        TRY_GOTO(index_insert_batch(ctx, ix->index, rel->heap, form->cols, form->sel, form->n, found, INDEX_CHECK_NONE, NULL, NULL));
    }
done:
    heap_fetch_end(fetch);
    indexform_close(form);
    return st;
}

static Status
index_recent(Ctx *ctx, Arena *arena, const Relation *rel, const HeapRewrite *rw)
{
    const Tid *tids;
    int n;
    heap_rewrite_recent(rw, &tids, &n);
    for (int i = 0; n > 0 && i < rel->nindexes; i++) TRY(index_recent_in(ctx, arena, rel, rel->indexes[i], tids, n));
    return QN_OK;
}

static Status
copy_versions(Ctx *ctx, Arena *arena, const Relation *rel, Heap *to, const IndexDef *by, HeapRewrite **out)
{
    HeapRewrite *rw;
    TRY(heap_rewrite_begin(ctx, arena, rel->heap, to, &rw));
    *out = rw;
    TRY(by != NULL ? rewrite_by_index(ctx, arena, rw, by) : heap_rewrite_all(ctx, rw));
    return heap_rewrite_finish(ctx, rw);
}

Status
maintain_rewrite(Ddl *d, const Relation *rel, const IndexDef *by, const MaintainOptions *o)
{
    Ctx *ctx = d->ctx;
    RelDef *def;
    Heap *to;
    HeapRewrite *rw = NULL;
    if (o->verbose) ctx_notice(ctx, "INFO", QN_OK, "%s \"%s.%s\"", by != NULL ? "clustering" : "vacuuming", rel->schema, rel->name);
    TRY(tx_command_begin(ctx));
    TRY(ddl_edit_relation(ctx, d->arena, rel->oid, &def));
    TRY(heap_truncate(ctx, rel->heap, &def->root_page)); /* the old pages go with the commit */
    TRY(ddl_open_heap(ctx, d->arena, def, &to));
    Status st = copy_versions(ctx, d->arena, rel, to, by, &rw);
    heap_close(ctx, to);
    if (st == QN_OK) st = ddl_put_relation(ctx, def);
    for (int i = 0; st == QN_OK && i < rel->nindexes; i++) st = ddl_empty_index(ctx, rel, rel->indexes[i]);
    if (st == QN_OK) st = catalog_relation_by_oid(ctx, rel->oid, &rel);
    for (int i = 0; st == QN_OK && i < rel->nindexes; i++) st = ddl_build_index(d, rel, rel->indexes[i]->oid);
    if (st == QN_OK) st = index_recent(ctx, d->arena, rel, rw);
    HeapRewriteReport r = rw != NULL ? *heap_rewrite_report(rw) : (HeapRewriteReport){0};
    heap_rewrite_end(rw);
    if (st == QN_OK) st = catalog_relation_by_oid(ctx, rel->oid, &rel);
    if (st == QN_OK) st = maintain_note_sizes(ctx, d->arena, rel, (double)r.live, false);
    TRY(st);
    if (by == NULL) {
        TableStats *stats = heap_table_stats(rel->heap);
        stats_add(&stats->vacuums, 1);
        atomic_store(&stats->vacuum_us, session_wall_us());
    }
    if (o->verbose)
        ctx_notice(ctx, "INFO", QN_OK, "\"%s.%s\": found %llu removable, %llu nonremovable row versions", rel->schema, rel->name,
                   (unsigned long long)r.dead, (unsigned long long)(r.live + r.recent));
    tx_command_end(ctx);
    return QN_OK;
}

/* ---- the database ---- */

static Status
vacuum_catalog(Ctx *ctx, uint32_t *root_out)
{
    VacuumOptions options = {.freeze_age = UINT64_MAX, .memory_bytes = 1 << 20};
    Heap *heap = catalog_heap(ctx, root_out);
    bool granted;
    TRY(lock_acquire(ctx, lock_relation_tag(heap_desc(heap)->relid), LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_TRY, &granted));
    if (!granted) return QN_OK; /* somebody else is at it */
    return vacuum_heap(ctx, heap, NULL, 0, &options, NULL);
}

Status
maintain_database(Ctx *ctx, Arena *arena)
{
    if (vacuum_aborted_ranges(ctx) > 0) {
        Oid *list;
        int n, nroots = 0;
        uint32_t *roots;
        TRY(ddl_all_tables(ctx, &list, &n));
        TRY_ALLOC(ctx, roots, ARENA_ARRAY(arena, uint32_t, n + 1));
        TRY(vacuum_catalog(ctx, &roots[nroots++]));
        for (int i = 0; i < n; i++) {
            const Relation *rel;
            TRY(catalog_relation_by_oid(ctx, list[i], &rel));
            if (rel != NULL && rel->heap != NULL) roots[nroots++] = rel->root_page;
        }
        TRY(vacuum_forget_aborted(ctx, roots, nroots));
    }
    TRY(tx_clean(ctx, false)); /* what VACUUM FULL has left */
    return db_trim_file(ctx);
}
