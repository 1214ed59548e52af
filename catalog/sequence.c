/* sequence.c - see sequence.h. */
#include "catalog/sequence.h"
#include "catalog/catalog_priv.h"
#include "common/hash.h"
#include "storage/counter.h"
#include "storage/db.h"
#include "storage/tx.h"

enum {
    ROOT_SLOT_COUNTERS = 1,
    LOG_AHEAD = 32, /* values a written slot is ahead, as in PostgreSQL */
    FLAG_CALLED = 1 /* Counter.flags: value has been given out */
};

/* A slot in memory. Its fields but owner are guarded by its latch. */
typedef struct Slot {
    Mutex m;
    Oid owner; /* 0: free; guarded by SequenceShared.m */
    int64_t last;
    int64_t log_left;
    bool is_called;
} Slot;

struct SequenceShared {
    Mutex m; /* loading, growing, owners */
    bool loaded;
    PageNo root;
    Slot **slots; /* blocks stay where they are; the array grows under m */
    uint32_t nslots;
};

typedef struct SeqSeen {
    Oid oid;
    int64_t value;
} SeqSeen;

struct SequenceSession {
    SeqSeen *seen; /* what currval gives */
    int nseen, cap;
    int last; /* index in seen, -1: lastval is not defined */
};

Status
sequence_shared_create(Ctx *ctx, SequenceShared **out)
{
    SequenceShared *s = mem_zalloc(NULL, sizeof(*s));
    if (s == NULL) return RAISE_OOM(ctx);
    mutex_init(&s->m);
    *out = s;
    return QN_OK;
}

void
sequence_shared_destroy(SequenceShared *s)
{
    if (s == NULL) return;
    for (uint32_t i = 0; i < s->nslots; i++) {
        mutex_destroy(&s->slots[i]->m);
        mem_free(NULL, s->slots[i], sizeof(Slot));
    }
    mem_free(NULL, s->slots, s->nslots * sizeof(Slot *));
    mutex_destroy(&s->m);
    mem_free(NULL, s, sizeof(*s));
}

Status
sequence_session_create(Ctx *ctx, SequenceSession **out)
{
    SequenceSession *s = mem_zalloc(NULL, sizeof(*s));
    if (s == NULL) return RAISE_OOM(ctx);
    s->last = -1;
    *out = s;
    return QN_OK;
}

void
sequence_session_destroy(SequenceSession *s)
{
    if (s == NULL) return;
    mem_free(NULL, s->seen, (size_t)s->cap * sizeof(SeqSeen));
    mem_free(NULL, s, sizeof(*s));
}

Status
sequence_make_store(Ctx *ctx)
{
    PageNo root;
    TRY(counter_create(ctx, &root));
    return db_root_set(ctx, ROOT_SLOT_COUNTERS, root);
}

/* s->m is held. Adds slots for counters[0..n). */
static Status
add_slots(Ctx *ctx, SequenceShared *s, const Counter *counters, uint32_t n)
{
    Slot **slots = mem_realloc(NULL, s->slots, s->nslots * sizeof(Slot *),
                               (s->nslots + n) * sizeof(Slot *));
    if (slots == NULL) return RAISE_OOM(ctx);
    s->slots = slots;
    uint32_t first = s->nslots;
    for (uint32_t i = 0; i < n; i++) {
        Slot *slot = mem_zalloc(NULL, sizeof(Slot));
        if (slot == NULL) {
            /* The array is accounted by nslots: shrink to what is there. */
            Slot **fit = mem_realloc(NULL, s->slots, (first + n) * sizeof(Slot *),
                                     (s->nslots + 1) * sizeof(Slot *));
            if (fit != NULL) s->slots = fit;
            return RAISE_OOM(ctx);
        }
        mutex_init(&slot->m);
        if (counters != NULL) {
            slot->owner = counters[i].owner;
            slot->last = counters[i].value;
            slot->is_called = (counters[i].flags & FLAG_CALLED) != 0;
        }
        s->slots[s->nslots++] = slot;
    }
    return QN_OK;
}

/* Reads the slots on first use. Owners that do not exist (their creator rolled back, or they were dropped) are forgotten. */
static Status
load(Ctx *ctx, SequenceShared *s)
{
    Counter *counters;
    uint32_t n;
    TRY(db_root_get(ctx, ROOT_SLOT_COUNTERS, &s->root));
    if (s->root == PAGE_NONE)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "the database has no counter relation");
    TRY(counter_read_all(ctx, ctx->stmt_arena, s->root, &counters, &n));
    for (uint32_t i = 0; i < n; i++) {
        if (counters[i].owner == 0) continue;
        CatObj *o = catalog_get(ctx, counters[i].owner);
        if (o == NULL) counters[i].owner = 0;
        catobj_unref(o);
    }
    TRY(add_slots(ctx, s, counters, n));
    s->loaded = true;
    return QN_OK;
}

static Status
shared_ready(Ctx *ctx, SequenceShared **out)
{
    SequenceShared *s = ctx->catalog->shared->sequences;
    Status st = QN_OK;
    mutex_lock(&s->m);
    if (!s->loaded) st = load(ctx, s);
    mutex_unlock(&s->m);
    *out = s;
    return st;
}

static Status
slot_of(Ctx *ctx, const Relation *seq, Slot **out)
{
    SequenceShared *s;
    TRY(shared_ready(ctx, &s));
    uint32_t i = seq->sequence->slot;
    mutex_lock(&s->m);
    Slot *slot = i < s->nslots ? s->slots[i] : NULL;
    mutex_unlock(&s->m);
    if (slot == NULL)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "sequence \"%s\" has no counter", seq->name);
    *out = slot;
    return QN_OK;
}

static Status
write_slot(Ctx *ctx, const Relation *seq, int64_t value, bool is_called)
{
    Counter c = {.owner = seq->oid, .flags = is_called ? FLAG_CALLED : 0, .value = value};
    return counter_set(ctx, ctx->catalog->shared->sequences->root, seq->sequence->slot, &c);
}

/* ---- slots ---- */

/* tx hook: the sequence that was to have the slot never came to be. */
static void
slot_created(Ctx *ctx, void *arg, bool committed)
{
    if (committed) return;
    SequenceShared *s = ctx->catalog->shared->sequences;
    mutex_lock(&s->m);
    s->slots[(uintptr_t)arg]->owner = 0;
    mutex_unlock(&s->m);
}

static void
slot_dropped(Ctx *ctx, void *arg, bool committed)
{
    if (!committed) return;
    SequenceShared *s = ctx->catalog->shared->sequences;
    mutex_lock(&s->m);
    s->slots[(uintptr_t)arg]->owner = 0;
    mutex_unlock(&s->m);
}

static Status
find_free(Ctx *ctx, SequenceShared *s, uint32_t *out)
{
    for (uint32_t i = 0; i < s->nslots; i++)
        if (s->slots[i]->owner == 0) {
            *out = i;
            return QN_OK;
        }
    uint32_t first, n;
    TRY(counter_extend(ctx, s->root, &first, &n));
    /* Pages before it that were never used have no slots in memory yet. */
    TRY(add_slots(ctx, s, NULL, first + n - s->nslots));
    *out = first;
    return QN_OK;
}

Status
sequence_slot_new(Ctx *ctx, Oid seq_oid, int64_t start, uint32_t *slot_out)
{
    SequenceShared *s;
    uint32_t i;
    TRY(shared_ready(ctx, &s));
    mutex_lock(&s->m);
    Status st = find_free(ctx, s, &i);
    if (st == QN_OK) s->slots[i]->owner = seq_oid;
    mutex_unlock(&s->m);
    TRY(st);
    Slot *slot = s->slots[i];
    st = tx_on_end(ctx, slot_created, (void *)(uintptr_t)i);
    if (st != QN_OK) {
        slot_created(ctx, (void *)(uintptr_t)i, false);
        return st;
    }
    mutex_lock(&slot->m);
    slot->last = start;
    slot->is_called = false;
    slot->log_left = 0;
    mutex_unlock(&slot->m);
    Counter c = {.owner = seq_oid, .value = start};
    TRY(counter_set(ctx, s->root, i, &c));
    *slot_out = i;
    return QN_OK;
}

Status
sequence_slot_drop(Ctx *ctx, uint32_t slot)
{
    SequenceShared *s;
    TRY(shared_ready(ctx, &s));
    if (slot >= s->nslots) return QN_OK;
    return tx_on_end(ctx, slot_dropped, (void *)(uintptr_t)slot);
}

void
sequence_flush(Ctx *ctx)
{
    SequenceShared *s = ctx->catalog->shared->sequences;
    mutex_lock(&s->m);
    for (uint32_t i = 0; i < s->nslots; i++) {
        Slot *slot = s->slots[i];
        mutex_lock(&slot->m);
        if (slot->owner != 0 && slot->log_left > 0) {
            Counter c = {.owner = slot->owner, .flags = slot->is_called ? FLAG_CALLED : 0,
                         .value = slot->last};
            /* Without it values are skipped, no more. */
            if (counter_set(ctx, s->root, i, &c) == QN_OK)
                slot->log_left = 0;
            else
                err_clear(&ctx->err);
        }
        mutex_unlock(&slot->m);
    }
    mutex_unlock(&s->m);
}

/* ---- values ---- */

static Status
remember(Ctx *ctx, Oid oid, int64_t value)
{
    SequenceSession *s = ctx->catalog->sequences;
    for (int i = 0; i < s->nseen; i++)
        if (s->seen[i].oid == oid) {
            s->seen[i].value = value;
            s->last = i;
            return QN_OK;
        }
    if (s->nseen == s->cap) {
        int cap = s->cap != 0 ? s->cap * 2 : 8;
        SeqSeen *p = mem_realloc(NULL, s->seen, (size_t)s->cap * sizeof(SeqSeen),
                                 (size_t)cap * sizeof(SeqSeen));
        if (p == NULL) return RAISE_OOM(ctx);
        s->seen = p;
        s->cap = cap;
    }
    s->last = s->nseen;
    s->seen[s->nseen++] = (SeqSeen){.oid = oid, .value = value};
    return QN_OK;
}

/* The value after last; false when it would leave the bounds of a sequence that does not cycle. */
static bool
step(const SeqDef *def, int64_t last, int64_t *out)
{
    int64_t v;
    bool past = __builtin_add_overflow(last, def->increment, &v);
    if (!past) past = def->increment > 0 ? v > def->max : v < def->min;
    if (past) {
        if (!def->cycle) return false;
        v = def->increment > 0 ? def->min : def->max;
    }
    *out = v;
    return true;
}

static Status
used_up(Ctx *ctx, const Relation *seq)
{
    const SeqDef *def = seq->sequence;
    bool up = def->increment > 0;
    return RAISE(ctx, ERR_SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
                 "nextval: reached %s value of sequence \"%s\" (%lld)", up ? "maximum" : "minimum",
                 seq->name, (long long)(up ? def->max : def->min));
}

/* Writes the slot ahead of value, which is about to be given out: at most as far as the bounds and without cycling. */
static Status
log_ahead(Ctx *ctx, const Relation *seq, Slot *slot, int64_t value)
{
    const SeqDef *def = seq->sequence;
    int64_t want = def->cache > LOG_AHEAD ? def->cache : LOG_AHEAD, ahead = value, n = 0;
    SeqDef no_cycle = *def;
    no_cycle.cycle = false;
    while (n < want && step(&no_cycle, ahead, &ahead)) n++;
    TRY(write_slot(ctx, seq, ahead, true));
    slot->log_left = n;
    return QN_OK;
}

static Status
next_locked(Ctx *ctx, const Relation *seq, Slot *slot, int n, int64_t *out)
{
    for (int i = 0; i < n; i++) {
        int64_t v = slot->last;
        if (slot->is_called && !step(seq->sequence, slot->last, &v)) return used_up(ctx, seq);
        if (slot->log_left > 0)
            slot->log_left--;
        else
            TRY(log_ahead(ctx, seq, slot, v));
        slot->last = v;
        slot->is_called = true;
        out[i] = v;
    }
    return QN_OK;
}

static Status
check_writable(Ctx *ctx, const Relation *seq, const char *what)
{
    if (ctx->tx != NULL && tx_is_read_only(ctx->tx) && seq->persistence != 't')
        return RAISE(ctx, ERR_READ_ONLY_SQL_TRANSACTION,
                     "cannot execute %s() in a read-only transaction", what);
    return QN_OK;
}

Status
sequence_next(Ctx *ctx, const Relation *seq, int n, int64_t *out)
{
    Slot *slot;
    if (n == 0) return QN_OK;
    TRY(check_writable(ctx, seq, "nextval"));
    TRY(slot_of(ctx, seq, &slot));
    mutex_lock(&slot->m);
    Status st = next_locked(ctx, seq, slot, n, out);
    mutex_unlock(&slot->m);
    TRY(st);
    return remember(ctx, seq->oid, out[n - 1]);
}

Status
sequence_current(Ctx *ctx, const Relation *seq, int64_t *out)
{
    const SequenceSession *s = ctx->catalog->sequences;
    for (int i = 0; i < s->nseen; i++)
        if (s->seen[i].oid == seq->oid) {
            *out = s->seen[i].value;
            return QN_OK;
        }
    return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE,
                 "currval of sequence \"%s\" is not yet defined in this session", seq->name);
}

Status
sequence_last(Ctx *ctx, int64_t *out)
{
    const SequenceSession *s = ctx->catalog->sequences;
    CatObj *o = s->last >= 0 ? catalog_get(ctx, s->seen[s->last].oid) : NULL;
    if (o == NULL)
        return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "lastval is not yet defined in this session");
    catobj_unref(o);
    *out = s->seen[s->last].value;
    return QN_OK;
}

void
catalog_forget_sequences(Ctx *ctx)
{
    ctx->catalog->sequences->nseen = 0;
    ctx->catalog->sequences->last = -1;
}

Status
sequence_set(Ctx *ctx, const Relation *seq, int64_t value, bool is_called)
{
    const SeqDef *def = seq->sequence;
    Slot *slot;
    TRY(check_writable(ctx, seq, "setval"));
    if (value < def->min || value > def->max)
        return RAISE(ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                     "setval: value %lld is out of bounds for sequence \"%s\" (%lld..%lld)",
                     (long long)value, seq->name, (long long)def->min, (long long)def->max);
    TRY(slot_of(ctx, seq, &slot));
    mutex_lock(&slot->m);
    Status st = write_slot(ctx, seq, value, is_called);
    if (st == QN_OK) {
        slot->last = value;
        slot->is_called = is_called;
        slot->log_left = 0;
    }
    mutex_unlock(&slot->m);
    TRY(st);
    if (!is_called) return QN_OK;
    /* currval follows, lastval does not. */
    int last = ctx->catalog->sequences->last;
    st = remember(ctx, seq->oid, value);
    ctx->catalog->sequences->last = last;
    return st;
}

Status
sequence_read(Ctx *ctx, const Relation *seq, SequenceState *out)
{
    Slot *slot;
    TRY(slot_of(ctx, seq, &slot));
    mutex_lock(&slot->m);
    *out = (SequenceState){.last_value = slot->last, .log_count = slot->log_left,
                           .is_called = slot->is_called};
    mutex_unlock(&slot->m);
    return QN_OK;
}
