/* heap_update.c - ending versions and putting new ones in their place.
 *
 * Rows are taken a page at a time: under one latch each is judged, then all that may be changed
 * are, in one record. New versions go to the same page while it has room (and need no index entries
 * where no indexed column changed), else to another page, whose latch is only ever tried for: two
 * writers cannot wait for each other's pages. A row held by a running transaction ends the group;
 * the wait happens with nothing latched. */
#include "storage/heap_priv.h"
#include "storage/ssi.h"

typedef struct Job {
    Heap *heap;
    const Tid *tids;
    int n;
    const HeapRows *rows; /* NULL: delete */
    bool nowait;
    bool key_update; /* a key may change; a delete takes it away */
    LockMode row_mode; /* of the row last judged: what a lock on it would have to be, to conflict as this change does */
    Xid xid;
    uint8_t *results;
    Tid *newer, *new_tids;
    bool *hot;
    /* Rows of the page at hand that may be changed: ids[0..nids) and their slots. */
    int ids[BATCH_ROWS];
    bool changes_key[BATCH_ROWS]; /* by row */
    uint16_t old_slots[BATCH_ROWS];
    int nids;
    int nchanged, nhot;
    bool leaves; /* of a delete: for another table */
} Job;

/* What a row held by another transaction makes its writer wait for. */
typedef struct Wait {
    bool needed;
    Xid xid;     /* of the writer before us; XID_NONE: somebody has locked the row without writing it */
    LockTag tag; /* of the row */
} Wait;

/* Does changing the row change its key? */
static void
judge_key(Job *job, const HeapPage *p, int i, uint32_t slot)
{
    const uint64_t *keys = job->heap->desc.keys;
    bool same = job->rows != NULL && (!job->key_update || keys == NULL ||
                                      heap_row_equals(job->heap, p, (uint16_t)slot, job->rows, i, keys));
    job->changes_key[i] = !same;
    job->row_mode = lock_row_mode(same ? HEAP_LOCK_NO_KEY_UPDATE : HEAP_LOCK_UPDATE);
}

/* Judges rows [from, to), all on the latched page, up to one that must wait; returns where it
 * stopped. */
static int
judge_rows(Ctx *ctx, Job *job, const PageRef *page, int from, int to, Wait *wait_out)
{
    const HeapPage *p = heap_page(page);
    uint64_t seen[HEAP_SLOTS_MAX / 64];
    memset(seen, 0, sizeof(seen));
    job->nids = 0;
    *wait_out = (Wait){0};
    for (int i = from; i < to; i++) {
        uint32_t slot = tid_slot(job->tids[i]);
        Xid wait = XID_NONE;
        HeapResult r = heap_slot_writable(ctx, p, page->number, slot, &wait, &job->newer[i]);
        LockTag tag = heap_row_tag(job->heap, job->tids[i]);
        if (r == HEAP_DONE || r == HEAP_WOULD_WAIT) judge_key(job, p, i, slot);
        bool locked = r == HEAP_DONE && lock_row_is_taken(ctx, tag, job->row_mode);
        if (locked) r = HEAP_WOULD_WAIT;
        if (r == HEAP_WOULD_WAIT && !job->nowait) {
            *wait_out = (Wait){.needed = true, .xid = wait, .tag = tag};
            return i;
        }
        if (r == HEAP_DONE && bits_get(seen, slot)) r = HEAP_SELF; /* the batch names it twice */
        job->results[i] = (uint8_t)r;
        if (r != HEAP_DONE) continue;
        bits_set(seen, slot);
        job->nchanged++;
        job->ids[job->nids] = i;
        job->old_slots[job->nids++] = (uint16_t)slot;
    }
    return to;
}

static Status
xid_offset(Ctx *ctx, const Job *job, const PageRef *page, uint32_t *out)
{
    if (heap_xid_offset(heap_page(page), job->xid, out)) return QN_OK;
    return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                 "page %u of relation \"%s\" holds transaction ids too old for this one",
                 page->number, job->heap->desc.name);
}

/* Overflow values that the versions of ids[from .. from + n) are the last to have: of a delete all, of an update those that the
 * new version does not share. */
static Status
end_values(Ctx *ctx, const Job *job, const PageRef *page, int from, int n)
{
    const HeapPage *p = heap_page(page);
    for (int c = 0; c < p->ncols; c++) {
        if ((p->cols[c].flags & HCOL_OVERFLOW) == 0) continue;
        for (int i = from; i < from + n; i++) {
            OverflowRef ref;
            if (!heap_slot_overflow(p, job->old_slots[i], c, &ref)) continue;
            if (job->rows != NULL && heap_row_is_out(job->rows, c, job->ids[i]) &&
                job->rows->overflow[c][job->ids[i]].first == ref.first)
                continue;
            TRY(overflow_end(ctx, job->heap->rel, &ref, job->xid));
        }
    }
    return QN_OK;
}

static uint16_t
ended_by_delete(const HeapRecord *rec)
{
    return (rec->flags & HREC_KEY_UPDATE) != 0 ? SLOT_ENDED_DELETE | SLOT_ENDED_KEY : SLOT_ENDED_DELETE;
}

static Status
delete_rows(Ctx *ctx, Job *job, PageRef *page)
{
    PageRef *pages[1] = {page};
    uint32_t xmax = 0;
    WalLog log;
    TRY(xid_offset(ctx, job, page, &xmax));
    TRY(end_values(ctx, job, page, 0, job->nids));
    TRY(wal_begin(ctx, pages, 1, sizeof(HeapRecord) + 2 * (size_t)job->nids, &log));
    NOFAIL_BEGIN(ctx);
    HeapRecord rec = {.layout = heap_page(page)->layout, .nrows = (uint16_t)job->nids, .flags = job->leaves ? HREC_KEY_UPDATE : 0};
    log.xid = job->xid;
    memcpy(log.payload, &rec, sizeof(rec));
    memcpy(log.payload + sizeof(rec), job->old_slots, 2 * (size_t)job->nids);
    for (int i = 0; i < job->nids; i++)
        heap_slot_end(heap_page(page), job->old_slots[i], xmax, ended_by_delete(&rec), PAGE_NONE, 0);
    wal_finish(&log, WAL_HEAP_DELETE, sizeof(rec) + 2 * (size_t)job->nids);
    NOFAIL_END(ctx);
    return QN_OK;
}

/* How many of ids[from..) fit the page; own: it has their old versions. */
static int
room_for(const Job *job, const PageRef *page, int from, bool own)
{
    return heap_page_room(job->heap, heap_page(page), job->rows, (RowRange){job->ids + from, 0, job->nids - from}, page_is_alone(page), own);
}

/* Puts the new versions of ids[from .. from + n) on page `to`, ends the old ones on page `old` (the
 * same, or another), and logs both. */
static Status
put_versions(Ctx *ctx, Job *job, PageRef *old, PageRef *to, int from, int n, bool init)
{
    Heap *heap = job->heap;
    const bool same = old == to;
    const int *ids = job->ids + from;
    const uint16_t *old_slots = job->old_slots + from;
    PageRef *pages[3] = {old, to, NULL};
    int npages = same ? 1 : 2;
    uint16_t slots[BATCH_ROWS];
    uint32_t xmin = 0, xmax = 0;
    HeapMapChange change;
    WalLog log;
    Status st;

    change.map = PAGE_REF_NONE;
    TRY_GOTO(end_values(ctx, job, old, from, n));
    TRY_GOTO(heap_map_prepare(ctx, heap, to, job->rows, 0, ids, n, &change));
    TRY_GOTO(xid_offset(ctx, job, old, &xmax));
    TRY_GOTO(xid_offset(ctx, job, to, &xmin));
    if (change.map.ptr != NULL) pages[npages++] = &change.map;
    size_t bound = sizeof(HeapRecord) + sizeof(HeapInitRecord) + heap->layout->ncols + 8 +
                   HEAP_MAP_BYTES + heap_pack_bound(heap, job->rows, 0, ids, n) + 2 * (size_t)n;
    for (int i = 0; i < n; i++)
        job->hot[ids[i]] =
            same && (!heap->has_indexes || heap_row_equals(heap, heap_page(old), old_slots[i],
                                                           job->rows, ids[i], heap->desc.indexed));
    TRY_GOTO(wal_begin(ctx, pages, npages, bound, &log));

    NOFAIL_BEGIN(ctx);
    HeapPage *p = heap_page(to);
    HeapRecord rec = {.layout = p->layout, .nrows = (uint16_t)n};
    uint8_t *out = log.payload + sizeof(rec);
    log.xid = job->xid;
    for (int i = 0; i < n; i++)
        if (job->changes_key[ids[i]]) rec.flags |= HREC_KEY_UPDATE;
    if (init) {
        HeapInitRecord hi = {.xid_base = p->xid_base, .ncols = p->ncols, .capacity = p->capacity};
        rec.flags |= HREC_INIT;
        memcpy(out, &hi, sizeof(hi));
        memcpy(out + sizeof(hi), heap->phys, p->ncols);
        out += (sizeof(hi) + p->ncols + 7) & ~(size_t)7;
    }
    heap_page_take_slots(p, n, slots);
    heap_page_put(heap, p, job->rows, 0, ids, n, slots, SLOT_NORMAL, xmin);
    for (int i = 0; i < n; i++) {
        if (job->hot[ids[i]]) heap_flags(p)[slots[i] - 1] |= SLOT_HEAP_ONLY;
        job->nhot += job->hot[ids[i]];
        heap_slot_end(heap_page(old), old_slots[i], xmax,
                      (job->changes_key[ids[i]] ? SLOT_ENDED_KEY : 0) | (job->hot[ids[i]] ? SLOT_HOT_NEXT : 0), same ? PAGE_NONE : to->number,
                      slots[i]);
        job->new_tids[ids[i]] = tid_make(to->number, slots[i]);
    }
    out = heap_map_apply(heap, &change, &rec, npages - 1, out);
    rec.npacked = (uint32_t)heap_page_pack(p, slots, n, out);
    out += rec.npacked;
    memcpy(out, old_slots, 2 * (size_t)n);
    out += 2 * (size_t)n;
    memcpy(log.payload, &rec, sizeof(rec));
    wal_finish(&log, same ? WAL_HEAP_UPDATE : WAL_HEAP_MOVE, (size_t)(out - log.payload));
    NOFAIL_END(ctx);
done:
    page_unfix(&change.map);
    return st;
}

/* Locks on the old versions of ids[from .. from + n) that this update may pass by hold on the new
 * ones too: a row whose key somebody relies on must not be deleted a version later. */
static Status
follow_locks(Ctx *ctx, const Job *job, int from, int n)
{
    for (int i = from; i < from + n; i++)
        TRY(lock_row_follow(ctx, heap_row_tag(job->heap, job->tids[job->ids[i]]),
                            heap_row_tag(job->heap, job->new_tids[job->ids[i]])));
    return QN_OK;
}

/* A page other than `old` with room for the version of id, exclusive; nothing is waited for but a
 * new page. */
static Status
find_other_page(Ctx *ctx, Job *job, const PageRef *old, int from, PageRef *out)
{
    Heap *heap = job->heap;
    PageNo tries[2] = {atomic_load_explicit(&heap->target, memory_order_relaxed), PAGE_NONE};
    uint32_t need = heap->slot_bytes +
                    (job->rows->var_bytes != NULL ? job->rows->var_bytes[job->ids[from]] : 0);
    for (int i = 0; i < 2; i++) {
        uint32_t offset;
        if (i == 1) TRY(rel_find_space(ctx, heap->rel, need, &tries[1]));
        if (tries[i] == PAGE_NONE || tries[i] == old->number) continue;
        if (!page_try_fix(ctx, tries[i], FIX_EXCLUSIVE, out)) continue;
        const HeapPage *p = heap_page(out);
        if (heap_page_check(ctx, heap, out) == QN_OK &&
            (heap_page_is_blank(p) ||
             (heap_xid_offset(p, job->xid, &offset) && room_for(job, out, from, false) > 0)))
            return QN_OK;
        err_clear(&ctx->err);
        rel_note_space(ctx, heap->rel, out->number,
                       heap_page_free_bytes(heap, p) < need ? heap_page_free_bytes(heap, p) : 0);
        page_unfix(out);
    }
    return rel_page_new(ctx, heap->rel, PAGE_HEAP, PAGE_NONE, out);
}

/* New versions of ids[from..) that the old page has no room for. */
static Status
move_versions(Ctx *ctx, Job *job, PageRef *old, int from)
{
    Heap *heap = job->heap;
    PageRef to = PAGE_REF_NONE;
    Status st = QN_OK;
    while (from < job->nids) {
        TRY_GOTO(find_other_page(ctx, job, old, from, &to));
        bool blank = heap_page_is_blank(heap_page(&to));
        if (blank)
            heap_format_for(heap, &to, job->rows, job->ids[from], job->xid);
        else
            TRY_GOTO(heap_clear_visible(ctx, heap, &to));
        int n = room_for(job, &to, from, false);
        st = put_versions(ctx, job, old, &to, from, n, blank);
        if (st != QN_OK) {
            if (blank) page_header(&to)->flags |= PAGE_FLAG_BLANK;
            goto done;
        }
        TRY_GOTO(follow_locks(ctx, job, from, n));
        atomic_store_explicit(&heap->target, to.number, memory_order_relaxed);
        rel_note_space(ctx, heap->rel, to.number, heap_page_free_bytes(heap, heap_page(&to)));
        page_unfix(&to);
        from += n;
    }
done:
    page_unfix(&to);
    return st;
}

static Status
update_rows(Ctx *ctx, Job *job, PageRef *page)
{
    int n = room_for(job, page, 0, true);
    if (n < job->nids && heap_page_prunable(ctx, heap_page(page))) {
        TRY(heap_prune_page(ctx, job->heap, page));
        n = room_for(job, page, 0, true);
    }
    TRY(heap_clear_visible(ctx, job->heap, page));
    if (n > 0) TRY(put_versions(ctx, job, page, page, 0, n, false));
    TRY(follow_locks(ctx, job, 0, n));
    return move_versions(ctx, job, page, n);
}

/* Changes rows from .. on that share a page, up to one that must wait. */
static Status
change_page(Ctx *ctx, Job *job, int *from, Wait *wait_out)
{
    PageRef page = PAGE_REF_NONE;
    bool fits;
    int to = *from + 1;
    Status st;
    while (to < job->n && tid_page(job->tids[to]) == tid_page(job->tids[*from])) to++;
    TRY_GOTO(page_fix(ctx, tid_page(job->tids[*from]), FIX_EXCLUSIVE, &page));
    TRY_GOTO(heap_page_check(ctx, job->heap, &page));
    if (!heap_page_is_blank(heap_page(&page))) TRY_GOTO(heap_make_xid_fit(ctx, job->heap, &page, job->xid, &fits));
    to = judge_rows(ctx, job, &page, *from, to, wait_out);
    if (job->nids > 0 && job->rows != NULL) {
        TRY_GOTO(update_rows(ctx, job, &page));
    } else if (job->nids > 0) {
        TRY_GOTO(heap_clear_visible(ctx, job->heap, &page));
        TRY_GOTO(delete_rows(ctx, job, &page));
    }
    for (int i = 0; i < job->nids; i++)
        TRY_GOTO(ssi_note_write(ctx, job->heap->desc.relid, page.number, job->old_slots[i]));
    *from = to;
done:
    page_unfix(&page);
    return st;
}

/* Waits for a row, then goes on, with its place in the queue and its lock held until the row is marked, or not wanted any more. */
static Status
wait_for_row(Ctx *ctx, Job *job, int *from, Wait *wait)
{
    const LockTag tag = wait->tag;
    const LockMode mode = job->row_mode;
    bool queued = false, locked = false;
    Status st = QN_OK;
    while (wait->needed && wait->tag.b == tag.b) {
        if (!queued && !locked) TRY_GOTO(heap_queue_up(ctx, tag, mode, &queued));
        if (wait->xid != XID_NONE) {
            TRY_GOTO(tx_wait_for(ctx, wait->xid));
        } else {
            const uint32_t mark = lock_mark(ctx);
            TRY_GOTO(lock_acquire(ctx, tag, mode, LOCK_WAIT, NULL));
            locked |= lock_mark(ctx) != mark;
        }
        TRY_GOTO(change_page(ctx, job, from, wait));
    }
done:
    if (locked) lock_give_back(ctx, tag, mode);
    if (queued) lock_give_back(ctx, heap_queue_tag(tag), mode);
    return st;
}

static Status
run_job(Ctx *ctx, Job *job)
{
    for (int from = 0; from < job->n;) {
        Wait wait;
        TRY(change_page(ctx, job, &from, &wait));
        while (wait.needed) TRY(wait_for_row(ctx, job, &from, &wait));
    }
    return QN_OK;
}

static Status
end_rows(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapWait wait, bool leaves, uint8_t *results, Tid *newer)
{
    Job job;
    job.heap = heap;
    job.rows = NULL;
    job.leaves = leaves;
    job.nowait = wait == HEAP_NOWAIT;
    job.key_update = true;
    if (n == 0) return QN_OK;
    TRY(tx_write_xid(ctx, &job.xid));
    job.nchanged = 0;
    for (int from = 0; from < n; from += BATCH_ROWS) {
        job.tids = tids + from;
        job.n = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
        job.results = results + from;
        job.newer = newer + from;
        TRY(run_job(ctx, &job));
    }
    return table_stats_change(ctx, heap->stats, 0, 0, job.nchanged);
}

Status
heap_delete_batch(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapWait wait, uint8_t *results, Tid *newer)
{
    return end_rows(ctx, heap, tids, n, wait, false, results, newer);
}

Status
heap_leave_batch(Ctx *ctx, Heap *heap, const Tid *tids, int n, HeapWait wait, uint8_t *results, Tid *newer)
{
    return end_rows(ctx, heap, tids, n, wait, true, results, newer);
}

Status
heap_undo_insert(Ctx *ctx, Heap *heap, Tid tid)
{
    PageRef page = PAGE_REF_NONE;
    Job job;
    Status st;
    job.heap = heap;
    job.rows = NULL;
    job.leaves = false;
    job.old_slots[0] = (uint16_t)tid_slot(tid);
    job.nids = 1;
    TRY(tx_write_xid(ctx, &job.xid));
    TRY_GOTO(page_fix(ctx, tid_page(tid), FIX_EXCLUSIVE, &page));
    TRY_GOTO(heap_page_check(ctx, heap, &page));
    TRY_GOTO(delete_rows(ctx, &job, &page));
done:
    page_unfix(&page);
    return st;
}

Status
heap_update_batch(Ctx *ctx, Heap *heap, const Tid *tids, const Batch *batch, HeapWait wait,
                  bool key_update, const uint64_t *changed, uint8_t *results, Tid *newer, Tid *new_tids, bool *hot)
{
    HeapRows rows;
    Job job;
    Status st;
    if (batch->nsel == 0) return QN_OK;
    if (batch->nsel > BATCH_ROWS)
        return RAISE_INTERNAL(ctx, "update of more rows than a batch holds");
    job.heap = heap;
    job.tids = tids;
    job.n = batch->nsel;
    job.rows = &rows;
    job.nowait = wait == HEAP_NOWAIT;
    job.key_update = key_update;
    job.results = results;
    job.newer = newer;
    job.new_tids = new_tids;
    job.hot = hot;
    TRY(tx_write_xid(ctx, &job.xid));
    memset(hot, 0, sizeof(bool) * (size_t)job.n);
    TRY_GOTO(heap_rows_begin(ctx, heap, batch, tids, changed, &rows));
    heap_learn_var(heap, &rows, 0);
    job.nchanged = job.nhot = 0;
    TRY_GOTO(run_job(ctx, &job));
    if (job.nhot > 0) stats_add(&heap->stats->hot_updated, job.nhot);
    TRY_GOTO(table_stats_change(ctx, heap->stats, 0, job.nchanged, 0));
done:
    heap_rows_end(&rows);
    return st;
}

Status
heap_conflict_error(Ctx *ctx, HeapResult result)
{
    if (result != HEAP_GONE)
        return RAISE(ctx, ERR_T_R_SERIALIZATION_FAILURE,
                     "could not serialize access due to concurrent update");
    return RAISE(ctx, ERR_T_R_SERIALIZATION_FAILURE,
                 "could not serialize access due to concurrent delete");
}

Status
heap_left_error(Ctx *ctx, const char *done)
{
    return RAISE(ctx, ERR_T_R_SERIALIZATION_FAILURE, "tuple to be %s was already moved to another partition due to concurrent update", done);
}

/* ---- redo ---- */

Status
heap_redo_delete(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    HeapRecord head;
    uint16_t slot;
    uint32_t xmax = 0;
    if (rec->payload_bytes < sizeof(head))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(&head, rec->payload, sizeof(head));
    if (!pages[0].apply) return QN_OK;
    HeapPage *p = heap_page(&pages[0].ref);
    bool ok = rec->payload_bytes >= sizeof(head) + 2 * (size_t)head.nrows &&
              heap_xid_offset(p, rec->xid, &xmax);
    for (int i = 0; ok && i < head.nrows; i++) {
        memcpy(&slot, rec->payload + sizeof(head) + 2 * (size_t)i, 2);
        ok = slot >= 1 && slot <= p->nslots;
        if (ok) heap_slot_end(p, slot, xmax, ended_by_delete(&head), PAGE_NONE, 0);
    }
    return ok ? QN_OK
              : RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
}

/* Ends the old versions after the new ones are in place; new slots and flags are those the record
 * packs. */
static Status
redo_ends(Ctx *ctx, const WalRecord *rec, const HeapRecord *head, RedoPage *old, PageNo new_page,
          const uint8_t *packed, const uint8_t *in)
{
    uint32_t xmax = 0;
    const size_t n = head->nrows;
    if (!old->apply) return QN_OK;
    HeapPage *p = heap_page(&old->ref);
    bool ok = (size_t)(rec->payload + rec->payload_bytes - in) >= 2 * n && head->npacked >= 4 * n &&
              heap_xid_offset(p, rec->xid, &xmax);
    for (size_t i = 0; ok && i < n; i++) {
        uint16_t slot, next, flags, how = (head->flags & HREC_KEY_UPDATE) != 0 ? SLOT_ENDED_KEY : 0;
        memcpy(&slot, in + 2 * i, 2);
        memcpy(&next, packed + 2 * i, 2);
        memcpy(&flags, packed + 2 * n + 2 * i, 2);
        if ((flags & SLOT_HEAP_ONLY) != 0) how |= SLOT_HOT_NEXT;
        ok = slot >= 1 && slot <= p->nslots;
        if (ok) heap_slot_end(p, slot, xmax, how, new_page, next);
    }
    return ok ? QN_OK
              : RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the heap page it names");
}

Status
heap_redo_update(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    HeapRecord head;
    const uint8_t *in;
    TRY(heap_redo_rows(ctx, rec, pages, 0, &head, &in));
    return redo_ends(ctx, rec, &head, &pages[0], PAGE_NONE, in - head.npacked, in);
}

Status
heap_redo_move(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    HeapRecord head;
    const uint8_t *in;
    if (rec->npages < 2) return RAISE(ctx, ERR_DATA_CORRUPTED, "log record lacks its second page");
    TRY(heap_redo_rows(ctx, rec, pages, 1, &head, &in));
    return redo_ends(ctx, rec, &head, &pages[0], pages[1].ref.number, in - head.npacked, in);
}
