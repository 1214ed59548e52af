/* btree_insert.c - adding entries, and the unique check.
 *
 * Uniqueness: the first leaf that may hold the key stays latched exclusively from the check to the
 * insert, so that of two writers of one key the second sees the first one's entry. Whether an entry
 * counts is for the heap to say; an undecided one is waited for with nothing latched, then the
 * search starts again. */
#include "common/sched.h"
#include "storage/btree_priv.h"
#include "storage/ssi.h"
#include "storage/tx.h"

Status
btree_scratch(Ctx *ctx, Arena **arena)
{
    if (*arena == NULL) TRY_ALLOC(ctx, *arena, arena_create(NULL, "btree"));
    return QN_OK;
}

/* BTREE_INSERT's payload, for each entry: this, the entry's key part behind the page's prefix, its extra. */
typedef struct InsertRecord {
    uint16_t pos;
    uint16_t key_bytes;
    uint16_t extra_bytes;
    uint16_t flags;
} InsertRecord;

enum InsertFlag {
    INSERT_PAYLOAD = 1,  /* the leaf's entries have payloads */
    INSERT_REPLACES = 2, /* the entry at pos goes */
};

static size_t
record_bytes(const BtreePage *p, const Entry *e)
{
    return sizeof(InsertRecord) + e->key_bytes - p->prefix_bytes + e->extra_bytes;
}

/* Puts the entry on the page and into the record, behind `out`. Cannot fail. */
static uint8_t *
put_entry(Btree *bt, BtreePage *p, int pos, const Entry *e, bool replace, uint8_t *out)
{
    const uint32_t nkey = e->key_bytes - p->prefix_bytes;
    InsertRecord rec = {(uint16_t)pos, (uint16_t)nkey, (uint16_t)e->extra_bytes, replace ? INSERT_REPLACES : 0};
    if (p->level == 0 && bt->base.has_payload) rec.flags |= INSERT_PAYLOAD;
    memcpy(out, &rec, sizeof(rec));
    out += sizeof(rec);
    memcpy(out, e->key + p->prefix_bytes, nkey);
    out += nkey;
    if (e->extra_bytes != 0) memcpy(out, e->extra, e->extra_bytes);
    if ((rec.flags & INSERT_PAYLOAD) != 0) p->flags |= BTREE_PAYLOAD;
    if (replace) btree_page_remove(p, bt->page_bytes, &rec.pos, 1);
    btree_page_insert(p, bt->page_bytes, pos, e);
    return out + e->extra_bytes;
}

Status
btree_put(Ctx *ctx, Btree *bt, PageRef *ref, int pos, const Entry *e, bool replace)
{
    PageRef *pages[1] = {ref};
    const size_t nbytes = record_bytes(btree_page(ref), e);
    WalLog log;
    TRY(wal_begin(ctx, pages, 1, nbytes, &log));
    NOFAIL_BEGIN(ctx);
    put_entry(bt, btree_page(ref), pos, e, replace, log.payload);
    wal_finish(&log, WAL_BTREE_INSERT, nbytes);
    NOFAIL_END(ctx);
    return QN_OK;
}

/* Takes out what searches have found dead, when room is wanted. */
static Status
drop_killed(Ctx *ctx, Btree *bt, PageRef *ref)
{
    BtreePage *p = btree_page(ref);
    uint16_t slots[ENTRIES_MAX];
    int n = 0;
    if (p->level > 0 || (p->flags & BTREE_KILLED) == 0) return QN_OK;
    for (int i = 0; i < p->nslots; i++)
        if ((p->slots[i].nbytes & SLOT_KILLED) != 0) slots[n++] = (uint16_t)i;
    return btree_remove_slots(ctx, bt, ref, slots, n);
}

Status
btree_add(Ctx *ctx, Btree *bt, Arena **arena, PageRef *ref, const Entry *e, Split *split_out)
{
    BtreePage *p = btree_page(ref);
    const bool payload = p->level == 0 && bt->base.has_payload;
    split_out->level = -1;
    if (p->nslots == 0 && payload)
        p->flags |= BTREE_PAYLOAD; /* for btree_page_fits; the record says it too */
    if (!btree_page_fits(p, e->key_bytes, e->extra_bytes)) TRY(drop_killed(ctx, bt, ref));
    int pos = btree_search_page(p, bt->page_bytes, e->key, e->key_bytes, SEARCH_LT);
    if (btree_page_fits(p, e->key_bytes, e->extra_bytes))
        return btree_put(ctx, bt, ref, pos, e, false);
    TRY(btree_scratch(ctx, arena));
    return btree_split(ctx, bt, *arena, ref, pos, e, split_out);
}

/* Does the latched inner page lack the way to `right` for this separator? Not if the page has gone: somebody else made it
 * known, and VACUUM has merged it. */
static Status
lacks_child(Ctx *ctx, const Btree *bt, const BtreePage *p, const Split *s, bool *out)
{
    PageRef right = PAGE_REF_NONE;
    int n = btree_search_page(p, bt->page_bytes, s->key, s->key_bytes, SEARCH_LE);
    *out = btree_child(p, bt->page_bytes, n) != s->right;
    if (!*out) return QN_OK;
    TRY(page_fix(ctx, s->right, FIX_SHARED, &right));
    const BtreePage *r = btree_page(&right);
    *out = r->page.rel == rel_root(bt->rel) && !btree_page_is_unlinked(r) && r->level == s->level &&
           r->low_bytes == s->key_bytes && memcmp((const uint8_t *)r + r->low, s->key, s->key_bytes) == 0;
    page_unfix(&right);
    return QN_OK;
}

Status
btree_finish_split(Ctx *ctx, Btree *bt, Arena **arena, Split *split)
{
    while (split->level >= 0) {
        sched_point("split: the parent is to be told");
        PageRef ref = PAGE_REF_NONE;
        Descent d = {.key = split->key, .key_bytes = split->key_bytes, .mode = SEARCH_LE};
        Entry e = btree_entry_of(split->key, split->key_bytes, &split->right, sizeof(split->right));
        PageNo child = split->right;
        Split next = {.level = -1};
        e.extra = (const uint8_t *)&child;
        TRY(btree_descend(ctx, bt, &d, split->level + 1, FIX_EXCLUSIVE, &ref));
        bool lacks;
        Status st = lacks_child(ctx, bt, btree_page(&ref), split, &lacks);
        if (st == QN_OK && lacks)
            st = btree_add(ctx, bt, arena, &ref, &e, &next);
        page_unfix(&ref);
        TRY(st);
        *split = next;
    }
    return QN_OK;
}

/* An insert had to go right on some level: the pages it passed were split, and perhaps nobody told
 * their parents. Walks the level and tells. Rare: a race that has resolved itself by now, or a
 * crash between the two records. */
Status
btree_mend_level(Ctx *ctx, Btree *bt, Arena **arena, const Descent *d)
{
    for (int level = d->moved_level; level >= 0;) {
        PageRef ref = PAGE_REF_NONE;
        Descent again = {.key = d->key, .key_bytes = d->key_bytes, .mode = d->mode};
        Split split = {.level = -1};
        TRY(btree_scratch(ctx, arena));
        TRY(btree_descend(ctx, bt, &again, level, FIX_SHARED, &ref));
        if (again.moved_level == level) {
            /* The low key of the page arrived at is what the parent lacks. */
            const BtreePage *p = btree_page(&ref);
            split = (Split){.level = level, .right = ref.number, .key_bytes = p->low_bytes};
            split.key = arena_memdup(*arena, (const uint8_t *)p + p->low, p->low_bytes);
        }
        page_unfix(&ref);
        if (split.level < 0) return QN_OK;
        if (split.key == NULL) return RAISE_OOM(ctx);
        TRY(btree_finish_split(ctx, bt, arena, &split));
        level = -1;
    }
    return QN_OK;
}

/* ---- the unique check ---- */

typedef struct Verdict {
    bool key_only; /* INDEX_CHECK_KEY */
    IndexTid conflict;
    uint64_t wait_xid;
} Verdict;

/* Judges entries of one page from pos on that begin with the key; *more_out: they may go on to the
 * right. */
static Status
judge_page(Ctx *ctx, Btree *bt, Heap *heap, PageRef *ref, int pos, const uint8_t *key,
           uint32_t key_bytes, IndexTid self, Verdict *v, bool *more_out)
{
    BtreePage *p = btree_page(ref);
    int end = btree_search_behind(p, bt->page_bytes, pos, key, key_bytes, SEARCH_PREFIX);
    for (; pos < end; pos++) {
        HeapLiveness state;
        Tid live;
        bool surely_dead;
        IndexTid tid = btree_entry_tid(p, pos);
        if ((p->slots[pos].nbytes & SLOT_KILLED) != 0 || tid == self) continue;
        TRY(heap_chain_state(ctx, heap, tid, v->key_only, &state, &live, &v->wait_xid, &surely_dead));
        if (state == HEAP_LIVE) v->conflict = live;
        if (state != HEAP_DEAD) return QN_OK;
        v->wait_xid = 0;
        if (surely_dead && ref->mode == FIX_EXCLUSIVE) {
            p->slots[pos].nbytes |= SLOT_KILLED;
            p->flags |= BTREE_KILLED;
        }
    }
    *more_out =
        end == p->nslots && btree_is_right_of(p, bt->page_bytes, key, key_bytes, SEARCH_PREFIX);
    return QN_OK;
}

/* ref is the first leaf that may hold the key; it stays latched. */
static Status
check_unique(Ctx *ctx, Btree *bt, Heap *heap, PageRef *ref, const uint8_t *key, uint32_t key_bytes,
             IndexTid self, Verdict *v)
{
    PageRef page = PAGE_REF_NONE, next;
    bool more = false;
    Status st;
    v->conflict = 0;
    v->wait_xid = 0;
    int pos = btree_search_page(btree_page(ref), bt->page_bytes, key, key_bytes, SEARCH_LT);
    TRY_GOTO(judge_page(ctx, bt, heap, ref, pos, key, key_bytes, self, v, &more));
    PageNo right = btree_page(ref)->right;
    while (more && v->conflict == 0 && v->wait_xid == 0) {
        more = false;
        TRY_GOTO(page_fix(ctx, right, FIX_SHARED, &next));
        page_unfix(&page);
        page = next;
        TRY_GOTO(btree_page_check(ctx, bt, &page));
        TRY_GOTO(judge_page(ctx, bt, heap, &page, 0, key, key_bytes, self, v, &more));
        right = btree_page(&page)->right;
    }
done:
    page_unfix(&page);
    return st;
}

/* ---- rows ---- */

typedef struct Insert {
    Btree *bt;
    Heap *heap;
    Arena *arena;       /* scratch; NULL until needed */
    const KeyRows *keys, *payloads; /* the rows' */
    const uint64_t *null_keys;
    const IndexTid *tids;
    IndexCheck how;
    int row;            /* the one at hand: */
    uint8_t *key;       /* key and tid */
    uint32_t key_bytes; /* without tid */
    const uint8_t *payload;
    uint32_t payload_bytes;
    bool check;
    IndexTid conflict;
    int nmore;          /* rows behind it that went to the same page with it */
} Insert;

static bool
does_insert(IndexCheck how)
{
    return how == INDEX_CHECK_NONE || how == INDEX_CHECK_UNIQUE || how == INDEX_CHECK_LATER;
}

/* Brings row i's key to `key`. False: its entry would be too wide. */
static bool
take_row(Insert *in, int i, uint8_t *key)
{
    const IndexDesc *d = &in->bt->base.desc;
    const uint8_t *bytes = key_rows_get(in->keys, i, &in->key_bytes);
    in->row = i;
    in->payload_bytes = 0;
    if (in->payloads != NULL) in->payload = key_rows_get(in->payloads, i, &in->payload_bytes);
    if (in->key_bytes + TID_BYTES + in->payload_bytes > btree_entry_max(in->bt->page_bytes)) return false;
    in->key = key;
    memcpy(key, bytes, in->key_bytes);
    btree_put_tid(key + in->key_bytes, in->tids != NULL ? in->tids[i] : 0);
    in->check = in->how != INDEX_CHECK_NONE && (d->nulls_not_distinct || !bits_get(in->null_keys, (size_t)i));
    return true;
}

static Entry
row_entry(const Insert *in)
{
    return btree_entry_of(in->key, in->key_bytes + TID_BYTES, in->payload, in->payload_bytes);
}

/* Does the row at hand go to the latched leaf, behind `before`, which goes there too, without anybody having to be asked? */
static bool
goes_with(const Insert *in, const BtreePage *p, const Entry *before, int *pos_out)
{
    const uint32_t page_bytes = in->bt->page_bytes, nkey = in->key_bytes;
    const uint32_t whole = nkey + TID_BYTES, n = in->check ? nkey : whole;
    if (key_compare(before->key, before->key_bytes - (whole - n), in->key, n) >= 0) return false;
    if (btree_is_right_of(p, page_bytes, in->key, whole, SEARCH_LE)) return false;
    *pos_out = btree_search_page(p, page_bytes, in->key, n, SEARCH_LT);
    if (!in->check) return true;
    return *pos_out == btree_search_behind(p, page_bytes, *pos_out, in->key, n, SEARCH_PREFIX) &&
           !btree_is_right_of(p, page_bytes, in->key, n, SEARCH_PREFIX);
}

/* Rows that ascend come to the leaf of the one before: those that fit it and ask no questions are added with one record. The row at hand
 * has just been added to it. */
static Status
insert_following(Ctx *ctx, Insert *in, PageRef *ref)
{
    enum { RUN_MAX = 128 };
    BtreePage *p = btree_page(ref);
    PageRef *pages[1] = {ref};
    uint8_t keys[2][PAGE_BYTES_MAX / 6 + TID_BYTES];
    uint16_t at[RUN_MAX];
    const int first = in->row + 1;
    uint32_t room = btree_page_room(p);
    size_t nbytes = 0;
    Entry before = row_entry(in);
    int n = 0, pos;
    WalLog log;
    if (p->level > 0) return QN_OK; /* the root, which has been split */
    while (n < RUN_MAX && first + n < in->keys->n && take_row(in, first + n, keys[n & 1])) {
        const Entry e = row_entry(in);
        const uint32_t need = btree_page_needs(p, e.key_bytes, e.extra_bytes);
        if (need > room || !goes_with(in, p, &before, &pos)) break;
        room -= need;
        nbytes += record_bytes(p, &e);
        at[n++] = (uint16_t)pos;
        before = e;
    }
    if (n == 0) return QN_OK;
    TRY(wal_begin(ctx, pages, 1, nbytes, &log));
    NOFAIL_BEGIN(ctx);
    uint8_t *out = log.payload;
    for (int k = 0; k < n; k++) {
        take_row(in, first + k, keys[0]);
        const Entry e = row_entry(in);
        out = put_entry(in->bt, p, at[k] + k, &e, false, out);
    }
    wal_finish(&log, WAL_BTREE_INSERT, nbytes);
    NOFAIL_END(ctx);
    in->nmore = n;
    return QN_OK;
}

/* Adds the entry of the row at hand, and those that go with it, or finds the conflict, or says whom to wait for. */
static Status
try_insert(Ctx *ctx, Insert *in, uint64_t *wait_out)
{
    Btree *bt = in->bt;
    PageRef first = PAGE_REF_NONE, target = PAGE_REF_NONE;
    Split split = {.level = -1};
    Descent d = {.key = in->key, .key_bytes = in->key_bytes + TID_BYTES, .mode = SEARCH_LE};
    Descent moved = {.moved_level = -1};
    Verdict v = {.key_only = in->how == INDEX_CHECK_KEY};
    const bool later = in->how == INDEX_CHECK_LATER; /* insert in spite of a conflict */
    Status st;

    if (in->check) d.key_bytes = in->key_bytes;
    TRY_GOTO(btree_descend(ctx, bt, &d, 0, FIX_EXCLUSIVE, &first));
    if (in->check)
        TRY_GOTO(check_unique(ctx, bt, in->heap, &first, in->key, in->key_bytes,
                              in->tids != NULL ? in->tids[in->row] : 0, &v));
    in->conflict = v.conflict != 0 || !later || v.wait_xid == 0 ? v.conflict : INDEX_TID_RUNNING;
    *wait_out = v.conflict == 0 && !later ? v.wait_xid : 0;
    /* A serializable transaction that could not have met the row in any order says so, rather than 23505. */
    if (does_insert(in->how) && !later && in->conflict != 0)
        TRY_GOTO(ssi_note_write(ctx, bt->base.desc.relid, first.number, SSI_SLOT_NONE));
    if (!does_insert(in->how) || (in->conflict != 0 && !later) || *wait_out != 0) goto done;

    moved = d;
    d.key_bytes = in->key_bytes + TID_BYTES;
    target = first;
    TRY_GOTO(btree_move_right(ctx, bt, &d, FIX_EXCLUSIVE, &first, &target));
    Entry e = row_entry(in);
    TRY_GOTO(btree_add(ctx, bt, &in->arena, &target, &e, &split));
    const bool has_hash = bt->base.desc.hashed_type != INVALID_OID; /* then each entry has a gap of its own */
    if (split.level < 0 && !later && !has_hash && in->row + 1 < in->keys->n) TRY_GOTO(insert_following(ctx, in, &target));
    TRY_GOTO(ssi_note_write(ctx, bt->base.desc.relid, btree_gap(bt, in->key, in->key_bytes, target.number), SSI_SLOT_NONE));
done:
    if (target.number != first.number) page_unfix(&target);
    page_unfix(&first);
    if (st == QN_OK && split.level >= 0) st = btree_finish_split(ctx, bt, &in->arena, &split);
    if (st == QN_OK && moved.moved_level >= 0) st = btree_mend_level(ctx, bt, &in->arena, &moved);
    return st;
}

static Status
insert_row(Ctx *ctx, Insert *in)
{
    for (;;) {
        uint64_t wait = 0;
        TRY(try_insert(ctx, in, &wait));
        if (wait == 0) return QN_OK;
        TRY(tx_wait_for(ctx, wait));
    }
}

static Status
too_wide(Ctx *ctx, const Btree *bt, uint32_t nbytes)
{
    Status st = RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                      "index row size %u exceeds btree maximum %u for index \"%s\"", nbytes,
                      btree_entry_max(bt->page_bytes), bt->base.desc.name);
    return err_hint(ctx, st, "Values larger than 1/6 of a page cannot be indexed.");
}

Status
btree_insert(Ctx *ctx, Index *index, Heap *heap, const KeyRows *keys, const KeyRows *payloads,
             const uint64_t *null_keys, const IndexTid *tids, IndexCheck check, IndexTid *conflicts,
             int *nconflicts_out)
{
    uint8_t key[PAGE_BYTES_MAX / 6 + TID_BYTES];
    Insert in = {.bt = btree_of(index), .heap = heap, .keys = keys, .payloads = payloads, .null_keys = null_keys, .tids = tids,
                 .how = check};
    int nconflicts = 0;
    Status st = QN_OK;
    if (conflicts != NULL) memset(conflicts, 0, sizeof(*conflicts) * (size_t)keys->n);
    for (int i = 0; i < keys->n; i += 1 + in.nmore) {
        if (!take_row(&in, i, key)) {
            st = too_wide(ctx, in.bt, in.key_bytes + TID_BYTES + in.payload_bytes);
            goto done;
        }
        in.conflict = 0;
        in.nmore = 0;
        if (in.check || does_insert(check)) TRY_GOTO(insert_row(ctx, &in));
        if (conflicts != NULL) conflicts[i] = in.conflict;
        nconflicts += in.conflict != 0;
        if (in.arena != NULL) arena_reset(in.arena);
    }
done:
    if (nconflicts_out != NULL) *nconflicts_out = nconflicts;
    arena_destroy(in.arena);
    return st;
}

/* ---- redo ---- */

/* The record has keys without the page's prefix, which the insert takes off. */
static bool
redo_entry(BtreePage *p, uint32_t page_bytes, const uint8_t **in, const uint8_t *end)
{
    InsertRecord r;
    if ((size_t)(end - *in) < sizeof(r)) return false;
    memcpy(&r, *in, sizeof(r));
    const uint8_t *key = *in + sizeof(r);
    const bool replaces = (r.flags & INSERT_REPLACES) != 0;
    if ((size_t)(end - key) < (size_t)r.key_bytes + r.extra_bytes || r.pos + replaces > p->nslots) return false;
    const Entry e = btree_entry_of(key - p->prefix_bytes, (uint32_t)r.key_bytes + p->prefix_bytes, key + r.key_bytes, r.extra_bytes);
    if ((r.flags & INSERT_PAYLOAD) != 0) p->flags |= BTREE_PAYLOAD;
    if (replaces) btree_page_remove(p, page_bytes, &r.pos, 1);
    if (!btree_page_fits(p, e.key_bytes, e.extra_bytes)) return false;
    btree_page_insert(p, page_bytes, r.pos, &e);
    *in = key + r.key_bytes + r.extra_bytes;
    return true;
}

Status
btree_redo_insert(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    const uint8_t *in = rec->payload, *end = in + rec->payload_bytes;
    bool ok = true;
    if (!pages[0].apply) return QN_OK;
    while (ok && in < end) ok = redo_entry(btree_page(&pages[0].ref), ((const PoolHot *)ctx->pool)->page_bytes, &in, end);
    return ok ? QN_OK : RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit the index page it names");
}

void
btree_describe(const WalRecord *rec, StrBuf *out)
{
    strbuf_addf(out, "pages %d bytes %u", rec->npages, rec->payload_bytes);
}
