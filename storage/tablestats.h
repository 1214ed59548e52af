/* tablestats.h - what has been done to each table and index since the database was opened: numbers for pg_stat_*, and for autovacuum to go by.
 *
 * One entry an oid, shared by all sessions, made when the table is first opened. Numbers are atomic and of no
 * transaction; only live, dead and changed rows are settled when the transaction that changed them ends.
 *
 * Threads: any. An entry is held (open, close) by heap handles and by transactions that changed its table.
 */
#ifndef STORAGE_TABLESTATS_H
#define STORAGE_TABLESTATS_H

#include "common/ctx.h"

typedef enum VacuumPhase {
    VACUUM_NONE,
    VACUUM_STARTING,
    VACUUM_SCANNING,
    VACUUM_INDEXES,
    VACUUM_HEAP,
    VACUUM_CLEANUP,
    VACUUM_TRUNCATING,
    VACUUM_FINAL,
} VacuumPhase;

/* A vacuum under way; there is one a table at most. */
typedef struct VacuumProgress {
    _Atomic uint32_t phase; /* VacuumPhase */
    _Atomic uint32_t slot;  /* the connection that runs it */
    _Atomic uint32_t pages, scanned, vacuumed;
    _Atomic uint32_t index_passes;
    _Atomic uint64_t dead_max, dead;
} VacuumProgress;

typedef struct TableStats {
    struct TableStats *next; /* in its bucket */
    uint32_t relid;
    uint32_t holds;      /* under the table's mutex */
    _Atomic bool dropped;
    _Atomic int64_t seq_scans, seq_rows;
    _Atomic int64_t index_scans, index_entries, index_rows; /* of an index: its scans, what they read of it, and of the table by that */
    _Atomic int64_t inserted, updated, hot_updated, deleted;
    _Atomic int64_t live, dead;
    _Atomic int64_t changed;         /* rows since the last ANALYZE */
    _Atomic int64_t inserted_since;  /* the last VACUUM */
    _Atomic int64_t vacuums, autovacuums, analyzes, autoanalyzes;
    _Atomic int64_t vacuum_us, autovacuum_us, analyze_us, autoanalyze_us; /* wall clock, timestamptz; 0: never */
    _Atomic int64_t wake_dead, wake_inserted; /* so many rows, and the background should look */
    _Atomic int64_t left_dead;       /* rows that the last vacuum of its own accord could not take away: somebody may see them */
    _Atomic uint32_t vacuumed;       /* vacuums begun: one that works in steps sees that another came between */
    _Atomic int64_t live_known;      /* live is a count, not only a difference to what was there at opening */
    VacuumProgress progress;
} TableStats;

/* What a transaction has done to one table. */
typedef struct TableChange {
    TableStats *stats; /* held */
    int64_t inserted, updated, deleted;
} TableChange;

/* So many dead rows call for a look, for the first time; then what the table's size and settings say. */
#define TABLE_STATS_WAKE 50
/* Fewer can wait for a moment. */
#define TABLE_STATS_FEW 4000

static inline void
stats_add(_Atomic int64_t *n, int64_t by)
{
    atomic_fetch_add_explicit(n, by, memory_order_relaxed);
}

/* Dead rows that have gone. Never below none: those from before the database was opened were not counted. */
static inline void
stats_settle_dead(TableStats *s, int64_t n)
{
    int64_t old = atomic_load_explicit(&s->dead, memory_order_relaxed), left;
    do {
        left = n > old && n > 0 ? 0 : old - n;
    } while (!atomic_compare_exchange_weak_explicit(&s->dead, &old, left, memory_order_relaxed, memory_order_relaxed));
}

/* The entry of a table, held; made if need be. 53200. */
Status table_stats_open(Ctx *ctx, uint32_t relid, TableStats **out);
void table_stats_close(Ctx *ctx, TableStats *s); /* NULL is fine */
/* The table is to be dropped: its entry goes with the last hold. */
void table_stats_drop(TableStats *s);
/* Notes rows changed by the running transaction. */
Status table_stats_change(Ctx *ctx, TableStats *s, int64_t inserted, int64_t updated, int64_t deleted);
/* Every entry there is, held, in the arena: to be let go one by one. */
Status table_stats_all(Ctx *ctx, Arena *arena, TableStats ***out, int *n_out);
/* The entry if there is one, held. */
TableStats *table_stats_find(Ctx *ctx, uint32_t relid);

#endif
