/* pool.c - see pool.h.
 *
 * A page's way through its state word:
 *
 *     0 (not in memory) -- load, page_fix_new: EXCLUSIVE --> RESIDENT | EXCLUSIVE --> RESIDENT, latched and pinned at will
 *     RESIDENT, nobody holds it -- evict: EXCLUSIVE --> 0, version + 1
 *     DIRTY -- start_write, under SHARED --> WRITING -- end_write --> neither (or DIRTY again)
 *
 * frames[i] names the page that frame i is spent on. Every resident page is named by one frame at least; a frame may name a page
 * that has gone (pool_forget, failed reads), and is then as good as free. Only who holds a page's EXCLUSIVE bit gives
 * its frame to another page.
 */
#include "storage/pool.h"
#include "storage/instance.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    FRAMES_MIN = 64,
    SPINS = 64,                 /* before sleeping for a latch; two processors make longer ones a loss */
    RUN_BYTES = 1 << 20,        /* pages written or read in one call */
    HUGE_BYTES = 2 << 20,       /* of the system's large pages */
    HUGE_FROM = 32 << 20,       /* part of a growing file where they are worth the clearing */
    COLLAPSE = 25,              /* MADV_COLLAPSE of Linux 6.1, which the C library's headers may lack; older kernels refuse it */
    READS_FEW = 64,             /* pages that one or two lookups may need */
    FULL_WAIT_US = 10 * 1000 * 1000, /* how long to wait for a page to be let go before 53200 */
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RESERVE_DEFAULT ((size_t)1 << 36) /* the sanitizers need the address space themselves */
#else
#define RESERVE_DEFAULT ((size_t)1 << 40)
#endif
#define RESERVE_MIN ((size_t)1 << 32)

struct Pool {
    PoolHot hot;
    struct Db *db;
    size_t reserved, states_bytes;
    _Atomic uint32_t *frames;
    uint32_t nframes;
    _Atomic uint8_t *regions; /* of HUGE_BYTES, as far as the cache would reach: touch_region */
    size_t nregions;
    _Atomic uint32_t used;      /* frames taken into use so far; in memory: pages there are */
    _Atomic uint32_t hand;
    _Atomic uint64_t reads, writes, evictions;
};

static inline uint8_t *
page_ptr(const Pool *pool, PageNo n)
{
    return pool->hot.base + ((size_t)n << pool->hot.page_shift);
}

static inline bool
is_file_backed(const Pool *pool)
{
    return pool->db != NULL && pool->db->file != NULL;
}

Status
pool_create(Ctx *ctx, struct Db *db, uint32_t page_bytes, size_t cache_bytes, size_t reserve_bytes,
            Pool **out)
{
    Pool *pool;

    *out = NULL;
    TRY_ALLOC(ctx, pool, mem_zalloc(NULL, sizeof(*pool)));
    pool->db = db;
    pool->hot.page_bytes = page_bytes;
    pool->hot.page_shift = (uint32_t)__builtin_ctz(page_bytes);
    size_t want = reserve_bytes != 0 ? reserve_bytes : RESERVE_DEFAULT;
    if (want > (size_t)page_bytes << 32) want = (size_t)page_bytes << 32;
    const int prot = PROT_READ | PROT_WRITE, how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    for (;; want /= 2) {
        void *base = mmap(NULL, want, prot, how, -1, 0);
        size_t states_bytes = (want >> pool->hot.page_shift) * sizeof(uint64_t);
        void *states = base != MAP_FAILED ? mmap(NULL, states_bytes, prot, how, -1, 0) : MAP_FAILED;
        if (states != MAP_FAILED) {
            pool->hot.base = base;
            pool->hot.states = states;
            pool->reserved = want;
            pool->states_bytes = states_bytes;
            break;
        }
        if (base != MAP_FAILED) munmap(base, want);
        if (want / 2 < RESERVE_MIN && want <= RESERVE_MIN) {
            mem_free(NULL, pool, sizeof(*pool));
            return RAISE(ctx, ERR_OUT_OF_MEMORY, "could not reserve address space for the database");
        }
    }
    /* Dumps of the process should not try to hold it all. */
    (void)madvise(pool->hot.base, pool->reserved, MADV_DONTDUMP);
    pool->hot.limit = (PageNo)((pool->reserved >> pool->hot.page_shift) - 1);
    size_t nframes = cache_bytes >> pool->hot.page_shift;
    if (nframes < FRAMES_MIN) nframes = FRAMES_MIN;
    if (nframes > pool->hot.limit) nframes = pool->hot.limit;
    pool->nframes = (uint32_t)nframes;
    pool->nregions = (nframes << pool->hot.page_shift) / HUGE_BYTES;
    pool->regions = mem_zalloc(NULL, pool->nregions);
    if (pool->regions == NULL) {
        pool_destroy(pool);
        return RAISE_OOM(ctx);
    }
    if (db != NULL && db->file != NULL) {
        pool->frames = mem_zalloc(NULL, nframes * sizeof(uint32_t));
        if (pool->frames == NULL) {
            pool_destroy(pool);
            return RAISE_OOM(ctx);
        }
    }
    *out = pool;
    return QN_OK;
}

uint64_t
pool_bytes(Ctx *ctx)
{
    const Pool *pool = ctx->pool;
    return (uint64_t)pool->nframes << pool->hot.page_shift;
}

void
pool_destroy(Pool *pool)
{
    if (pool == NULL) return;
    munmap(pool->hot.base, pool->reserved);
    munmap((void *)pool->hot.states, pool->states_bytes);
    mem_free(NULL, (void *)pool->frames, pool->nframes * sizeof(uint32_t));
    mem_free(NULL, (void *)pool->regions, pool->nregions);
    mem_free(NULL, pool, sizeof(*pool));
}

/* ---- waiting ---- */

/* Sleeps until the word changes, or a few milliseconds; seen is the state that was in the way. */
static void
wait_state(_Atomic uint64_t *state, uint64_t seen)
{
    if ((seen & POOL_WAITERS) == 0 &&
        !atomic_compare_exchange_strong(state, &seen, seen | POOL_WAITERS))
        return;
    thread_wait_word((_Atomic uint32_t *)state, (uint32_t)seen | POOL_WAITERS);
}

void
page_wake(_Atomic uint64_t *state)
{
    atomic_fetch_and(state, ~(uint64_t)POOL_WAITERS);
    thread_wake_word((_Atomic uint32_t *)state);
}

/* Lets go of the exclusive latch on a page that did not come to be, or leaves memory. */
static void
set_absent(_Atomic uint64_t *state)
{
    uint64_t old = atomic_load(state);
    uint64_t new;
    do {
        /* Pins cannot be there: they are taken only on resident pages and keep them resident. */
        new = ((old >> 32) + 1) << 32;
    } while (!atomic_compare_exchange_weak(state, &old, new));
    if ((old & POOL_WAITERS) != 0) thread_wake_word((_Atomic uint32_t *)state);
}

/* ---- writing ---- */

/* Under a shared latch: takes the page's dirtiness upon this thread. False if it is clean or being written. */
static bool
start_write(_Atomic uint64_t *state)
{
    uint64_t old = atomic_load(state);
    do {
        if ((old & POOL_DIRTY) == 0 || (old & POOL_WRITING) != 0) return false;
    } while (!atomic_compare_exchange_weak(state, &old, (old & ~(uint64_t)POOL_DIRTY) | POOL_WRITING));
    return true;
}

static void
end_write(_Atomic uint64_t *state, bool written)
{
    uint64_t old = atomic_load(state), new;
    do {
        new = old & ~(uint64_t)(POOL_WRITING | POOL_WAITERS);
        if (!written) new |= POOL_DIRTY;
    } while (!atomic_compare_exchange_weak(state, &old, new));
    if ((old & POOL_WAITERS) != 0) thread_wake_word((_Atomic uint32_t *)state);
}

/* Writes n neighbouring pages from private copies, the log first. */
static Status
write_copies(Ctx *ctx, Pool *pool, uint8_t *copies, PageNo first, uint32_t n)
{
    Db *db = pool->db;
    Lsn lsn = 0;

    TRY(db_check_usable(ctx)); /* after a failed sync nothing may reach the file */
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *copy = copies + ((size_t)i << pool->hot.page_shift);
        Lsn page_lsn = ((const PageHeader *)copy)->lsn;
        if (page_lsn > lsn) lsn = page_lsn;
        page_set_crc(copy, pool->hot.page_bytes, first + i, db->crc_seed);
    }
    TRY(wal_flush(ctx, lsn));
    TRY(db_before_page_write(ctx));
    TRY(db->ops->write(ctx, db->file, copies, (size_t)n << pool->hot.page_shift,
                       (uint64_t)first << pool->hot.page_shift));
    atomic_fetch_add_explicit(&pool->writes, n, memory_order_relaxed);
    return QN_OK;
}

/* Writes one page whose shared latch the caller holds and gives up here. */
static Status
write_latched(Ctx *ctx, Pool *pool, PageNo n)
{
    _Atomic uint64_t *state = &pool->hot.states[n];
    PageRef ref = {.ptr = page_ptr(pool, n), .state = state, .number = n, .mode = FIX_SHARED};

    if (ctx->conn->io_buf == NULL) {
        ctx->conn->io_buf = mem_alloc(NULL, pool->hot.page_bytes);
        if (ctx->conn->io_buf == NULL) {
            page_unfix(&ref);
            return RAISE_OOM(ctx);
        }
    }
    bool mine = start_write(state);
    if (mine) memcpy(ctx->conn->io_buf, ref.ptr, pool->hot.page_bytes);
    page_unfix(&ref);
    if (!mine) return QN_OK;
    Status st = write_copies(ctx, pool, ctx->conn->io_buf, n, 1);
    end_write(state, st == QN_OK);
    return st;
}

/* ---- frames ---- */

static void
evict(Pool *pool, PageNo n)
{
    (void)madvise(page_ptr(pool, n), pool->hot.page_bytes, MADV_DONTNEED);
    set_absent(&pool->hot.states[n]);
    atomic_fetch_add_explicit(&pool->evictions, 1, memory_order_relaxed);
}

/* One step of the clock: tries to make frame i name page n. may_write: dirty pages may be written for it. */
static Status
try_frame(Ctx *ctx, Pool *pool, uint32_t i, PageNo n, bool may_write, bool *got_out)
{
    uint32_t held = atomic_load(&pool->frames[i]);

    *got_out = false;
    if (held == n) { /* left from an earlier life of the page, whose latch the caller holds */
        *got_out = true;
        return QN_OK;
    }
    if (held == PAGE_NONE) {
        *got_out = atomic_compare_exchange_strong(&pool->frames[i], &held, n);
        return QN_OK;
    }
    _Atomic uint64_t *state = &pool->hot.states[held];
    uint64_t s = atomic_load(state);
    const uint64_t in_use = POOL_SHARED_MASK | POOL_PIN_MASK | POOL_EXCLUSIVE | POOL_WRITING;
    if ((s & in_use) != 0) return QN_OK;
    if ((s & POOL_REFERENCED) != 0) {
        atomic_fetch_and_explicit(state, ~(uint64_t)POOL_REFERENCED, memory_order_relaxed);
        return QN_OK;
    }
    if ((s & POOL_DIRTY) != 0) {
        if (!may_write || !atomic_compare_exchange_strong(state, &s, s + POOL_SHARED_ONE)) return QN_OK;
        ctx->io->written++;
        TRY(write_latched(ctx, pool, held));
        s = atomic_load(state);
        if ((s & (in_use | POOL_DIRTY | POOL_REFERENCED)) != 0) return QN_OK;
    }
    if (!atomic_compare_exchange_strong(state, &s, s | POOL_EXCLUSIVE)) return QN_OK;
    *got_out = atomic_compare_exchange_strong(&pool->frames[i], &held, n);
    if (!*got_out) {
        /* The frame went to another page in between; this page has another frame, or none and is absent. */
        PageRef ref = {.state = state, .mode = FIX_EXCLUSIVE};
        page_unfix(&ref);
    } else if ((s & POOL_RESIDENT) != 0) {
        evict(pool, held);
    } else {
        set_absent(state);
    }
    return QN_OK;
}

/* Finds a frame for page n, whose exclusive latch the caller holds. wait false: gives up after a round of the clock
 * (*got_out false) rather than write or wait. */
static Status
claim_frame(Ctx *ctx, Pool *pool, PageNo n, bool wait, bool *got_out)
{
    *got_out = true;
    uint32_t used = atomic_load_explicit(&pool->used, memory_order_relaxed);
    while (used < pool->nframes) {
        if (!atomic_compare_exchange_weak(&pool->used, &used, used + 1)) continue;
        if (pool->frames != NULL) atomic_store(&pool->frames[used], n);
        return QN_OK;
    }
    if (pool->frames == NULL) {
        Status st = RAISE(ctx, ERR_OUT_OF_MEMORY, "database in memory is full");
        return err_hint(ctx, st, "Increase \"cache_size\".");
    }
    int64_t give_up = 0;
    for (;;) {
        /* Twice around: the first round may only take marks away. */
        for (uint32_t step = 0; step < 2 * pool->nframes; step++) {
            uint32_t i = atomic_fetch_add_explicit(&pool->hand, 1, memory_order_relaxed) %
                         pool->nframes;
            TRY(try_frame(ctx, pool, i, n, wait || step >= pool->nframes / 2, got_out));
            if (*got_out) return QN_OK;
        }
        if (!wait) return QN_OK;
        TRY(ctx_check_stop(ctx));
        if (give_up == 0) give_up = ctx_now_us() + FULL_WAIT_US;
        if (ctx_now_us() > give_up) {
            Status st = RAISE(ctx, ERR_OUT_OF_MEMORY, "every page of the cache is in use");
            return err_hint(ctx, st, "Increase \"cache_size\".");
        }
        _Atomic uint32_t word = 0;
        thread_wait_word(&word, 0); /* a nap */
    }
}

/* ---- reading ---- */

static Status
damaged(Ctx *ctx, Pool *pool, PageNo n)
{
    const PageHeader *h = (const PageHeader *)page_ptr(pool, n);
    PageNo rel = h->rel;
    bool zeros = h->lsn == 0 && h->crc == 0 && h->type == 0;
    Status st = RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page in block %u of relation %u", n, rel);
    return err_detail(ctx, st, zeros ? "The page is empty: it was never written, or is lost."
                                     : "Its checksum does not match its contents.");
}

/* Large pages of the system, for parts of the pool that are in use as a whole: scans of a table of 650 MB take a fifth less time in them, lookups in
 * one of 100 MB a quarter, fewer translations being missed. Small databases get none, nor does who reads a few pages of a large one: the
 * system clears a large page when it is first touched. Not once pages have been evicted either: then the cache is smaller than what is in
 * use, and a large page must not bring in neighbours that count as absent.
 *
 *     NEW --page read, one of the first few--> SMALL --another one read, later--> LARGE      what is there is moved together
 *     NEW --page read or made--> LARGE */
enum { REGION_NEW, REGION_SMALL, REGION_LARGE };

static void
touch_region(Pool *pool, size_t at, bool is_run)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t base = (uintptr_t)pool->hot.base, address = (base + at) & ~(uintptr_t)(HUGE_BYTES - 1);
    const size_t region = (address - (base & ~(uintptr_t)(HUGE_BYTES - 1))) / HUGE_BYTES;
    if (at < (is_run ? HUGE_FROM : HUGE_BYTES) || region >= pool->nregions) return;
    _Atomic uint8_t *state = &pool->regions[region];
    uint8_t was = atomic_load_explicit(state, memory_order_relaxed);
    if (was == REGION_LARGE || atomic_load_explicit(&pool->evictions, memory_order_relaxed) > 0) return;
    bool large = is_run || atomic_load_explicit(&pool->reads, memory_order_relaxed) >= READS_FEW;
    atomic_store_explicit(state, large ? REGION_LARGE : REGION_SMALL, memory_order_relaxed);
    if (!large) return;
    (void)madvise((void *)address, HUGE_BYTES, MADV_HUGEPAGE);
    if (was == REGION_SMALL) (void)madvise((void *)address, HUGE_BYTES, COLLAPSE);
#else
    (void)pool, (void)at, (void)is_run;
#endif
}

/* Brings in page n, whose exclusive latch the caller has taken while it was absent. On an error the latch is gone. */
static Status
load(Ctx *ctx, Pool *pool, PageNo n)
{
    Db *db = pool->db;
    size_t got = 0, page_bytes = pool->hot.page_bytes;
    bool framed;
    Status st;

    if (!is_file_backed(pool)) {
        set_absent(&pool->hot.states[n]);
        return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page number %u", n);
    }
    TRY_GOTO(claim_frame(ctx, pool, n, true, &framed));
    touch_region(pool, (size_t)n << pool->hot.page_shift, false);
    TRY_GOTO(db->ops->read(ctx, db->file, page_ptr(pool, n), page_bytes,
                           (uint64_t)n << pool->hot.page_shift, &got));
    if (got < page_bytes) memset(page_ptr(pool, n) + got, 0, page_bytes - got);
    if (!page_verify(page_ptr(pool, n), (uint32_t)page_bytes, n, db->crc_seed))
        TRY_GOTO(damaged(ctx, pool, n));
    ctx->io->read++;
    atomic_fetch_add_explicit(&pool->reads, 1, memory_order_relaxed);
    atomic_fetch_or(&pool->hot.states[n], (uint64_t)POOL_RESIDENT | POOL_REFERENCED);
    return QN_OK;

done:
    (void)madvise(page_ptr(pool, n), page_bytes, MADV_DONTNEED);
    set_absent(&pool->hot.states[n]);
    return st;
}

/* From an exclusive latch just taken to the mode wanted. */
static void
settle_mode(_Atomic uint64_t *state, FixMode mode)
{
    if (mode == FIX_EXCLUSIVE) return;
    uint64_t add = mode == FIX_SHARED ? POOL_SHARED_ONE : mode == FIX_PIN ? POOL_PIN_ONE : 0;
    uint64_t old = atomic_fetch_add(state, add - POOL_EXCLUSIVE);
    if ((old & POOL_WAITERS) != 0) page_wake(state);
}

static Status
bad_number(Ctx *ctx, PageNo n)
{
    Pool *pool = ctx->pool;
    if (is_file_backed(pool) && n >= pool->hot.limit) {
        Status st = RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "database is larger than the address range for it");
        return err_hint(ctx, st, "Increase \"reserve_size\".");
    }
    return RAISE(ctx, ERR_DATA_CORRUPTED, "invalid page number %u", n);
}

static inline void
fill_ref(const Pool *pool, PageNo n, FixMode mode, PageRef *out)
{
    out->ptr = page_ptr(pool, n);
    out->state = &pool->hot.states[n];
    out->number = n;
    out->mode = (uint8_t)mode;
    out->fresh = false;
}

/* One attempt at a latch on a resident page. *seen: the state in the way. */
static bool
try_latch(_Atomic uint64_t *state, FixMode mode, uint64_t *seen)
{
    uint64_t old = atomic_load_explicit(state, memory_order_relaxed);
    for (;;) {
        uint64_t new;
        *seen = old;
        if ((old & (POOL_RESIDENT | POOL_EXCLUSIVE)) != POOL_RESIDENT) return false;
        if (mode == FIX_SHARED) {
            if ((old & POOL_SHARED_MASK) == POOL_SHARED_MASK) return false;
            new = (old | POOL_REFERENCED) + POOL_SHARED_ONE;
        } else if (mode == FIX_EXCLUSIVE) {
            if ((old & POOL_SHARED_MASK) != 0) return false;
            new = old | POOL_REFERENCED | POOL_EXCLUSIVE;
        } else {
            if ((old & POOL_PIN_MASK) == POOL_PIN_MASK) return false;
            new = (old | POOL_REFERENCED) + POOL_PIN_ONE;
        }
        if (atomic_compare_exchange_weak_explicit(state, &old, new, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    }
}

Status
page_fix_slow(Ctx *ctx, PageNo number, FixMode mode, PageRef *out)
{
    Pool *pool = ctx->pool;
    int spins = 0;

    if (number >= pool->hot.limit || number < PAGE_NO_META) return bad_number(ctx, number);
    _Atomic uint64_t *state = &pool->hot.states[number];
    for (;;) {
        uint64_t seen;
        if (try_latch(state, mode, &seen)) {
            ctx->io->hit++;
            fill_ref(pool, number, mode, out);
            return QN_OK;
        }
        if ((seen & (POOL_RESIDENT | POOL_EXCLUSIVE)) == 0) {
            if (!atomic_compare_exchange_strong(state, &seen, seen | POOL_EXCLUSIVE)) continue;
            TRY(load(ctx, pool, number));
            settle_mode(state, mode);
            fill_ref(pool, number, mode, out);
            return QN_OK;
        }
        if (++spins < SPINS) thread_pause();
        else wait_state(state, seen);
    }
}

Status
page_fix_new(Ctx *ctx, PageNo number, PageRef *out)
{
    Pool *pool = ctx->pool;
    uint64_t seen;
    int spins = 0;

    if (number >= pool->hot.limit || number < PAGE_NO_META) return bad_number(ctx, number);
    _Atomic uint64_t *state = &pool->hot.states[number];
    for (;;) {
        if (try_latch(state, FIX_EXCLUSIVE, &seen)) {
            memset(page_ptr(pool, number), 0, pool->hot.page_bytes);
            break;
        }
        if ((seen & (POOL_RESIDENT | POOL_EXCLUSIVE)) == 0) {
            if (!atomic_compare_exchange_strong(state, &seen, seen | POOL_EXCLUSIVE)) continue;
            bool framed;
            Status st = claim_frame(ctx, pool, number, true, &framed);
            if (st != QN_OK) {
                set_absent(state);
                return st;
            }
            touch_region(pool, (size_t)number << pool->hot.page_shift, true); /* the file grows here */
            /* Absent pages read as zeros: they were given back to the system, or never touched. */
            atomic_fetch_or(state, (uint64_t)POOL_RESIDENT | POOL_REFERENCED);
            break;
        }
        if (++spins < SPINS) thread_pause();
        else wait_state(state, seen);
    }
    fill_ref(pool, number, FIX_EXCLUSIVE, out);
    out->fresh = true;
    return QN_OK;
}

/* ---- the other ways to hold a page ---- */

void
page_unlatch(PageRef *ref)
{
    uint64_t old;
    if (ref->mode == FIX_SHARED) {
        old = atomic_fetch_add_explicit(ref->state, (uint64_t)POOL_PIN_ONE - POOL_SHARED_ONE,
                                        memory_order_release);
    } else if (ref->mode == FIX_EXCLUSIVE) {
        old = atomic_fetch_add_explicit(ref->state, POOL_VERSION_ONE + POOL_PIN_ONE - POOL_EXCLUSIVE,
                                        memory_order_release);
    } else {
        return;
    }
    ref->mode = FIX_PIN;
    if ((old & POOL_WAITERS) != 0) page_wake(ref->state);
}

void
page_latch(PageRef *ref, FixMode mode)
{
    uint64_t seen;
    int spins = 0;

    assert(ref->mode == FIX_PIN && (mode == FIX_SHARED || mode == FIX_EXCLUSIVE));
    while (!try_latch(ref->state, mode, &seen)) {
        if (++spins < SPINS) thread_pause();
        else wait_state(ref->state, seen);
    }
    atomic_fetch_sub_explicit(ref->state, POOL_PIN_ONE, memory_order_relaxed);
    ref->mode = (uint8_t)mode;
}

bool
page_try_exclusive(PageRef *ref)
{
    uint64_t seen;
    assert(ref->mode == FIX_PIN);
    if (!try_latch(ref->state, FIX_EXCLUSIVE, &seen)) return false;
    atomic_fetch_sub_explicit(ref->state, POOL_PIN_ONE, memory_order_relaxed);
    ref->mode = FIX_EXCLUSIVE;
    return true;
}

bool
page_try_fix(Ctx *ctx, PageNo number, FixMode mode, PageRef *out)
{
    Pool *pool = ctx->pool;
    uint64_t seen;
    if (number >= pool->hot.limit || number < PAGE_NO_META) return false;
    if (!try_latch(&pool->hot.states[number], mode, &seen)) return false;
    ctx->io->hit++;
    fill_ref(pool, number, mode, out);
    return true;
}

Status
page_peek_slow(Ctx *ctx, PageNo number, PageRef *out)
{
    Pool *pool = ctx->pool;
    int spins = 0;

    if (number >= pool->hot.limit || number < PAGE_NO_META) return bad_number(ctx, number);
    _Atomic uint64_t *state = &pool->hot.states[number];
    for (;;) {
        uint64_t s = atomic_load_explicit(state, memory_order_acquire);
        if ((s & POOL_EXCLUSIVE) != 0) {
            if (++spins < SPINS) thread_pause();
            else wait_state(state, s);
        } else if ((s & POOL_RESIDENT) != 0) {
            if ((s & POOL_REFERENCED) == 0)
                atomic_fetch_or_explicit(state, POOL_REFERENCED, memory_order_relaxed);
            ctx->io->hit++;
            fill_ref(pool, number, FIX_OPTIMISTIC, out);
            out->version = (uint32_t)(s >> 32);
            return QN_OK;
        } else if (atomic_compare_exchange_strong(state, &s, s | POOL_EXCLUSIVE)) {
            TRY(load(ctx, pool, number));
            settle_mode(state, FIX_NONE);
        }
    }
}

bool
page_upgrade(PageRef *ref, FixMode mode)
{
    if (ref->mode == FIX_SHARED) { /* a peek under ThreadSanitizer */
        uint64_t version = atomic_load(ref->state) >> 32, seen;
        if (mode == FIX_SHARED) return true;
        if (mode == FIX_PIN) {
            page_unlatch(ref);
            return true;
        }
        page_unlatch(ref);
        if (!try_latch(ref->state, FIX_EXCLUSIVE, &seen)) {
            page_unfix(ref);
            return false;
        }
        atomic_fetch_sub(ref->state, POOL_PIN_ONE);
        ref->mode = FIX_EXCLUSIVE;
        if (seen >> 32 == version) return true;
        page_unfix(ref);
        return false;
    }
    assert(ref->mode == FIX_OPTIMISTIC);
    uint64_t seen;
    uint32_t version = ref->version;
    bool got = try_latch(ref->state, mode, &seen);
    if (!got || (uint32_t)(seen >> 32) != version) {
        ref->mode = got ? (uint8_t)mode : FIX_NONE;
        page_unfix(ref);
        return false;
    }
    ref->mode = (uint8_t)mode;
    return true;
}

void
pool_mark_dirty(Ctx *ctx, PageRef *ref)
{
    assert(ref->mode == FIX_EXCLUSIVE);
    if ((atomic_load_explicit(ref->state, memory_order_relaxed) & POOL_DIRTY) != 0) return;
    atomic_fetch_or(ref->state, POOL_DIRTY);
    ctx->io->dirtied++;
}

/* ---- runs of pages ---- */

/* Reads pages first..first+n, all latched exclusively by this thread, with one call; what does not verify is left absent, to be
 * reported when somebody fixes it. */
static void
load_run(Ctx *ctx, Pool *pool, PageNo first, uint32_t n)
{
    Db *db = pool->db;
    size_t got = 0;
    Ctx quiet = {.db = db, .conn = ctx->conn, .pool = pool, .io = ctx->io}; /* its error is dropped */
#ifdef MADV_POPULATE_WRITE
    /* Memory for all of it at once rather than by a fault every 4 KiB: a cold scan goes from 1.05 to 1.5 GB/s (16 KiB pages out of the
     * system's cache, 20,000 pages). A kernel that does not know it says EINVAL. */
    (void)madvise(page_ptr(pool, first), (size_t)n << pool->hot.page_shift, MADV_POPULATE_WRITE);
#endif
    Status st = db->ops->read(&quiet, db->file, page_ptr(pool, first), (size_t)n << pool->hot.page_shift,
                              (uint64_t)first << pool->hot.page_shift, &got);
    err_clear(&quiet.err);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *page = page_ptr(pool, first + i);
        _Atomic uint64_t *state = &pool->hot.states[first + i];
        bool whole = st == QN_OK && got >= (size_t)(i + 1) << pool->hot.page_shift;
        if (whole && page_verify(page, pool->hot.page_bytes, first + i, db->crc_seed)) {
            ctx->io->read++;
            atomic_fetch_add_explicit(&pool->reads, 1, memory_order_relaxed);
            atomic_fetch_or(state, (uint64_t)POOL_RESIDENT | POOL_REFERENCED);
            settle_mode(state, FIX_NONE);
        } else {
            (void)madvise(page, pool->hot.page_bytes, MADV_DONTNEED);
            set_absent(state);
        }
    }
}

void
pool_prefetch(Ctx *ctx, PageNo first, uint32_t n)
{
    Pool *pool = ctx->pool;
    PageNo start = 0;
    bool missed = false;
    uint32_t run = 0, most = RUN_BYTES >> pool->hot.page_shift;

    if (!is_file_backed(pool) || first < PAGE_NO_META || first >= pool->hot.limit) return;
    if (n > pool->hot.limit - first) n = pool->hot.limit - first;
    if (n > pool->nframes / 8) n = pool->nframes / 8;
    size_t nbytes = (size_t)n << pool->hot.page_shift, at = (size_t)first << pool->hot.page_shift;
    if (nbytes >= HUGE_BYTES && (atomic_load_explicit(&pool->hot.states[first], memory_order_relaxed) & POOL_RESIDENT) == 0)
        for (size_t end = at + nbytes; at < end; at += HUGE_BYTES) touch_region(pool, at, true);
    Ctx quiet = {.db = ctx->db, .conn = ctx->conn, .pool = pool, .io = ctx->io};
    for (PageNo p = first; p < first + n; p++) {
        _Atomic uint64_t *state = &pool->hot.states[p];
        uint64_t s = atomic_load_explicit(state, memory_order_relaxed);
        bool mine = (s & (POOL_RESIDENT | POOL_EXCLUSIVE)) == 0 &&
                    atomic_compare_exchange_strong(state, &s, s | POOL_EXCLUSIVE);
        bool framed = false;
        /* Without waiting: this thread holds latches that others may need to let go of theirs. */
        if (mine && (claim_frame(&quiet, pool, p, false, &framed) != QN_OK || !framed)) {
            err_clear(&quiet.err);
            set_absent(state);
            mine = false;
        }
        if (mine && run == 0) start = p;
        if (mine) {
            run++;
            missed = true;
        }
        if (run > 0 && (!mine || run == most)) {
            load_run(ctx, pool, start, run);
            run = 0;
        }
    }
    if (run > 0) load_run(ctx, pool, start, run);
    /* Where these pages were here, the next ones probably are: the system call would cost more than it saves. */
    if (missed)
        ctx->db->ops->will_read(ctx->db->file, (uint64_t)(first + n) << pool->hot.page_shift,
                                (uint64_t)n << pool->hot.page_shift);
}

static int
compare_pages(const void *a, const void *b)
{
    PageNo x = *(const PageNo *)a, y = *(const PageNo *)b;
    return x < y ? -1 : x > y;
}

/* Copies page n for writing if it is still to be written. */
static bool
copy_for_write(Pool *pool, PageNo n, uint8_t *to)
{
    _Atomic uint64_t *state = &pool->hot.states[n];
    uint64_t seen;
    for (;;) {
        if (try_latch(state, FIX_SHARED, &seen)) break;
        if ((seen & (POOL_RESIDENT | POOL_EXCLUSIVE)) == 0) return false; /* evicted, so it was written */
        wait_state(state, seen);
    }
    bool mine;
    for (;;) {
        mine = start_write(state);
        seen = atomic_load(state);
        /* Another thread writes it: what it copied may be older than the dirtiness seen here. */
        if (mine || (seen & POOL_WRITING) == 0) break;
        wait_state(state, seen);
    }
    PageRef ref = {.ptr = page_ptr(pool, n), .state = state, .mode = FIX_SHARED};
    if (mine) memcpy(to, ref.ptr, pool->hot.page_bytes);
    page_unfix(&ref);
    return mine;
}

static Status
grow_list(Ctx *ctx, PageList *list)
{
    uint32_t cap = list->cap != 0 ? list->cap * 2 : 256;
    PageNo *p = mem_realloc(NULL, list->pages, list->cap * sizeof(*p), cap * sizeof(*p));
    if (p == NULL) return RAISE_OOM(ctx);
    list->pages = p;
    list->cap = cap;
    return QN_OK;
}

void
page_list_free(PageList *list)
{
    mem_free(NULL, list->pages, list->cap * sizeof(*list->pages));
    *list = (PageList){0};
}

/* A frame changes only after its page was written, so no page that was dirty at the call is missed. */
Status
pool_dirty_pages(Ctx *ctx, PageList *out)
{
    Pool *pool = ctx->pool;
    uint32_t kept = 0;
    out->n = 0;
    if (!is_file_backed(pool)) return QN_OK;
    uint32_t used = atomic_load(&pool->used);
    if (used > pool->nframes) used = pool->nframes;
    for (uint32_t i = 0; i < used; i++) {
        PageNo p = atomic_load_explicit(&pool->frames[i], memory_order_relaxed);
        if (p == PAGE_NONE || !pool_is_unwritten(ctx, p)) continue;
        if (out->n == out->cap) TRY(grow_list(ctx, out));
        out->pages[out->n++] = p;
    }
    if (out->n > 0) qsort(out->pages, out->n, sizeof(PageNo), compare_pages);
    /* A page may be there twice, by a frame that names it no more. */
    for (uint32_t i = 0; i < out->n; i++)
        if (kept == 0 || out->pages[kept - 1] != out->pages[i]) out->pages[kept++] = out->pages[i];
    out->n = kept;
    return QN_OK;
}

Status
pool_write_pages(Ctx *ctx, const PageNo *pages, uint32_t n)
{
    Pool *pool = ctx->pool;
    uint32_t most = RUN_BYTES >> pool->hot.page_shift;
    uint8_t *copies;
    Status st = QN_OK;

    if (n == 0) return QN_OK;
    if (most > n) most = n;
    TRY_ALLOC(ctx, copies, mem_alloc(NULL, (size_t)most << pool->hot.page_shift));
    for (uint32_t i = 0; i < n && st == QN_OK;) {
        uint32_t run = 0;
        PageNo first = pages[i];
        while (i < n && run < most && pages[i] == first + run) {
            if (!copy_for_write(pool, pages[i], copies + ((size_t)run << pool->hot.page_shift))) break;
            run++;
            i++;
        }
        if (run == 0) { /* somebody else has written it */
            i++;
            continue;
        }
        st = write_copies(ctx, pool, copies, first, run);
        for (uint32_t k = 0; k < run; k++) end_write(&pool->hot.states[first + k], st == QN_OK);
    }
    mem_free(NULL, copies, (size_t)most << pool->hot.page_shift);
    return st;
}

Status
pool_write_dirty(Ctx *ctx)
{
    PageList list = {0};
    Status st = pool_dirty_pages(ctx, &list);
    if (st == QN_OK) st = pool_write_pages(ctx, list.pages, list.n);
    page_list_free(&list);
    return st;
}

bool
pool_is_unwritten(Ctx *ctx, PageNo page)
{
    const Pool *pool = ctx->pool;
    return page < pool->hot.limit && (atomic_load(&pool->hot.states[page]) & (POOL_DIRTY | POOL_WRITING)) != 0;
}

void
pool_forget(Ctx *ctx, PageNo first, uint32_t n)
{
    Pool *pool = ctx->pool;
    for (PageNo p = first; p < first + n && p < pool->hot.limit; p++) {
        _Atomic uint64_t *state = &pool->hot.states[p];
        uint64_t seen;
        for (;;) {
            if (try_latch(state, FIX_EXCLUSIVE, &seen)) {
                /* A write under way must end before the page can be given to another. A pin by a straggler (a scan that
                 * closes late) keeps the page in memory, and then it only loses its dirtiness. */
                if ((atomic_load(state) & POOL_WRITING) == 0) break;
                PageRef ref = {.state = state, .mode = FIX_EXCLUSIVE};
                page_unfix(&ref);
                seen = atomic_load(state);
                if ((seen & POOL_WRITING) == 0) continue;
            }
            if ((seen & (POOL_RESIDENT | POOL_EXCLUSIVE)) == 0) break;
            wait_state(state, seen);
        }
        if ((atomic_load(state) & (POOL_RESIDENT | POOL_EXCLUSIVE)) != (POOL_RESIDENT | POOL_EXCLUSIVE))
            continue;
        atomic_fetch_and(state, ~(uint64_t)POOL_DIRTY);
        if ((atomic_load(state) & POOL_PIN_MASK) != 0) {
            PageRef ref = {.state = state, .mode = FIX_EXCLUSIVE};
            page_unfix(&ref);
            continue;
        }
        evict(pool, p);
        if (pool->frames == NULL) atomic_fetch_sub(&pool->used, 1);
    }
}

void
pool_stats(Pool *pool, PoolStats *out)
{
    uint32_t used = atomic_load(&pool->used);
    *out = (PoolStats){.capacity = pool->nframes, .reads = atomic_load(&pool->reads),
                       .writes = atomic_load(&pool->writes), .evictions = atomic_load(&pool->evictions)};
    if (pool->frames == NULL) {
        out->resident = used;
        return;
    }
    for (uint32_t i = 0; i < used && i < pool->nframes; i++) {
        PageNo p = atomic_load(&pool->frames[i]);
        uint64_t s = p != PAGE_NONE ? atomic_load(&pool->hot.states[p]) : 0;
        out->resident += (s & POOL_RESIDENT) != 0;
        out->dirty += (s & POOL_DIRTY) != 0;
    }
}

uint64_t
pool_held(Pool *pool)
{
    const uint64_t mask = POOL_SHARED_MASK | POOL_PIN_MASK | POOL_EXCLUSIVE;
    PageNo end = pool->db != NULL ? atomic_load(&pool->db->file_pages) : pool->hot.limit;
    uint64_t held = 0;
    for (PageNo p = 0; p < end; p++) held += (atomic_load(&pool->hot.states[p]) & mask) != 0;
    return held;
}
