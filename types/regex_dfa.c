/* regex_dfa.c - a deterministic automaton, made as texts ask for it, for questions that need no position.
 *
 * Its states are sets of the automaton's states, closed under what needs no character; the beginning of a match
 * is in every set, so that one pass finds a match that starts anywhere. Per state there is a table of the next
 * state by ASCII character, filled when first needed, and a memory of the last other character. Expressions
 * with assertions other than the ends of the text, with back references, or whose table would outgrow its bounds
 * are left to the simulation. Removing this file's use changes no answer. */
#include "common/bits.h"
#include "common/hash.h"
#include "types/regex_priv.h"

enum { DFA_STATES_MAX = 512, DFA_SLOTS = 1024, DFA_NFA_MAX = 2048, DFA_UNKNOWN = -1 };

typedef struct DfaState {
    uint64_t *set;
    bool accepts, accepts_at_end, is_dead;
    uint32_t last_char;
    int32_t last_next;
    int32_t next[128];
} DfaState;

struct Dfa {
    const Prog *prog;
    size_t nwords;
    int n;
    DfaState *states[DFA_STATES_MAX];
    int16_t slots[DFA_SLOTS]; /* state plus 1, by hash of its set */
    uint64_t *base;           /* the beginning of a match, inside the text */
    bool base_is_dead;        /* nothing can begin inside the text: the expression is anchored */
    uint64_t *scratch;
    int32_t *stack;
};

/* Adds s and what follows it without a character. */
static void
close_over(Dfa *d, uint64_t *set, int32_t s, bool at_start, bool at_end)
{
    int n = 0;
    d->stack[n++] = s;
    while (n > 0) {
        s = d->stack[--n];
        if (bits_get(set, (size_t)s)) continue;
        bits_set(set, (size_t)s);
        const State *st = &d->prog->states[s];
        if (st->kind == STATE_SPLIT) {
            d->stack[n++] = st->out2;
            d->stack[n++] = st->out;
        } else if (st->kind == STATE_JUMP ||
                   (st->kind == STATE_ASSERT && ((st->assertion == ASSERT_TEXT_START && at_start) ||
                                                 (st->assertion == ASSERT_TEXT_END && at_end)))) {
            d->stack[n++] = st->out;
        }
    }
}

#define EACH_BIT(set, nwords, s)                                                                   \
    for (size_t word_ = 0; word_ < (nwords); word_++)                                              \
        for (uint64_t rest_ = (set)[word_]; rest_ != 0; rest_ &= rest_ - 1)                         \
            for (int32_t s = (int32_t)(word_ * 64 + (size_t)__builtin_ctzll(rest_)), once_ = 1; once_; once_ = 0)

/* The state of a set; *at is -1 when the table is full. */
static Status
intern(Ctx *ctx, Regex *re, Dfa *d, const uint64_t *set, int *at)
{
    uint32_t slot = (uint32_t)hash_bytes(set, d->nwords * 8) & (DFA_SLOTS - 1);
    DfaState *st;
    for (; d->slots[slot] != 0; slot = (slot + 1) & (DFA_SLOTS - 1)) {
        *at = d->slots[slot] - 1;
        if (memcmp(d->states[*at]->set, set, d->nwords * 8) == 0) return QN_OK;
    }
    *at = -1;
    if (d->n == DFA_STATES_MAX) return QN_OK;
    TRY_ALLOC(ctx, st, ARENA_NEW(re->arena, DfaState));
    TRY_ALLOC(ctx, st->set, arena_memdup(re->arena, set, d->nwords * 8));
    memset(st->next, 0xFF, sizeof(st->next));
    st->accepts = bits_get(set, 0);
    st->is_dead = d->base_is_dead && memcmp(set, d->base, d->nwords * 8) == 0;
    uint64_t *end = d->scratch;
    memset(end, 0, d->nwords * 8);
    EACH_BIT(set, d->nwords, s)
        if (d->prog->states[s].kind == STATE_ASSERT && d->prog->states[s].assertion == ASSERT_TEXT_END)
            close_over(d, end, d->prog->states[s].out, false, true);
    st->accepts_at_end = st->accepts || bits_get(end, 0);
    *at = d->n;
    d->states[d->n++] = st;
    d->slots[slot] = (int16_t)d->n;
    return QN_OK;
}

static Status
step(Ctx *ctx, Regex *re, Dfa *d, const DfaState *from, uint32_t c, int *at)
{
    uint64_t set[BITS_WORDS(DFA_NFA_MAX)];
    memcpy(set, d->base, d->nwords * 8);
    EACH_BIT(from->set, d->nwords, s) {
        const State *st = &d->prog->states[s];
        if (st->kind == STATE_ANY || (st->kind == STATE_SET && regex_set_has(st->set, c)))
            close_over(d, set, st->out, false, false);
    }
    return intern(ctx, re, d, set, at);
}

static bool
can_have(const Prog *prog)
{
    if (prog->nstates > DFA_NFA_MAX) return false;
    for (int i = 0; i < prog->nstates; i++) {
        const State *st = &prog->states[i];
        if (st->kind == STATE_LOOK) return false;
        if (st->kind == STATE_ASSERT && st->assertion != ASSERT_TEXT_START && st->assertion != ASSERT_TEXT_END)
            return false;
    }
    return true;
}

/* State 0 is the beginning of the text. */
static Status
make(Ctx *ctx, Regex *re, const Prog *prog)
{
    Dfa *d;
    uint64_t *first;
    int at;
    TRY_ALLOC(ctx, d, ARENA_NEW(re->arena, Dfa));
    d->prog = prog;
    d->nwords = BITS_WORDS(prog->nstates);
    TRY_ALLOC(ctx, d->base, ARENA_ARRAY(re->arena, uint64_t, d->nwords));
    TRY_ALLOC(ctx, d->scratch, ARENA_ARRAY(re->arena, uint64_t, d->nwords));
    TRY_ALLOC(ctx, first, ARENA_ARRAY(re->arena, uint64_t, d->nwords));
    TRY_ALLOC(ctx, d->stack, ARENA_ARRAY(re->arena, int32_t, prog->nstates * 2 + 2));
    close_over(d, first, prog->start, true, false);
    TRY(intern(ctx, re, d, first, &at)); /* before base is known: never taken for dead */
    close_over(d, d->base, prog->start, false, false);
    d->base_is_dead = true;
    EACH_BIT(d->base, d->nwords, s) {
        const State *st = &prog->states[s];
        if (st->kind == STATE_SET || st->kind == STATE_ANY || st->kind == STATE_ACCEPT ||
            (st->kind == STATE_ASSERT && st->assertion == ASSERT_TEXT_END))
            d->base_is_dead = false;
    }
    re->dfa = d;
    return QN_OK;
}

Status
regex_dfa_match(Ctx *ctx, Regex *re, Prog *prog, const char *text, size_t nbytes, bool *found, bool *done)
{
    *done = false;
    if (re->no_dfa || nbytes == 0) return QN_OK; /* in an empty text both ends hold at once */
    if (re->dfa == NULL) {
        if (re->has_backref || !can_have(prog)) {
            re->no_dfa = true;
            return QN_OK;
        }
        TRY(make(ctx, re, prog));
    }
    Dfa *d = re->dfa;
    const char *p = text, *end = text + nbytes;
    DfaState *st = d->states[0];
    *done = true;
    *found = false;
    uint64_t work = 0;
    while (p < end) {
        TRY(ctx_count_work(ctx, &work, 4));
        if (st->accepts) break;
        if (st->is_dead) return QN_OK;
        unsigned char c = (unsigned char)*p;
        int next;
        uint32_t cp = c;
        if (c < 0x80) {
            next = st->next[c];
            p++;
        } else {
            p += utf8_decode(p, end, &cp);
            next = st->last_char == cp ? st->last_next : DFA_UNKNOWN;
        }
        if (next == DFA_UNKNOWN) {
            TRY(step(ctx, re, d, st, cp, &next));
            if (next < 0) { /* full */
                re->no_dfa = true;
                *done = false;
                return QN_OK;
            }
            if (c < 0x80)
                st->next[c] = next;
            else
                st->last_char = cp, st->last_next = next;
        }
        st = d->states[next];
    }
    *found = p < end ? st->accepts : st->accepts_at_end;
    return QN_OK;
}
