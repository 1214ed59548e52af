/* tablestats.c - see tablestats.h. */
#include "storage/tablestats.h"
#include "storage/instance.h"
#include <string.h>

void
table_stats_init(Db *db)
{
    mutex_init(&db->table_stats.mutex);
}

void
table_stats_free(Db *db)
{
    for (int i = 0; i < TABLE_STATS_BUCKETS; i++)
        while (db->table_stats.buckets[i] != NULL) {
            TableStats *s = db->table_stats.buckets[i];
            db->table_stats.buckets[i] = s->next;
            mem_free(NULL, s, sizeof(*s));
        }
    mutex_destroy(&db->table_stats.mutex);
}

/* With the mutex. */
static TableStats *
find(Db *db, uint32_t relid)
{
    TableStats *s = db->table_stats.buckets[relid % TABLE_STATS_BUCKETS];
    while (s != NULL && (s->relid != relid || atomic_load(&s->dropped))) s = s->next;
    return s;
}

Status
table_stats_open(Ctx *ctx, uint32_t relid, TableStats **out)
{
    Db *db = ctx->db;
    Status st = QN_OK;

    mutex_lock(&db->table_stats.mutex);
    TableStats *s = find(db, relid);
    if (s == NULL) {
        TableStats **bucket = &db->table_stats.buckets[relid % TABLE_STATS_BUCKETS];
        s = mem_zalloc(NULL, sizeof(*s));
        if (s != NULL) {
            s->relid = relid;
            atomic_init(&s->wake_dead, TABLE_STATS_WAKE);
            atomic_init(&s->wake_inserted, INT64_MAX);
            s->next = *bucket;
            *bucket = s;
        } else {
            st = RAISE_OOM(ctx);
        }
    }
    if (s != NULL) s->holds++;
    mutex_unlock(&db->table_stats.mutex);
    *out = s;
    return st;
}

TableStats *
table_stats_find(Ctx *ctx, uint32_t relid)
{
    Db *db = ctx->db;
    mutex_lock(&db->table_stats.mutex);
    TableStats *s = find(db, relid);
    if (s != NULL) s->holds++;
    mutex_unlock(&db->table_stats.mutex);
    return s;
}

void
table_stats_close(Ctx *ctx, TableStats *s)
{
    Db *db = ctx->db;
    if (s == NULL) return;
    mutex_lock(&db->table_stats.mutex);
    if (--s->holds == 0 && atomic_load(&s->dropped)) {
        TableStats **at = &db->table_stats.buckets[s->relid % TABLE_STATS_BUCKETS];
        while (*at != s) at = &(*at)->next;
        *at = s->next;
        mem_free(NULL, s, sizeof(*s));
    }
    mutex_unlock(&db->table_stats.mutex);
}

void
table_stats_drop(TableStats *s)
{
    if (s != NULL) atomic_store(&s->dropped, true);
}

Status
table_stats_all(Ctx *ctx, Arena *arena, TableStats ***out, int *n_out)
{
    Db *db = ctx->db;
    int n = 0, k = 0;
    Status st = QN_OK;

    mutex_lock(&db->table_stats.mutex);
    for (int i = 0; i < TABLE_STATS_BUCKETS; i++)
        for (TableStats *s = db->table_stats.buckets[i]; s != NULL; s = s->next) n++;
    TRY_ALLOC_GOTO(ctx, *out, ARENA_ARRAY(arena, TableStats *, n + 1));
    for (int i = 0; i < TABLE_STATS_BUCKETS; i++)
        for (TableStats *s = db->table_stats.buckets[i]; s != NULL; s = s->next) {
            s->holds++;
            (*out)[k++] = s;
        }
done:
    mutex_unlock(&db->table_stats.mutex);
    *n_out = k;
    return st;
}

/* ---- what a transaction changes ---- */

Status
table_stats_change(Ctx *ctx, TableStats *s, int64_t inserted, int64_t updated, int64_t deleted)
{
    Tx *tx = ctx->tx;
    TableChange *c = NULL;

    for (uint32_t i = tx->nchanges; i-- > 0 && c == NULL;)
        if (tx->changes[i].stats == s) c = &tx->changes[i];
    if (c == NULL) {
        if (tx->nchanges == tx->changes_cap) {
            uint32_t cap = tx->changes_cap != 0 ? tx->changes_cap * 2 : 8;
            TableChange *p = mem_realloc(NULL, tx->changes, tx->changes_cap * sizeof(*p), cap * sizeof(*p));
            if (p == NULL) return RAISE_OOM(ctx);
            tx->changes = p;
            tx->changes_cap = cap;
        }
        c = &tx->changes[tx->nchanges++];
        *c = (TableChange){.stats = s};
        mutex_lock(&ctx->db->table_stats.mutex);
        s->holds++;
        mutex_unlock(&ctx->db->table_stats.mutex);
    }
    c->inserted += inserted;
    c->updated += updated;
    c->deleted += deleted;
    if (inserted != 0) stats_add(&s->inserted, inserted);
    if (updated != 0) stats_add(&s->updated, updated);
    if (deleted != 0) stats_add(&s->deleted, deleted);
    return QN_OK;
}

void
table_stats_settle(Ctx *ctx, Tx *tx, bool committed)
{
    while (tx->nchanges > 0) {
        TableChange c = tx->changes[--tx->nchanges];
        TableStats *s = c.stats;
        if (committed) {
            if (c.inserted != c.deleted) stats_add(&s->live, c.inserted - c.deleted);
            stats_add(&s->dead, c.updated + c.deleted);
            stats_add(&s->changed, c.inserted + c.updated + c.deleted);
            stats_add(&s->inserted_since, c.inserted);
        } else {
            stats_add(&s->dead, c.inserted + c.updated);
        }
        int64_t dead = atomic_load_explicit(&s->dead, memory_order_relaxed);
        if (dead >= atomic_load_explicit(&s->wake_dead, memory_order_relaxed) ||
            atomic_load_explicit(&s->inserted_since, memory_order_relaxed) >=
                atomic_load_explicit(&s->wake_inserted, memory_order_relaxed))
            db_wake_maintenance(ctx->db, dead < TABLE_STATS_FEW);
        table_stats_close(ctx, s);
    }
}
