/* vacuum.c - see vacuum.h. */
#include "storage/vacuum.h"
#include "common/sched.h"
#include "storage/db.h"
#include "storage/heap_priv.h"
#include <math.h>
#include <stdlib.h>

enum {
    DEAD_MIN = 4096, /* tids there is always room for: more than one page has */
    SMALL_PAGES = 32 /* a table of so many is looked at whole: passing over a few neighbours saves nothing, and its rows are counted */
};

struct Vacuum {
    Heap *heap;
    Index *const *indexes;
    int nindexes;
    VacuumOptions options;
    VacuumReport report;
    VacuumPhase phase;
    int64_t dead_before; /* rows counted as dead when it began; and those this vacuum has taken off the count */
    int64_t settled;
    uint32_t number; /* of this vacuum among the table's */
    Arena *arena;
    RelRun *run;
    Xid clean_below;     /* every finished xid below has been taken care of when all is done */
    uint32_t total, at;  /* page ordinals */
    uint32_t in_run;     /* pages of the run that are done */
    bool has_run, pruned_in_run;
    /* DEAD slots found, by tid once an index asks. */
    Tid *dead;
    uint32_t ndead, dead_cap;
    bool sorted;
    uint64_t *dead_pages; /* bit: the page has some */
    PageNo dead_pages_end;
    int index;           /* VACUUM_INDEXES: the next one */
    uint32_t freed;      /* VACUUM_HEAP: dead slots done */
    double visible_rows; /* on pages that were looked at */
    uint32_t counted;
};

static void
enter(Vacuum *v, VacuumPhase phase)
{
    v->phase = phase;
    atomic_store(&v->heap->stats->progress.phase, (uint32_t)phase);
}

Status
vacuum_begin(Ctx *ctx, Heap *heap, Index *const *indexes, int nindexes, const VacuumOptions *options,
             Vacuum **out)
{
    TxHorizon h;
    Arena *arena;
    Vacuum *v;
    Status st;
    *out = NULL;
    /* So that the horizon is as young as it can be. */
    TRY(tx_clean(ctx, false));
    TRY_ALLOC(ctx, arena, arena_create(NULL, "vacuum"));
    TRY_ALLOC_GOTO(ctx, v, ARENA_NEW(arena, Vacuum));
    *v = (Vacuum){.heap = heap, .indexes = indexes, .nindexes = nindexes, .options = *options, .arena = arena};
    TRY_ALLOC_GOTO(ctx, v->run, ARENA_NEW(arena, RelRun));
    tx_horizon(ctx, &h);
    v->clean_below = h.xid;
    v->dead_before = atomic_load(&heap->stats->dead);
    v->number = atomic_fetch_add(&heap->stats->vacuumed, 1) + 1;
    v->total = v->report.pages = rel_page_count(heap->rel);
    v->options.every_page |= v->total <= SMALL_PAGES;
    VacuumProgress *p = &heap->stats->progress;
    atomic_store(&p->slot, (uint32_t)db_conn_slot(ctx));
    atomic_store(&p->pages, v->total);
    atomic_store(&p->scanned, 0);
    atomic_store(&p->vacuumed, 0);
    atomic_store(&p->index_passes, 0);
    atomic_store(&p->dead, 0);
    atomic_store(&p->dead_max, options->memory_bytes / sizeof(Tid));
    enter(v, VACUUM_SCANNING);
    *out = v;
    return QN_OK;
done:
    arena_destroy(arena);
    return st;
}

void
vacuum_end(Ctx *ctx, Vacuum *v)
{
    (void)ctx;
    if (v == NULL) return;
    enter(v, VACUUM_NONE);
    mem_free(NULL, v->dead, v->dead_cap * sizeof(*v->dead));
    mem_free(NULL, v->dead_pages, BITS_WORDS(v->dead_pages_end) * 8);
    arena_destroy(v->arena);
}

bool
vacuum_is_current(const Vacuum *v)
{
    return atomic_load(&v->heap->stats->vacuumed) == v->number;
}

const VacuumReport *
vacuum_report(const Vacuum *v)
{
    return &v->report;
}

/* ---- dead slots ---- */

static Status
reserve_dead(Ctx *ctx, Vacuum *v, uint32_t n, PageNo page)
{
    if (v->ndead + n > v->dead_cap) {
        uint32_t cap = v->dead_cap * 2 > v->ndead + n ? v->dead_cap * 2 : v->ndead + n + DEAD_MIN;
        Tid *p = mem_realloc(NULL, v->dead, v->dead_cap * sizeof(*p), cap * sizeof(*p));
        if (p == NULL) return RAISE_OOM(ctx);
        v->dead = p;
        v->dead_cap = cap;
    }
    if (page >= v->dead_pages_end) {
        PageNo end = page + page / 2 + 1024;
        size_t have = BITS_WORDS(v->dead_pages_end) * 8, want = BITS_WORDS(end) * 8;
        uint64_t *p = mem_realloc(NULL, v->dead_pages, have, want);
        if (p == NULL) return RAISE_OOM(ctx);
        memset((char *)p + have, 0, want - have);
        v->dead_pages = p;
        v->dead_pages_end = end;
    }
    return QN_OK;
}

static bool
has_room(const Vacuum *v)
{
    return v->ndead < DEAD_MIN || (v->ndead + HEAP_SLOTS_MAX) * sizeof(Tid) <= v->options.memory_bytes;
}

static int
compare_tids(const void *a, const void *b)
{
    Tid x = *(const Tid *)a, y = *(const Tid *)b;
    return (x > y) - (x < y);
}

static bool
is_dead(void *arg, IndexTid tid)
{
    const Vacuum *v = arg;
    PageNo page = tid_page(tid);
    if (page >= v->dead_pages_end || !bits_get(v->dead_pages, page)) return false;
    uint32_t lo = 0, hi = v->ndead;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (v->dead[mid] < tid) lo = mid + 1;
        else hi = mid;
    }
    return lo < v->ndead && v->dead[lo] == tid;
}

static Status
note_dead(Ctx *ctx, Vacuum *v, const PageRef *ref)
{
    const HeapPage *p = heap_page(ref);
    if (p->nspecial == p->nfree) return QN_OK;
    TRY(reserve_dead(ctx, v, p->nspecial, ref->number));
    for (int i = 0; i < p->nslots; i++) {
        if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_DEAD) continue;
        bits_set(v->dead_pages, ref->number);
        v->dead[v->ndead++] = tid_make(ref->number, (uint32_t)i + 1);
    }
    atomic_store(&v->heap->stats->progress.dead, v->ndead);
    return QN_OK;
}

/* ---- the first visit ---- */

static Status
scan_page(Ctx *ctx, Vacuum *v, PageNo number)
{
    Heap *heap = v->heap;
    PageRef ref = PAGE_REF_NONE;
    HeapPruned pruned;
    Status st;
    TRY_GOTO(page_fix(ctx, number, FIX_EXCLUSIVE, &ref));
    if (page_header(&ref)->type != PAGE_HEAP) goto done;
    TRY_GOTO(heap_page_check(ctx, heap, &ref));
    v->report.scanned++;
    if (heap_page_is_blank(heap_page(&ref))) {
        rel_note_space(ctx, heap->rel, number, heap_page_free_bytes(heap, heap_page(&ref)));
        goto done;
    }
    if (!page_is_alone(&ref)) v->report.skipped++;
    TRY_GOTO(heap_prune_page_as(ctx, heap, &ref, v->nindexes > 0, v->options.freeze_age, &pruned));
    v->report.pruned += pruned.versions;
    v->settled += pruned.settled;
    v->pruned_in_run |= pruned.versions > 0;
    HeapPage *p = heap_page(&ref);
    v->report.dead_left += p->nended;
    v->visible_rows += p->nslots - p->nspecial - p->nended;
    v->counted++;
    if (!v->options.skip_indexes) TRY_GOTO(note_dead(ctx, v, &ref));
    if ((p->page.flags & PAGE_FLAG_ALL_VISIBLE) == 0 && heap_page_all_can_see(ctx, p))
        TRY_GOTO(heap_mark_visible(ctx, heap, &ref, true));
    rel_note_space(ctx, heap->rel, number, heap_page_free_bytes(heap, p));
done:
    page_unfix(&ref);
    return st;
}

static Status
scan_value(Ctx *ctx, Vacuum *v, PageNo number)
{
    bool freed;
    TRY(overflow_vacuum(ctx, v->heap->rel, number, &freed));
    v->report.values_freed += freed;
    return QN_OK;
}

static Status
scan_entry(Ctx *ctx, Vacuum *v, uint32_t i)
{
    uint8_t entry = v->run->entries[i];
    PageNo number = v->run->first + i;
    if ((entry & MAP_USED) == 0 || entry == MAP_RUN_UNWRITTEN) return QN_OK;
    if ((entry & MAP_OVERFLOW) != 0) {
        bool look = (entry & MAP_VALUE_FIRST) != 0 && (entry & MAP_VALUE_SETTLED) == 0;
        return look ? scan_value(ctx, v, number) : QN_OK;
    }
    if ((entry & MAP_ALL_VISIBLE) != 0 && !v->options.every_page) return QN_OK;
    return scan_page(ctx, v, number);
}

static Status
scan_some(Ctx *ctx, Vacuum *v, uint32_t npages)
{
    while (npages > 0 && has_room(v)) {
        bool found;
        if (!v->has_run) {
            if (v->at >= v->total) {
                enter(v, v->ndead > 0 ? VACUUM_INDEXES : VACUUM_CLEANUP);
                return QN_OK;
            }
            TRY(rel_run_at(ctx, v->heap->rel, v->at, v->run, &found));
            if (!found) {
                v->at = v->total;
                continue;
            }
            v->has_run = true;
            v->pruned_in_run = false;
            v->in_run = 0;
        }
        for (; v->in_run < v->run->npages && npages > 0 && has_room(v); v->in_run++, npages--) {
            TRY(ctx_check_stop(ctx));
            TRY(scan_entry(ctx, v, v->in_run));
            ctx->work_done++;
        }
        if (v->in_run < v->run->npages) break;
        if (v->pruned_in_run) TRY(heap_narrow_zones(ctx, v->heap, v->run));
        v->at = v->run->ordinal + v->run->npages;
        v->has_run = false;
        atomic_store(&v->heap->stats->progress.scanned, v->at < v->total ? v->at : v->total);
    }
    if (!has_room(v)) enter(v, VACUUM_INDEXES);
    return QN_OK;
}

/* ---- indexes, and the second visit ---- */

static Status
clean_index(Ctx *ctx, Vacuum *v)
{
    uint64_t removed;
    if (!v->sorted) qsort(v->dead, v->ndead, sizeof(Tid), compare_tids);
    v->sorted = true;
    if (v->index < v->nindexes) {
        TRY(index_bulk_delete(ctx, v->indexes[v->index++], is_dead, v, &removed));
        v->report.entries_removed += removed;
    }
    if (v->index < v->nindexes) return QN_OK;
    v->index = 0;
    v->freed = 0;
    v->report.index_passes++;
    atomic_store(&v->heap->stats->progress.index_passes, v->report.index_passes);
    enter(v, VACUUM_HEAP);
    return QN_OK;
}

/* The dead slots of one page, from v->freed on. */
static Status
free_slots(Ctx *ctx, Vacuum *v)
{
    Heap *heap = v->heap;
    PageRef ref = PAGE_REF_NONE;
    uint16_t slots[HEAP_SLOTS_MAX];
    PageNo number = tid_page(v->dead[v->freed]);
    int n = 0;
    Status st;
    while (v->freed < v->ndead && tid_page(v->dead[v->freed]) == number)
        slots[n++] = (uint16_t)tid_slot(v->dead[v->freed++]);
    TRY_GOTO(page_fix(ctx, number, FIX_EXCLUSIVE, &ref));
    TRY_GOTO(heap_page_check(ctx, heap, &ref));
    TRY_GOTO(heap_free_dead(ctx, heap, &ref, slots, n));
    v->report.dead_freed += (uint64_t)n;
    v->settled += n;
    stats_settle_dead(heap->stats, n);
    if (heap_page_all_can_see(ctx, heap_page(&ref))) TRY_GOTO(heap_mark_visible(ctx, heap, &ref, true));
done:
    page_unfix(&ref);
    return st;
}

static Status
free_some(Ctx *ctx, Vacuum *v, uint32_t npages)
{
    for (; v->freed < v->ndead && npages > 0; npages--) {
        TRY(ctx_check_stop(ctx));
        TRY(free_slots(ctx, v));
        atomic_fetch_add(&v->heap->stats->progress.vacuumed, 1);
    }
    if (v->freed < v->ndead) return QN_OK;
    v->ndead = v->freed = 0;
    v->sorted = false;
    memset(v->dead_pages, 0, BITS_WORDS(v->dead_pages_end) * 8);
    atomic_store(&v->heap->stats->progress.dead, 0);
    enter(v, v->at >= v->total && !v->has_run ? VACUUM_CLEANUP : VACUUM_SCANNING);
    return QN_OK;
}

/* ---- the end ---- */

static Status
finish(Ctx *ctx, Vacuum *v)
{
    HeapStats now;
    TRY(heap_stats(ctx, v->heap, &now));
    /* What was passed over is all-visible: as full as it was, or as pages here and there look. */
    double density = v->options.rows_a_page > 0 || now.pages == 0 ? v->options.rows_a_page : now.rows / now.pages;
    v->report.rows = v->visible_rows + (now.pages > v->counted ? (now.pages - v->counted) * density : 0);
    v->report.rows = floor(v->report.rows + 0.5);
    atomic_store(&v->heap->stats->live, (int64_t)v->report.rows);
    atomic_store(&v->heap->stats->live_known, 1);
    /* Of what counted as dead at first only what is left can still be there; commits have gone on counting meanwhile. */
    int64_t gone = v->dead_before - v->settled - (int64_t)v->report.dead_left;
    if (!v->options.skip_indexes && gone != 0 && v->report.skipped == 0) stats_settle_dead(v->heap->stats, gone);
    atomic_store(&v->heap->stats->inserted_since, 0);
    if (v->report.skipped == 0) TRY(rel_set_clean(ctx, v->heap->rel, v->clean_below));
    enter(v, VACUUM_FINAL);
    return QN_OK;
}

Status
vacuum_step(Ctx *ctx, Vacuum *v, uint32_t npages, bool *done_out)
{
    Snapshot held = {0};
    Status st = QN_OK;
    sched_point("vacuum: a step");
    /* Index pages are read optimistically and may be unlinked by others: a snapshot keeps them in place. Taken anew each step, so
     * that it holds nothing back for long. */
    TRY(tx_snapshot_latest(ctx, &held));
    switch (v->phase) {
    case VACUUM_SCANNING:
        /* Versions this snapshot alone could see are not for it to keep. */
        tx_snapshot_drop(ctx, &held);
        st = scan_some(ctx, v, npages);
        break;
    case VACUUM_INDEXES:
        st = clean_index(ctx, v);
        break;
    case VACUUM_HEAP:
        st = free_some(ctx, v, npages);
        break;
    case VACUUM_CLEANUP:
        st = finish(ctx, v);
        break;
    default:
        break;
    }
    tx_snapshot_drop(ctx, &held);
    *done_out = v->phase == VACUUM_FINAL;
    return st;
}

Status
vacuum_heap(Ctx *ctx, Heap *heap, Index *const *indexes, int nindexes, const VacuumOptions *options,
            VacuumReport *report_out)
{
    Vacuum *v;
    bool done = false;
    Status st = QN_OK;
    TRY(vacuum_begin(ctx, heap, indexes, nindexes, options, &v));
    while (st == QN_OK && !done) st = vacuum_step(ctx, v, UINT32_MAX, &done);
    if (report_out != NULL) *report_out = v->report;
    vacuum_end(ctx, v);
    return st;
}

static bool
is_empty(const void *page)
{
    const HeapPage *p = page;
    return p->page.type == PAGE_HEAP && (heap_page_is_blank(p) || p->nslots == 0);
}

bool
vacuum_can_truncate(Ctx *ctx, Heap *heap)
{
    bool empty = false;
    if (tx_alone(ctx) && rel_end_is_empty(ctx, heap->rel, is_empty, &empty) != QN_OK) err_clear(&ctx->err);
    return empty;
}

Status
vacuum_truncate(Ctx *ctx, Heap *heap, Index *const *indexes, int nindexes, uint32_t *npages_out)
{
    *npages_out = 0;
    if (!tx_alone(ctx)) return QN_OK; /* a scan without locks may be on its way to the last pages */
    atomic_store(&heap->stats->progress.phase, VACUUM_TRUNCATING);
    Status st = rel_truncate_end(ctx, heap->rel, is_empty, npages_out);
    for (int i = 0; st == QN_OK && i < nindexes; i++) {
        uint32_t n;
        st = index_truncate(ctx, indexes[i], &n);
        *npages_out += n;
    }
    atomic_store(&heap->stats->progress.phase, VACUUM_NONE);
    return st;
}

/* ---- aborted xids ---- */

Status
vacuum_has_aborted(Ctx *ctx, Heap *heap, bool *out)
{
    Xid clean;
    TRY(rel_clean_below(ctx, heap->rel, &clean));
    *out = tx_aborted_below(ctx, UINT64_MAX) > tx_aborted_below(ctx, clean);
    return QN_OK;
}

uint32_t
vacuum_aborted_ranges(Ctx *ctx)
{
    return tx_aborted_below(ctx, UINT64_MAX);
}

Status
vacuum_forget_aborted(Ctx *ctx, const uint32_t *roots, int nroots)
{
    TxHorizon h;
    if (tx_aborted_below(ctx, UINT64_MAX) == 0) return QN_OK;
    tx_horizon(ctx, &h);
    Xid below = h.xid;
    for (int i = 0; i < nroots && below > XID_FIRST; i++) {
        Rel *rel;
        Xid clean;
        TRY(rel_open(ctx, roots[i], &rel));
        Status st = rel_clean_below(ctx, rel, &clean);
        rel_close(ctx, rel);
        TRY(st);
        if (clean < below) below = clean;
    }
    return tx_forget_aborted(ctx, below);
}
