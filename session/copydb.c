/* copydb.c - see copydb.h. Objects are copied by catalog/copy.c, rows here, page by page; indexes are built anew. */
#include "session/copydb.h"
#include "catalog/copy.h"
#include "catalog/ddl.h"
#include "catalog/sequence.h"
#include "executor/check_rel.h"
#include "executor/ddl_index.h"
#include "storage/db.h"
#include "storage/file.h"
#include "storage/heap.h"
#include "storage/index.h"

typedef struct DbCopy {
    Session *from, *to;
    Arena *arena;
    CheckSink *lost;  /* NULL: what is damaged ends the copy */
} DbCopy;

/* An error of the new database as one of the session at work. */
static Status
of_target(DbCopy *c, Status st)
{
    if (st != QN_OK && c->from->ctx.err.code == QN_OK) err_move(&c->from->ctx.err, &c->to->ctx.err);
    return st;
}

/* Damage met while reading is told and passed over, if that is what is wanted. */
static Status
pass_over(DbCopy *c, Status st, const char *object)
{
    if (c->lost == NULL || !is_damage(st)) return st;
    return check_report_error(&c->from->ctx, c->lost, object);
}

/* ---- rows ---- */

static Status
put_rows(DbCopy *c, const Relation *to, Batch *rows, const int *columns, int ncolumns)
{
    Ctx *ctx = &c->to->ctx;
    Tid tids[BATCH_ROWS];
    Batch *whole;
    TRY_ALLOC(ctx, whole, batch_create(ctx->stmt_arena, to->ncols));
    for (int i = 0; i < ncolumns; i++) whole->cols[columns[i]] = rows->cols[i];
    whole->sel = rows->sel;
    whole->nrows = rows->nrows;
    whole->nsel = rows->nsel;
    return heap_insert_batch(ctx, to->heap, whole, tids);
}

/* A page's rows; each page is read by itself, so that a damaged one costs only what is on it. */
static Status
copy_page(DbCopy *c, HeapScan *scan, const Snapshot *snap, uint32_t page, const Relation *to, const int *columns, int ncolumns)
{
    Ctx *ctx = &c->from->ctx;
    Batch *b;
    TRY(heap_scan_rescan(ctx, scan, snap, page, page + 1));
    for (;;) {
        TRY(heap_scan_next(ctx, scan, BATCH_ROWS, &b));
        if (b == NULL) return QN_OK;
        arena_reset(c->to->ctx.stmt_arena);
        TRY(of_target(c, put_rows(c, to, b, columns, ncolumns)));
    }
}

static Status
copy_rows(DbCopy *c, const Relation *rel, const Relation *to)
{
    Ctx *ctx = &c->from->ctx;
    HeapScan *scan = NULL;
    uint32_t npages;
    int *columns, n = 0;
    Status st;

    TRY_ALLOC(ctx, columns, ARENA_ARRAY(c->arena, int, rel->ncols + 1));
    for (int i = 0; i < rel->ncols; i++)
        if (!rel->cols[i].dropped) columns[n++] = i;
    HeapScanSpec spec = {.columns = columns, .ncolumns = n};
    TRY(heap_page_count(ctx, rel->heap, &npages));
    TRY_GOTO(heap_scan_begin(ctx, c->arena, rel->heap, ctx->snapshot, &spec, &scan));
    for (uint32_t page = 0; page < npages; page++) {
        TRY_GOTO(ctx_check_stop(ctx));
        TRY_GOTO(pass_over(c, copy_page(c, scan, ctx->snapshot, page, to, columns, n), rel->name));
    }
done:
    heap_scan_end(scan);
    return st;
}

static Status
copy_sequence(DbCopy *c, const Relation *rel, const Relation *to)
{
    SequenceState state;
    TRY(pass_over(c, sequence_read(&c->from->ctx, rel, &state), rel->name));
    return of_target(c, sequence_set(&c->to->ctx, to, state.last_value, state.is_called));
}

/* A unique index whose rows have come back twice from a damaged table is left out. */
static Status
build_index(DbCopy *c, const Relation *to, const IndexDef *def)
{
    int64_t rows;
    Ctx *ctx = &c->to->ctx;
    Status st = index_fill(ctx, to, def, &rows);
    if (st == ERR_FEATURE_NOT_SUPPORTED || st == QN_OK || c->lost == NULL) return of_target(c, st);
    if (st != ERR_UNIQUE_VIOLATION) return of_target(c, st);
    err_move(&c->from->ctx.err, &ctx->err);
    TRY(check_report_error(&c->from->ctx, c->lost, def->name));
    DropTarget target = {.kind = OBJ_INDEX, .oid = def->oid};
    return of_target(c, ddl_drop(ctx, &target, 1, true));
}

/* ---- a whole database ---- */

/* Relations of the source, each with its counterpart; visit is called for those the copy has. */
static Status
each_relation(DbCopy *c, const Oid *list, int n, Status (*visit)(DbCopy *c, const Relation *rel, const Relation *to))
{
    for (int i = 0; i < n; i++) {
        const Relation *rel, *to;
        Status st = catalog_relation_by_oid(&c->from->ctx, list[i], &rel);
        if (is_damage(st) && c->lost != NULL) {
            TRY(check_report_error(&c->from->ctx, c->lost, "catalog"));
            continue;
        }
        TRY(st);
        TRY(of_target(c, catalog_relation_by_oid(&c->to->ctx, list[i], &to)));
        if (rel != NULL && to != NULL) TRY(visit(c, rel, to));
    }
    return QN_OK;
}

static Status
count_pages(DbCopy *c, const Relation *rel, const Relation *to)
{
    uint32_t npages = 0;
    (void)to;
    TRY(pass_over(c, heap_page_count(&c->from->ctx, rel->heap, &npages), rel->name));
    c->from->ctx.work_total += npages;
    return QN_OK;
}

static Status
copy_table(DbCopy *c, const Relation *rel, const Relation *to)
{
    TRY(pass_over(c, copy_rows(c, rel, to), rel->name));
    for (int i = 0; i < to->nindexes; i++) TRY(build_index(c, to, to->indexes[i]));
    return QN_OK;
}

static Status
begin_target(DbCopy *c)
{
    Ctx *ctx = &c->to->ctx;
    TRY(tx_begin(ctx, TX_READ_COMMITTED, false));
    return tx_command_begin(ctx);
}

static Status
commit_target(DbCopy *c)
{
    Ctx *ctx = &c->to->ctx;
    tx_command_end(ctx);
    return tx_commit(ctx);
}

static Status
copy_all(DbCopy *c)
{
    Ctx *ctx = &c->from->ctx;
    Oid *tables, *sequences;
    int ntables, nsequences;
    TRY(ddl_all_tables(ctx, &tables, &ntables));
    for (int i = 0; i < ntables; i++) TRY(lock_relation(ctx, tables[i], LOCK_ACCESS_SHARE, LOCK_WAIT, NULL));
    TRY(of_target(c, begin_target(c)));
    TRY(catalog_copy(ctx, &c->to->ctx, c->arena, c->lost));
    TRY(of_target(c, commit_target(c)));
    TRY(of_target(c, begin_target(c)));
    /* The list again: a table may have gone before it was locked. */
    TRY(ddl_all_tables(ctx, &tables, &ntables));
    TRY(ddl_all_sequences(ctx, &sequences, &nsequences));
    TRY(each_relation(c, tables, ntables, count_pages));
    TRY(each_relation(c, tables, ntables, copy_table));
    TRY(each_relation(c, sequences, nsequences, copy_sequence));
    return of_target(c, commit_target(c));
}

/* Opens the new file under a temporary name, fills it, closes it. */
static Status
fill(DbCopy *c, const char *part)
{
    Ctx *ctx = &c->from->ctx;
    quern_config config;
    quern_config_init(&config);
    config.no_background = 1;
    config.page_size = db_page_bytes(ctx);
    Status st = session_open(part, &config, db_files(ctx), &c->to);
    if (c->to == NULL) return RAISE_OOM(ctx);
    if (st == QN_OK) {
        RelPins pins = {0};
        Ctx *to = &c->to->ctx;
        RelPins *before = catalog_pins_use(to, &pins);
        to->stop = ctx->stop;
        TRY_ALLOC_GOTO(ctx, to->stmt_arena, arena_create(c->arena, "copy"));
        st = copy_all(c);
    done:
        if (to->tx != NULL) tx_rollback(to);
        catalog_pins_use(to, before);
        relpins_release(to, &pins);
        to->stop = &c->to->stop;
        to->stmt_arena = c->to->arena;
    } else {
        (void)of_target(c, st);
    }
    Status closed = session_close(c->to);
    if (st == QN_OK && closed != QN_OK) st = RAISE(ctx, closed, "could not close file \"%s\"", part);
    return st;
}

static void
remove_part(Ctx *ctx, const char *part, const char *wal)
{
    Ctx quiet = {.db = ctx->db};
    const FileOps *files = db_files(ctx);
    (void)!(files->unlink(&quiet, files, part) == QN_OK);
    (void)!(files->unlink(&quiet, files, wal) == QN_OK);
    err_clear(&quiet.err);
}

static Status
copy_database(Session *s, const char *path, CheckSink *lost)
{
    Ctx *ctx = &s->ctx;
    DbCopy c = {.from = s, .lost = lost};
    const FileOps *files = db_files(ctx);
    char *part, *wal;
    Status st;
    TRY(db_refuse_existing(ctx, path));
    TRY_ALLOC(ctx, c.arena, arena_create(ctx->stmt_arena, "database copy"));
    TRY_ALLOC_GOTO(ctx, part, arena_printf(c.arena, "%s.part", path));
    TRY_ALLOC_GOTO(ctx, wal, arena_printf(c.arena, "%s-wal", part));
    remove_part(ctx, part, wal);
    st = fill(&c, part);
    if (st == QN_OK) st = files->rename(ctx, files, part, path);
    if (st == QN_OK) st = files->sync_dir(ctx, files, path);
    if (st != QN_OK) remove_part(ctx, part, wal);
done:
    arena_destroy(c.arena);
    return st;
}

Status
session_vacuum_into(Session *s, const char *path)
{
    return copy_database(s, path, NULL);
}

/* In a transaction of its own, as a statement would be. */
static Status
in_transaction(Session *s, const char *path, CheckSink *lost)
{
    Ctx *ctx = &s->ctx;
    Arena *before = ctx->stmt_arena;
    Status st;
    ctx->stmt_arena = s->commit_arena;
    RelPins pins = {0}, *pins_before = catalog_pins_use(ctx, &pins);
    TRY_GOTO(session_prevent_block(s, "a backup of a database in memory"));
    TRY_GOTO(tx_begin(ctx, TX_REPEATABLE_READ, true));
    TRY_GOTO(tx_command_begin(ctx));
    st = copy_database(s, path, lost);
done:
    if (ctx->tx != NULL) tx_rollback(ctx);
    catalog_pins_use(ctx, pins_before);
    relpins_release(ctx, &pins);
    ctx->stmt_arena = before;
    arena_reset(s->commit_arena);
    return st;
}

Status
session_backup(Session *s, const char *path)
{
    Ctx *ctx = &s->ctx;
    int64_t deadline = ctx->deadline_us;
    ctx->work_done = ctx->work_total = 0;
    if (s->progress != NULL) ctx->deadline_us = INT64_MAX;
    atomic_store(&s->stop, 0);
    Status st = db_in_memory(ctx) ? in_transaction(s, path, NULL) : db_backup(ctx, path);
    ctx->deadline_us = deadline;
    return st;
}

/* Damaged pages first, with whose they are: those of the catalog itself are found nowhere else. */
typedef struct Damage {
    Ctx *ctx;
    CheckSink *lost;
    const PageNo *roots;
    const char **names;
    int nroots;
    Status st;
} Damage;

static void
note_damage(void *arg, PageNo root, PageNo page, const char *text)
{
    Damage *d = arg;
    const char *object = "file";
    for (int i = 0; i < d->nroots; i++)
        if (root != PAGE_NONE && d->roots[i] == root) object = d->names[i];
    if (d->st == QN_OK) d->st = d->lost->report(d->lost, object, page, text);
}

static Status
report_damage(Session *s, CheckSink *lost)
{
    Ctx *ctx = &s->ctx;
    Damage d = {.ctx = ctx, .lost = lost};
    PageNo *roots;
    Arena *arena;
    Status st;
    TRY_ALLOC(ctx, arena, arena_create(s->arena, "damage"));
    TRY_GOTO(catalog_roots(ctx, arena, &roots, &d.names, &d.nroots));
    d.roots = roots;
    st = db_check(ctx, roots, d.nroots, note_damage, &d);
    if (is_damage(st)) err_clear(&ctx->err), st = d.st;
done:
    arena_destroy(arena);
    return st;
}

Status
session_recover(Session *s, const char *to, CheckSink *lost)
{
    TRY(report_damage(s, lost));
    return in_transaction(s, to, lost);
}
