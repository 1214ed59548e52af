/* sys_tablestats.c - generators of pg_stat_all_tables, pg_stat_all_indexes and their like: what has been done to tables since the database was opened, and of
 * pg_stat_progress_vacuum. */
#include "catalog/systable.h"
#include "storage/db.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "storage/tablestats.h"

static int64_t
not_negative(_Atomic int64_t *n)
{
    int64_t v = atomic_load(n);
    return v > 0 ? v : 0;
}

/* idx_scan and idx_tup_fetch of a table: its indexes' together. */
static void
index_sums(SysRows *r, const Relation *rel)
{
    int64_t scans = 0, rows = 0;
    if (rel->nindexes == 0) {
        sys_skip(r, 2);
        return;
    }
    for (int i = 0; i < rel->nindexes; i++) {
        TableStats *s = index_table_stats(rel->indexes[i]->index);
        scans += atomic_load(&s->index_scans);
        rows += atomic_load(&s->index_rows);
    }
    sys_int8(r, scans);
    sys_int8(r, rows);
}

static Status
table_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (rel->heap == NULL || rel->kind != RELKIND_TABLE) return QN_OK;
    TableStats *s = heap_table_stats(rel->heap);
    int64_t live = atomic_load(&s->live);
    if (!atomic_load(&s->live_known) && rel->tuples > 0) live += (int64_t)rel->tuples;
    TRY(sys_row(r));
    sys_oid(r, rel->oid);
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_int8(r, atomic_load(&s->seq_scans));
    sys_int8(r, atomic_load(&s->seq_rows));
    index_sums(r, rel);
    sys_int8(r, atomic_load(&s->inserted));
    sys_int8(r, atomic_load(&s->updated));
    sys_int8(r, atomic_load(&s->deleted));
    sys_int8(r, atomic_load(&s->hot_updated));
    sys_int8(r, live > 0 ? live : 0);
    sys_int8(r, not_negative(&s->dead));
    sys_int8(r, not_negative(&s->changed));
    sys_int8(r, not_negative(&s->inserted_since));
    sys_time(r, atomic_load(&s->vacuum_us));
    sys_time(r, atomic_load(&s->autovacuum_us));
    sys_time(r, atomic_load(&s->analyze_us));
    sys_time(r, atomic_load(&s->autoanalyze_us));
    sys_int8(r, atomic_load(&s->vacuums));
    sys_int8(r, atomic_load(&s->autovacuums));
    sys_int8(r, atomic_load(&s->analyzes));
    sys_int8(r, atomic_load(&s->autoanalyzes));
    return QN_OK;
}

Status
sys_pg_stat_user_tables(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, table_row);
}

/* The system's tables are made on demand and have no numbers. */
Status
sys_pg_stat_all_tables(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, table_row);
}

static Status
table_io_row(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (!relation_has_heap(rel->kind) || rel->systable != NULL) return QN_OK;
    TRY(sys_row(r));
    sys_oid(r, rel->oid);
    sys_text(r, rel->schema);
    sys_text(r, rel->name);
    sys_skip(r, 8);
    return QN_OK;
}

/* Reads are not counted by relation. */
Status
sys_pg_statio_all_tables(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, table_io_row);
}

static Status
index_rows(Ctx *ctx, SysRows *r, const Relation *rel)
{
    (void)ctx;
    if (rel->heap == NULL) return QN_OK;
    for (int i = 0; i < rel->nindexes; i++) {
        const IndexDef *ix = rel->indexes[i];
        TableStats *s = index_table_stats(ix->index);
        TRY(sys_row(r));
        sys_oid(r, rel->oid);
        sys_oid(r, ix->oid);
        sys_text(r, rel->schema);
        sys_text(r, rel->name);
        sys_text(r, ix->name);
        sys_int8(r, atomic_load(&s->index_scans));
        sys_int8(r, atomic_load(&s->index_entries));
        sys_int8(r, atomic_load(&s->index_rows));
    }
    return QN_OK;
}

Status
sys_pg_stat_user_indexes(Ctx *ctx, SysRows *r)
{
    return sys_each_relation(ctx, r, index_rows);
}

Status
sys_pg_stat_progress_vacuum(Ctx *ctx, SysRows *r)
{
    static const char *const phases[] = {
        [VACUUM_STARTING] = "initializing", [VACUUM_SCANNING] = "scanning heap", [VACUUM_INDEXES] = "vacuuming indexes",
        [VACUUM_HEAP] = "vacuuming heap", [VACUUM_CLEANUP] = "cleaning up indexes", [VACUUM_TRUNCATING] = "truncating heap",
        [VACUUM_FINAL] = "performing final cleanup"};
    TableStats **all;
    const char *name;
    int n;
    Status st = QN_OK;
    TRY(catalog_database_name(ctx, sys_arena(r), &name));
    TRY(table_stats_all(ctx, sys_arena(r), &all, &n));
    for (int i = 0; i < n; i++) {
        VacuumProgress *p = &all[i]->progress;
        uint32_t phase = atomic_load(&p->phase);
        if (st == QN_OK && phase != VACUUM_NONE && phase <= VACUUM_FINAL) st = sys_row(r);
        if (st == QN_OK && phase != VACUUM_NONE && phase <= VACUUM_FINAL) {
            sys_int4(r, (int)atomic_load(&p->slot) + 1);
            sys_oid(r, DATABASE_OID);
            sys_text(r, name);
            sys_oid(r, all[i]->relid);
            sys_text(r, phases[phase]);
            sys_int8(r, atomic_load(&p->pages));
            sys_int8(r, atomic_load(&p->scanned));
            sys_int8(r, atomic_load(&p->vacuumed));
            sys_int8(r, atomic_load(&p->index_passes));
            sys_int8(r, (int64_t)atomic_load(&p->dead_max));
            sys_int8(r, (int64_t)atomic_load(&p->dead));
        }
        table_stats_close(ctx, all[i]);
    }
    return st;
}
