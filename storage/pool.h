/* pool.h - the buffer pool: pages of the file as memory, at addresses that never change.
 *
 * One range of addresses is reserved for the whole file and page n lives at base + n * page_bytes while it is
 * resident; a state word a page holds its latch, fixes, version and flags. There is no hash table: fixing a resident page
 * is one compare-and-swap, reading it optimistically is none. (vmcache: Leis et al., SIGMOD 2023. We add fix counts
 * beside the latch, and bound residency by an array of frames that the clock walks.)
 *
 * What a caller may rely on:
 *  - Bytes of a page change only under FIX_EXCLUSIVE. Logged changes go between wal_begin and wal_finish, which marks the page
 *    dirty; unlogged ones (hint bits) use page_try_exclusive, are not waited for, and dirty nothing.
 *  - While anyone holds a page in any mode but FIX_OPTIMISTIC, it stays resident. While anyone else holds it (FIX_PIN or
 *    FIX_SHARED), page_is_alone is false: prune, compaction and reuse of slots ask it first.
 *  - Latches are not recursive: a thread that fixes a page it has latched waits for itself.
 *  - Order: a tree from parent to child and left to right; heap page, then map page, then space map, then meta page.
 *    Whoever must go against the order tries (page_try_*) and gives up.
 *  - A page read from disk has been verified; a mismatch is XX001, naming relation and page.
 *
 * Optimistic sections: page_peek, read, page_validate. Before validation bytes may be anything: clamp every offset to the
 * page, follow no pointer, raise and assert nothing. page_unfix is still called at the end, always (under
 * ThreadSanitizer a peek is a shared latch; see common/thread.h).
 */
#ifndef STORAGE_POOL_H
#define STORAGE_POOL_H

#include "common/thread.h"
#include "storage/page.h"

/* What a session's statements touched; EXPLAIN (BUFFERS) shows differences of it. */
typedef struct IoStats {
    uint64_t hit;      /* fixes of resident pages */
    uint64_t read;     /* pages read from the file */
    uint64_t dirtied;  /* pages that were clean before this session's change */
    uint64_t written;  /* pages this session had to write to make room */
    uint64_t temp_read, temp_written; /* spill files, in bytes */
    uint64_t wal_records, wal_images, wal_bytes;
} IoStats;

typedef struct Pool Pool;

/* The hot part of Pool; its first member. Read by the inline functions below, written by pool.c only. */
typedef struct PoolHot {
    uint8_t *base;
    _Atomic uint64_t *states;
    uint32_t page_bytes;
    uint32_t page_shift;
    PageNo limit;      /* pages the reservation has room for */
} PoolHot;

/* The state word. Low half: latch and flags, so that one can sleep on it; high half: the version, which changes
 * whenever an exclusive latch is released and whenever the page leaves memory. */
#define POOL_SHARED_ONE 0x00000001u
#define POOL_SHARED_MASK 0x000003FFu
#define POOL_PIN_ONE 0x00000400u
#define POOL_PIN_MASK 0x003FFC00u
#define POOL_EXCLUSIVE 0x00400000u
#define POOL_WAITERS 0x00800000u
#define POOL_RESIDENT 0x01000000u
#define POOL_DIRTY 0x02000000u
#define POOL_WRITING 0x04000000u   /* a private copy is on its way to disk: not to be evicted */
#define POOL_REFERENCED 0x08000000u
#define POOL_VERSION_ONE 0x0000000100000000ull

/* Fixes page number in the given mode (PIN, SHARED, EXCLUSIVE), reading it if it is not resident, and waits for the
 * latch. Errors: XX001 damaged page, 58030 read error, 53200, 57014 when the pool is full of fixed pages and the wait is cancelled. */
Status page_fix_slow(Ctx *ctx, PageNo number, FixMode mode, PageRef *out);

static inline Status
page_fix(Ctx *ctx, PageNo number, FixMode mode, PageRef *out)
{
    const PoolHot *pool = (const PoolHot *)ctx->pool;
    if (__builtin_expect(number < pool->limit, 1)) {
        _Atomic uint64_t *state = &pool->states[number];
        uint64_t old = atomic_load_explicit(state, memory_order_relaxed), new;
        bool ok = (old & (POOL_RESIDENT | POOL_EXCLUSIVE)) == POOL_RESIDENT;
        if (mode == FIX_SHARED) {
            ok = ok && (old & POOL_SHARED_MASK) != POOL_SHARED_MASK;
            new = (old | POOL_REFERENCED) + POOL_SHARED_ONE;
        } else if (mode == FIX_EXCLUSIVE) {
            ok = ok && (old & POOL_SHARED_MASK) == 0;
            new = old | POOL_REFERENCED | POOL_EXCLUSIVE;
        } else {
            ok = ok && (old & POOL_PIN_MASK) != POOL_PIN_MASK;
            new = (old | POOL_REFERENCED) + POOL_PIN_ONE;
        }
        if (__builtin_expect(ok, 1) &&
            atomic_compare_exchange_strong_explicit(state, &old, new, memory_order_acquire,
                                                    memory_order_relaxed)) {
            ctx->io->hit++;
            out->ptr = pool->base + ((size_t)number << pool->page_shift);
            out->state = state;
            out->number = number;
            out->mode = (uint8_t)mode;
            out->fresh = false;
            return QN_OK;
        }
    }
    return page_fix_slow(ctx, number, mode, out);
}

/* Where page number lies when it is resident: for prefetches, which may ask for anything. */
static inline const void *
page_address(const Ctx *ctx, PageNo number)
{
    const PoolHot *pool = (const PoolHot *)ctx->pool;
    return pool->base + ((size_t)number << pool->page_shift);
}

/* Asks for what page_fix and a first look at the page will read, and says where the page lies when it is resident, so that more of it can be
 * asked for. */
static inline const void *
page_expect(const Ctx *ctx, PageNo number)
{
    const PoolHot *pool = (const PoolHot *)ctx->pool;
    const uint8_t *page = pool->base + ((size_t)number << pool->page_shift);
    __builtin_prefetch((const void *)&pool->states[number], 1);
    __builtin_prefetch(page);
    return page;
}

/* A page whose old bytes do not matter (newly allocated): exclusive, zeroed, fresh, not read from disk. */
Status page_fix_new(Ctx *ctx, PageNo number, PageRef *out);

/* Wakes those who wait for a latch; called by the inline functions when the word says someone does. */
void page_wake(_Atomic uint64_t *state);

/* Lets go of whatever ref holds and empties it. Cannot fail; nothing for an empty ref. */
static inline void
page_unfix(PageRef *ref)
{
    uint64_t old;
    switch (ref->mode) {
    case FIX_SHARED:
        old = atomic_fetch_sub_explicit(ref->state, POOL_SHARED_ONE, memory_order_release);
        if (__builtin_expect((old & POOL_WAITERS) != 0, 0)) page_wake(ref->state);
        break;
    case FIX_EXCLUSIVE:
        /* One addition clears the latch bit and raises the version. */
        old = atomic_fetch_add_explicit(ref->state, POOL_VERSION_ONE - POOL_EXCLUSIVE,
                                        memory_order_release);
        if (__builtin_expect((old & POOL_WAITERS) != 0, 0)) page_wake(ref->state);
        break;
    case FIX_PIN:
        atomic_fetch_sub_explicit(ref->state, POOL_PIN_ONE, memory_order_release);
        break;
    default: break; /* FIX_NONE, FIX_OPTIMISTIC */
    }
    ref->mode = FIX_NONE;
    ref->ptr = NULL;
}

/* SHARED or EXCLUSIVE to PIN: the latch goes, the page stays. */
void page_unlatch(PageRef *ref);
/* PIN to SHARED or EXCLUSIVE, waiting. Bytes may have changed since the latch was last held. */
void page_latch(PageRef *ref, FixMode mode);
/* PIN to EXCLUSIVE if nobody latches it; never waits. */
bool page_try_exclusive(PageRef *ref);
/* page_fix that neither waits for a latch nor reads: false if it cannot be had at once. */
bool page_try_fix(Ctx *ctx, PageNo number, FixMode mode, PageRef *out);
/* Holding EXCLUSIVE: whether nobody else holds the page in any mode (the cleanup latch). */
static inline bool
page_is_alone(const PageRef *ref)
{
    uint64_t s = atomic_load_explicit(ref->state, memory_order_acquire);
    return (s & (POOL_PIN_MASK | POOL_SHARED_MASK)) == 0;
}

/* Starts an optimistic section, reading the page in first if need be. Waits while it is latched exclusively. */
Status page_peek_slow(Ctx *ctx, PageNo number, PageRef *out);
static inline Status
page_peek(Ctx *ctx, PageNo number, PageRef *out)
{
#if OPTIMISTIC_READS
    const PoolHot *pool = (const PoolHot *)ctx->pool;
    if (__builtin_expect(number < pool->limit, 1)) {
        _Atomic uint64_t *state = &pool->states[number];
        uint64_t s = atomic_load_explicit(state, memory_order_acquire);
        if (__builtin_expect((s & (POOL_RESIDENT | POOL_EXCLUSIVE | POOL_REFERENCED)) ==
                                 (POOL_RESIDENT | POOL_REFERENCED), 1)) {
            ctx->io->hit++;
            out->ptr = pool->base + ((size_t)number << pool->page_shift);
            out->state = state;
            out->number = number;
            out->version = (uint32_t)(s >> 32);
            out->mode = FIX_OPTIMISTIC;
            out->fresh = false;
            return QN_OK;
        }
    }
    return page_peek_slow(ctx, number, out);
#else
    return page_fix(ctx, number, FIX_SHARED, out);
#endif
}

/* Whether nothing has changed the page since page_peek: what was read is true. Holds for every other mode. */
static inline bool
page_validate(const PageRef *ref)
{
    if (ref->mode != FIX_OPTIMISTIC) return true;
#if OPTIMISTIC_READS
    atomic_thread_fence(memory_order_acquire);
#endif
    uint64_t s = atomic_load_explicit(ref->state, memory_order_relaxed);
    return (s & (POOL_RESIDENT | POOL_EXCLUSIVE)) == POOL_RESIDENT &&
           (uint32_t)(s >> 32) == ref->version;
}

/* OPTIMISTIC to PIN, SHARED or EXCLUSIVE, if the page is as it was at the peek; false: nothing is held, start again.
 * Does not wait. */
bool page_upgrade(PageRef *ref, FixMode mode);

/* Reads what is not yet resident of n neighbouring pages, in as few calls as possible, and tells the system that those
 * behind will follow. Best effort: errors show when the page is fixed. n is cut to what the pool can spare. */
void pool_prefetch(Ctx *ctx, PageNo first, uint32_t n);

/* ---- for db.c, checkpoint.c, recover.c and tests ---- */

struct Db;

/* Memory for pages: what cache_bytes came to. */
uint64_t pool_bytes(Ctx *ctx);

/* A pool over the file of db (none: everything stays in memory). cache_bytes bounds resident pages; reserve_bytes is the
 * range of addresses to ask for, halved down to 4 GB until the system grants it. */
Status pool_create(Ctx *ctx, struct Db *db, uint32_t page_bytes, size_t cache_bytes,
                   size_t reserve_bytes, Pool **out);
void pool_destroy(Pool *pool); /* nothing is written; NULL is fine */

/* Holding EXCLUSIVE: the page must reach the disk. Called by wal_begin; by others only in recovery. */
void pool_mark_dirty(Ctx *ctx, PageRef *ref);

/* Numbers of pages, ascending; a heap block. Zero-initialised is empty. */
typedef struct PageList { PageNo *pages; uint32_t n, cap; } PageList;
void page_list_free(PageList *list);
/* Every page that is dirty, or being written, at the call. */
Status pool_dirty_pages(Ctx *ctx, PageList *out);
/* Writes those of n pages, ascending, that are still dirty, neighbours in one call, after flushing the log to their LSNs. Does not sync. */
Status pool_write_pages(Ctx *ctx, const PageNo *pages, uint32_t n);
/* Both: every page that was dirty at the call. */
Status pool_write_dirty(Ctx *ctx);
/* Whether the page's bytes in memory are newer than those on disk, or are being written. */
bool pool_is_unwritten(Ctx *ctx, PageNo page);
/* Forgets pages first..first+n, dirty or not: their relation is gone. Nobody holds them. */
void pool_forget(Ctx *ctx, PageNo first, uint32_t n);

typedef struct PoolStats { uint64_t resident, dirty, capacity, reads, writes, evictions; } PoolStats;
void pool_stats(Pool *pool, PoolStats *out);
/* Pages held by anyone (fixed or latched): zero at the end of a clean test. Slow. */
uint64_t pool_held(Pool *pool);

#endif
