/* ssi_lock.c - SIREAD locks: what serializable transactions have read, in rows, pages and relations. See ssi.h.
 *
 * A target is something somebody has read; its locks are its readers. Each transaction counts what it holds below each page and
 * relation, and takes the coarser lock in place of the finer ones when they become too many. */
#include "common/hash.h"
#include "storage/ssi_priv.h"
#include <assert.h>

enum {
    BUCKETS_FIRST = 256,
    PAGE_ROWS_MAX = 2,       /* row locks of one transaction on a page */
    RELATION_LOCKS_MAX = 31, /* its row and page locks in a relation */
};

static uint64_t
tag_hash(SsiTag tag)
{
    return hash_combine(hash_u64((uint64_t)tag.rel << 32 | tag.page), tag.slot);
}

static bool
tag_equal(SsiTag a, SsiTag b)
{
    return a.rel == b.rel && a.page == b.page && a.slot == b.slot;
}

/* The next coarser tag; false for a relation. */
static bool
tag_parent(SsiTag tag, SsiTag *out)
{
    if (tag.page == SSI_PAGE_ALL) return false;
    *out = tag;
    if (tag.slot != SSI_SLOT_NONE) out->slot = SSI_SLOT_NONE;
    else out->page = SSI_PAGE_ALL;
    return true;
}

static bool
tag_covers(SsiTag coarse, SsiTag fine)
{
    if (coarse.rel != fine.rel || tag_equal(coarse, fine)) return false;
    return coarse.page == SSI_PAGE_ALL || (coarse.slot == SSI_SLOT_NONE && coarse.page == fine.page);
}

/* ---- targets ---- */

SsiTarget *
ssi_target_find(Ssi *s, SsiTag tag)
{
    SsiTarget *t = s->buckets[tag_hash(tag) & (s->nbuckets - 1)];
    while (t != NULL && !tag_equal(t->tag, tag)) t = t->next;
    return t;
}

/* Twice the buckets; without memory the chains just get longer. */
static void
grow_table(Ssi *s)
{
    uint32_t n = s->nbuckets * 2;
    SsiTarget **buckets = mem_zalloc(NULL, n * sizeof(*buckets));
    if (buckets == NULL) return;
    for (uint32_t i = 0; i < s->nbuckets; i++) {
        for (SsiTarget *t = s->buckets[i], *next; t != NULL; t = next) {
            next = t->next;
            SsiTarget **at = &buckets[tag_hash(t->tag) & (n - 1)];
            t->next = *at;
            *at = t;
        }
    }
    mem_free(NULL, s->buckets, s->nbuckets * sizeof(*buckets));
    s->buckets = buckets;
    s->nbuckets = n;
}

static SsiTarget *
get_target(Ssi *s, SsiTag tag)
{
    SsiTarget *t = ssi_target_find(s, tag);
    if (t != NULL) return t;
    if (s->ntargets > s->nbuckets) grow_table(s);
    t = mem_zalloc(NULL, sizeof(*t));
    if (t == NULL) return NULL;
    t->tag = tag;
    SsiTarget **at = &s->buckets[tag_hash(tag) & (s->nbuckets - 1)];
    t->next = *at;
    *at = t;
    atomic_fetch_add_explicit(&s->ntargets, 1, memory_order_relaxed);
    return t;
}

static void
drop_target_if_idle(Ssi *s, SsiTarget *gone)
{
    if (gone->locks != NULL) return;
    SsiTarget **at = &s->buckets[tag_hash(gone->tag) & (s->nbuckets - 1)];
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    atomic_fetch_sub_explicit(&s->ntargets, 1, memory_order_relaxed);
    mem_free(NULL, gone, sizeof(*gone));
}

/* ---- locks ---- */

static void
link_lock(SsiLock *l, SsiTarget *target, SsiTx *t)
{
    l->target = target;
    l->target_next = target->locks;
    l->target_at = &target->locks;
    if (target->locks != NULL) target->locks->target_at = &l->target_next;
    target->locks = l;
    l->tx = t;
    l->tx_next = t->locks;
    l->tx_at = &t->locks;
    if (t->locks != NULL) t->locks->tx_at = &l->tx_next;
    t->locks = l;
}

static void
unlink_lock(SsiLock *l)
{
    *l->target_at = l->target_next;
    if (l->target_next != NULL) l->target_next->target_at = l->target_at;
    *l->tx_at = l->tx_next;
    if (l->tx_next != NULL) l->tx_next->tx_at = l->tx_at;
}

static void
drop_lock(Ssi *s, SsiLock *l)
{
    SsiTarget *target = l->target;
    if (l->tx == &s->old) s->nold_locks--;
    unlink_lock(l);
    mem_free(NULL, l, sizeof(*l));
    drop_target_if_idle(s, target);
}

static SsiLock *
find_lock(const SsiTarget *target, const SsiTx *t)
{
    SsiLock *l = target != NULL ? target->locks : NULL;
    while (l != NULL && l->tx != t) l = l->target_next;
    return l;
}

/* The lock of t on tag, made if it is not there; NULL without memory. */
static SsiLock *
get_lock(Ssi *s, SsiTx *t, SsiTag tag)
{
    SsiTarget *target = get_target(s, tag);
    SsiLock *l = find_lock(target, t);
    if (l != NULL || target == NULL) return l;
    l = mem_zalloc(NULL, sizeof(*l));
    if (l == NULL) {
        drop_target_if_idle(s, target);
        return NULL;
    }
    link_lock(l, target, t);
    if (t == &s->old) s->nold_locks++;
    return l;
}

/* ---- counts ---- */

static SsiCount *
find_count(const SsiTx *t, SsiTag tag)
{
    if (t->counts_cap == 0) return NULL;
    uint32_t i = (uint32_t)tag_hash(tag) & (t->counts_cap - 1);
    while (t->counts[i].used && !tag_equal(t->counts[i].tag, tag)) i = (i + 1) & (t->counts_cap - 1);
    return &t->counts[i];
}

static bool
is_held(const SsiTx *t, SsiTag tag)
{
    const SsiCount *c = find_count(t, tag);
    return c != NULL && c->used && c->held;
}

static bool
grow_counts(SsiTx *t)
{
    SsiCount *before = t->counts;
    uint32_t cap = t->counts_cap, bigger = cap != 0 ? cap * 2 : 16;
    SsiCount *items = mem_zalloc(NULL, bigger * sizeof(*items));
    if (items == NULL) return false;
    t->counts = items;
    t->counts_cap = bigger;
    for (uint32_t i = 0; i < cap; i++)
        if (before[i].used) *find_count(t, before[i].tag) = before[i];
    mem_free(NULL, before, cap * sizeof(*before));
    return true;
}

/* The count for tag, entered if need be; NULL without memory. */
static SsiCount *
get_count(SsiTx *t, SsiTag tag)
{
    SsiCount *c = find_count(t, tag);
    if (c != NULL && c->used) return c;
    if (2 * (t->ncounts + 1) > t->counts_cap) {
        if (!grow_counts(t)) return NULL;
        c = find_count(t, tag);
    }
    *c = (SsiCount){.tag = tag, .used = true};
    t->ncounts++;
    return c;
}

/* A lock below tag has come (1) or gone (-1). False without memory. */
static bool
count_in_parents(SsiTx *t, SsiTag tag, int change)
{
    for (SsiTag up; tag_parent(tag, &up); tag = up) {
        SsiCount *c = get_count(t, up);
        if (c == NULL) return false;
        c->children += (uint32_t)change;
    }
    return true;
}

/* The coarsest tag above this one that t has too many locks below of; tag itself if there is none. */
static SsiTag
promote(const SsiTx *t, SsiTag tag)
{
    SsiTag best = tag;
    for (SsiTag up; tag_parent(tag, &up); tag = up) {
        const SsiCount *c = find_count(t, up);
        uint32_t max = up.page == SSI_PAGE_ALL ? RELATION_LOCKS_MAX : PAGE_ROWS_MAX;
        if (c != NULL && c->used && c->children > max) best = up;
    }
    return best;
}

static void
drop_covered(Ssi *s, SsiTx *t, SsiTag tag)
{
    for (SsiLock *l = t->locks, *next; l != NULL; l = next) {
        next = l->tx_next;
        SsiTag fine = l->target->tag;
        if (!tag_covers(tag, fine)) continue;
        SsiCount *c = find_count(t, fine);
        if (c != NULL && c->used && c->held) {
            c->held = false;
            (void)count_in_parents(t, fine, -1); /* the counts are there */
        }
        drop_lock(s, l);
    }
}

Status
ssi_lock_add(Ctx *ctx, Ssi *s, SsiTx *t, SsiTag tag)
{
    if (is_held(t, tag)) return QN_OK;
    for (SsiTag fine = tag, up; tag_parent(fine, &up); fine = up)
        if (is_held(t, up)) return QN_OK;
    for (;;) {
        SsiCount *c = get_count(t, tag);
        if (c == NULL || get_lock(s, t, tag) == NULL) return RAISE_OOM(ctx);
        c->held = true;
        if (!count_in_parents(t, tag, 1)) return RAISE_OOM(ctx);
        if (tag.slot == SSI_SLOT_NONE) drop_covered(s, t, tag);
        SsiTag coarse = promote(t, tag);
        if (tag_equal(coarse, tag)) return QN_OK;
        tag = coarse;
    }
}

void
ssi_lock_release_all(Ssi *s, SsiTx *t)
{
    while (t->locks != NULL) drop_lock(s, t->locks);
    mem_free(NULL, t->counts, t->counts_cap * sizeof(*t->counts));
    t->counts = NULL;
    t->ncounts = t->counts_cap = 0;
}

/* ---- those of transactions that were merged ---- */

/* Too many: each becomes one on its relation. */
static void
coarsen_old(Ssi *s)
{
    for (SsiLock *l = s->old.locks, *next; l != NULL; l = next) {
        next = l->tx_next;
        SsiTag tag = {.rel = l->target->tag.rel, .page = SSI_PAGE_ALL};
        if (l->target->tag.page == SSI_PAGE_ALL) continue;
        SsiLock *coarse = get_lock(s, &s->old, tag);
        if (coarse == NULL) continue; /* as it is then */
        if (coarse->commit_seq < l->commit_seq) coarse->commit_seq = l->commit_seq;
        drop_lock(s, l);
    }
}

void
ssi_lock_merge(Ssi *s, SsiTx *t)
{
    for (SsiLock *l = t->locks, *next; l != NULL; l = next) {
        next = l->tx_next;
        SsiLock *have = find_lock(l->target, &s->old);
        if (have != NULL) {
            if (have->commit_seq < t->commit_seq) have->commit_seq = t->commit_seq;
            continue;
        }
        SsiTarget *target = l->target;
        unlink_lock(l);
        link_lock(l, target, &s->old);
        l->commit_seq = t->commit_seq;
        s->nold_locks++;
    }
    ssi_lock_release_all(s, t);
    if (s->nold_locks > SSI_OLD_LOCKS_MAX) coarsen_old(s);
}

void
ssi_lock_forget_old(Ssi *s, uint64_t oldest)
{
    for (SsiLock *l = s->old.locks, *next; l != NULL; l = next) {
        next = l->tx_next;
        if (l->commit_seq <= oldest) drop_lock(s, l);
    }
}

/* ---- what changes under the locks ---- */

/* Gives the reader a lock on tag too. Without memory everyone who runs fails: whom the reader, who may have ended, would have had an
 * edge to is unknown. */
static void
lock_too(Ssi *s, const SsiLock *l, SsiTag tag)
{
    SsiLock *more = get_lock(s, l->tx, tag);
    if (more != NULL) {
        if (more->commit_seq < l->commit_seq) more->commit_seq = l->commit_seq;
        return;
    }
    for (SsiTx *t = s->active; t != NULL; t = t->next)
        if (!ssi_has(t, SSI_PREPARED)) t->flags |= SSI_DOOMED;
}

void
ssi_page_split(Ctx *ctx, uint32_t rel, PageNo from, PageNo to)
{
    Ssi *s = ctx->db->ssi;
    if (atomic_load_explicit(&s->ntargets, memory_order_relaxed) == 0) return;
    mutex_lock(&s->mutex);
    SsiTarget *t = ssi_target_find(s, (SsiTag){.rel = rel, .page = from});
    for (SsiLock *l = t != NULL ? t->locks : NULL; l != NULL; l = l->target_next)
        lock_too(s, l, (SsiTag){.rel = rel, .page = to});
    mutex_unlock(&s->mutex);
}

/* t's locks in `from` become one on the relation `to`. Counts are left: they only lead to coarser locks earlier. */
static void
move_locks(Ssi *s, SsiTx *t, uint32_t from, uint32_t to)
{
    SsiTag whole = {.rel = to, .page = SSI_PAGE_ALL};
    for (SsiLock *l = t->locks, *next; l != NULL; l = next) {
        next = l->tx_next;
        if (l->target->tag.rel != from || tag_equal(l->target->tag, whole)) continue;
        lock_too(s, l, whole);
        drop_lock(s, l);
    }
}

void
ssi_move_locks(Ctx *ctx, uint32_t from, uint32_t to)
{
    Ssi *s = ctx->db->ssi;
    if (atomic_load_explicit(&s->ntargets, memory_order_relaxed) == 0) return;
    mutex_lock(&s->mutex);
    for (SsiTx *t = s->active; t != NULL; t = t->next) move_locks(s, t, from, to);
    for (SsiTx *t = s->finished; t != NULL; t = t->next) move_locks(s, t, from, to);
    move_locks(s, &s->old, from, to);
    mutex_unlock(&s->mutex);
}

/* ---- the instance ---- */

Status
ssi_locks_init(Ctx *ctx, Ssi *s)
{
    TRY_ALLOC(ctx, s->buckets, mem_zalloc(NULL, BUCKETS_FIRST * sizeof(*s->buckets)));
    s->nbuckets = BUCKETS_FIRST;
    return QN_OK;
}

void
ssi_locks_free(Ssi *s)
{
    ssi_lock_release_all(s, &s->old);
    assert(s->ntargets == 0);
    mem_free(NULL, s->buckets, s->nbuckets * sizeof(*s->buckets));
}
