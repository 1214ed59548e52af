/* regex_run.c - running regular expressions.
 *
 * 1. The whole: a simulation of Thompson's automaton over all start positions at once. Each state alive
 *    remembers the earliest start that reaches it, which is all that leftmost needs.
 * 2. The parts: with the span of the whole known, the tree is taken apart from the top. Of a concatenation's
 *    possible cuts the first in the left side's order of preference is taken at which both sides match; what
 *    a subtree without groups looks like inside does not matter. With back references a cut may turn out
 *    wrong later, and the next one is tried.
 */
#include "common/bits.h"
#include "types/regex_priv.h"
#include <assert.h>

typedef struct Run {
    Ctx *ctx;
    Regex *re;
    Arena *arena; /* the regex's own: automata of subtrees; scratch lives in `scratch` */
    Arena *scratch;
    const char *text, *end;
    RegexSpan *spans; /* by group number */
    uint64_t steps;
} Run;

/* Making automata. */

static Status
state_new(Run *r, Prog *prog, StateKind kind, int32_t out, int32_t out2, int32_t *at)
{
    if (prog->nstates == prog->cap) {
        int cap = prog->cap != 0 ? prog->cap * 2 : 32;
        if (cap > REGEX_STATES_MAX * 2)
            return RAISE(r->ctx, ERR_INVALID_REGULAR_EXPRESSION,
                         "invalid regular expression: regular expression is too complex");
        State *p = arena_realloc(r->arena, prog->states, sizeof(State) * (size_t)prog->cap,
                                 sizeof(State) * (size_t)cap);
        if (p == NULL) return RAISE_OOM(r->ctx);
        prog->states = p;
        prog->cap = cap;
    }
    prog->states[prog->nstates] = (State){.kind = (uint8_t)kind, .out = out, .out2 = out2};
    *at = prog->nstates++;
    return QN_OK;
}

/* The states of node, leading on to `next`; built back to front. *at is where they begin. */
static Status
build(Run *r, Prog *prog, const Node *node, int32_t next, int32_t *at)
{
    TRY(ctx_check_depth(r->ctx));
    switch ((NodeKind)node->kind) {
    case NODE_EMPTY: *at = next; return QN_OK;
    case NODE_SET:
        TRY(state_new(r, prog, STATE_SET, next, 0, at));
        prog->states[*at].set = node->set;
        return QN_OK;
    case NODE_ASSERT:
        TRY(state_new(r, prog, STATE_ASSERT, next, 0, at));
        prog->states[*at].assertion = node->number;
        return QN_OK;
    case NODE_LOOK:
        TRY(state_new(r, prog, STATE_LOOK, next, 0, at));
        prog->states[*at].node = node;
        return QN_OK;
    case NODE_GROUP: return build(r, prog, node->left, next, at);
    case NODE_BACKREF: { /* any text here; taking apart checks it */
        int32_t any, loop;
        TRY(state_new(r, prog, STATE_SPLIT, 0, next, &loop));
        TRY(state_new(r, prog, STATE_ANY, loop, 0, &any));
        prog->states[loop].out = any;
        *at = loop;
        return QN_OK;
    }
    case NODE_CAT:
        TRY(build(r, prog, node->right, next, at));
        return build(r, prog, node->left, *at, at);
    case NODE_ALT: { /* a chain to the left, unrolled */
        int32_t right, left;
        const Node *n = node;
        int32_t all = -1;
        for (; n->kind == NODE_ALT; n = n->left) {
            TRY(build(r, prog, n->right, next, &right));
            if (all < 0)
                all = right;
            else
                TRY(state_new(r, prog, STATE_SPLIT, right, all, &all));
        }
        TRY(build(r, prog, n, next, &left));
        return state_new(r, prog, STATE_SPLIT, left, all, at);
    }
    case NODE_REPEAT: {
        int32_t body;
        *at = next;
        if (node->max == REPEAT_INFINITE) {
            int32_t loop;
            TRY(state_new(r, prog, STATE_SPLIT, 0, next, &loop));
            TRY(build(r, prog, node->left, loop, &body));
            prog->states[loop].out = body;
            *at = loop;
        } else {
            for (int i = node->min; i < node->max; i++) {
                TRY(build(r, prog, node->left, *at, &body));
                TRY(state_new(r, prog, STATE_SPLIT, body, next, at));
            }
        }
        for (int i = 0; i < node->min; i++) {
            TRY(build(r, prog, node->left, *at, at));
            if (prog->nstates > REGEX_STATES_MAX)
                return RAISE(r->ctx, ERR_INVALID_REGULAR_EXPRESSION,
                             "invalid regular expression: regular expression is too complex");
        }
        return QN_OK;
    }
    }
    return QN_OK;
}

static Status
list_new(Run *r, StateList *list, int n)
{
    TRY_ALLOC(r->ctx, list->dense, ARENA_ARRAY(r->arena, int32_t, n));
    TRY_ALLOC(r->ctx, list->sparse, ARENA_ARRAY(r->arena, int32_t, n));
    TRY_ALLOC(r->ctx, list->start, ARENA_ARRAY(r->arena, uint32_t, n));
    return QN_OK;
}

static Status
prog_of(Run *r, Node *node, Prog **out)
{
    if (node->prog == NULL) {
        Prog *prog;
        int32_t accept;
        TRY_ALLOC(r->ctx, prog, ARENA_NEW(r->arena, Prog));
        TRY(state_new(r, prog, STATE_ACCEPT, 0, 0, &accept));
        TRY(build(r, prog, node, accept, &prog->start));
        TRY(list_new(r, &prog->now, prog->nstates));
        TRY(list_new(r, &prog->next, prog->nstates));
        TRY_ALLOC(r->ctx, prog->stack, ARENA_ARRAY(r->arena, int32_t, prog->nstates * 2 + 2));
        node->prog = prog;
    }
    *out = node->prog;
    return QN_OK;
}

/* Assertions. */

static bool
word_before(const Run *r, const char *p)
{
    uint32_t c;
    if (p == r->text) return false;
    for (p--; p > r->text && ((unsigned char)*p & 0xC0) == 0x80;) p--;
    utf8_decode(p, r->end, &c);
    return regex_is_word(c);
}

static bool
word_after(const Run *r, const char *p)
{
    uint32_t c;
    if (p == r->end) return false;
    utf8_decode(p, r->end, &c);
    return regex_is_word(c);
}

static bool
holds(const Run *r, AssertKind kind, const char *p)
{
    switch (kind) {
    case ASSERT_TEXT_START: return p == r->text;
    case ASSERT_TEXT_END: return p == r->end;
    case ASSERT_LINE_START: return p == r->text || p[-1] == '\n';
    case ASSERT_LINE_END: return p == r->end || *p == '\n';
    case ASSERT_WORD_START: return !word_before(r, p) && word_after(r, p);
    case ASSERT_WORD_END: return word_before(r, p) && !word_after(r, p);
    case ASSERT_WORD_EDGE: return word_before(r, p) != word_after(r, p);
    case ASSERT_NOT_WORD_EDGE: return word_before(r, p) == word_after(r, p);
    }
    return false;
}

static Status look_holds(Run *r, const Node *node, const char *p, bool *out);

static bool
list_has(const StateList *l, int32_t s)
{
    int32_t at = l->sparse[s];
    return at < l->n && l->dense[at] == s;
}

/* Adds s and what it leads to without a character, all with the same start; what is there already came from an
 * earlier start and stays. */
static Status
follow(Run *r, Prog *prog, StateList *list, int32_t s, uint32_t start, const char *p)
{
    int n = 0;
    prog->stack[n++] = s;
    while (n > 0) {
        s = prog->stack[--n];
        if (list_has(list, s)) continue;
        list->sparse[s] = list->n;
        list->start[list->n] = start;
        list->dense[list->n++] = s;
        const State *st = &prog->states[s];
        switch ((StateKind)st->kind) {
        case STATE_SPLIT:
            prog->stack[n++] = st->out2;
            prog->stack[n++] = st->out;
            break;
        case STATE_JUMP: prog->stack[n++] = st->out; break;
        case STATE_ASSERT:
            if (holds(r, (AssertKind)st->assertion, p)) prog->stack[n++] = st->out;
            break;
        case STATE_LOOK: {
            bool ok;
            TRY(look_holds(r, st->node, p, &ok));
            if (ok) prog->stack[n++] = st->out;
            break;
        }
        case STATE_SET:
        case STATE_ANY:
        case STATE_ACCEPT: break;
        }
    }
    return QN_OK;
}

static Status
count_steps(Run *r, int n)
{
    r->steps += (uint64_t)n + 1;
    if (r->steps < 1 << 13) return QN_OK;
    r->steps = 0;
    return ctx_check_stop(r->ctx);
}

/* One character: the states of now that take it lead to next. Starts after `latest` are dropped. */
static Status
step(Run *r, Prog *prog, uint32_t c, const char *after, uint32_t latest)
{
    StateList *now = &prog->now, *next = &prog->next;
    next->n = 0;
    for (int i = 0; i < now->n; i++) {
        const State *st = &prog->states[now->dense[i]];
        if (now->start[i] > latest) break; /* starts ascend */
        if (st->kind == STATE_ANY || (st->kind == STATE_SET && regex_set_has(st->set, c)))
            TRY(follow(r, prog, next, st->out, now->start[i], after));
    }
    StateList t = *now;
    *now = *next;
    *next = t;
    return count_steps(r, now->n);
}

/* The leftmost match from p on, its end by preference. */
static Status
search(Run *r, Prog *prog, const char *p, bool shortest, const char **from, const char **to)
{
    uint32_t best = UINT32_MAX;
    *from = NULL;
    prog->now.n = 0;
    for (;;) {
        if (best == UINT32_MAX) TRY(follow(r, prog, &prog->now, prog->start, (uint32_t)(p - r->text), p));
        if (list_has(&prog->now, 0)) { /* state 0 accepts */
            uint32_t start = prog->now.start[prog->now.sparse[0]];
            if (start < best || (start == best && !shortest)) {
                best = start;
                *from = r->text + start;
                *to = p;
            }
        }
        if (p == r->end) return QN_OK;
        uint32_t c;
        p += utf8_decode(p, r->end, &c);
        /* With a match found only earlier starts matter, and longer ends of the same start. */
        uint32_t latest = best == UINT32_MAX || !shortest ? best : best - 1;
        if (best == 0 && shortest) return QN_OK;
        TRY(step(r, prog, c, p, latest));
        if (prog->now.n == 0 && best != UINT32_MAX) return QN_OK;
    }
}

/* Whether the automaton matches exactly [a, b). */
static Status
matches_exactly(Run *r, Prog *prog, const char *a, const char *b, bool *out)
{
    prog->now.n = 0;
    TRY(follow(r, prog, &prog->now, prog->start, 0, a));
    while (a < b && prog->now.n > 0) {
        uint32_t c;
        a += utf8_decode(a, r->end, &c);
        TRY(step(r, prog, c, a, 0));
    }
    *out = a == b && list_has(&prog->now, 0);
    return QN_OK;
}

/* All ends of matches that begin at a, up to b, ascending offsets from a. */
typedef struct Ends {
    uint32_t *at;
    int n;
} Ends;

static Status
ends_from(Run *r, Prog *prog, const char *a, const char *b, Ends *out)
{
    const char *p = a;
    int cap = 0;
    *out = (Ends){0};
    prog->now.n = 0;
    TRY(follow(r, prog, &prog->now, prog->start, 0, p));
    for (;;) {
        if (list_has(&prog->now, 0)) {
            if (out->n == cap) {
                int more = cap != 0 ? cap * 2 : 4;
                uint32_t *at = arena_realloc(r->scratch, out->at, sizeof(uint32_t) * (size_t)cap,
                                             sizeof(uint32_t) * (size_t)more);
                if (at == NULL) return RAISE_OOM(r->ctx);
                out->at = at;
                cap = more;
            }
            out->at[out->n++] = (uint32_t)(p - a);
        }
        if (p >= b || prog->now.n == 0) return QN_OK;
        uint32_t c;
        p += utf8_decode(p, r->end, &c);
        TRY(step(r, prog, c, p, 0));
    }
}

/* Whether some match of the subtree begins (ahead) or ends (behind) at p. The outer automaton's lists are its
 * own, so running another one here disturbs nothing. */
static Status
look_holds(Run *r, const Node *node, const char *p, bool *out)
{
    Prog *prog;
    bool found = false;
    TRY(ctx_check_depth(r->ctx));
    TRY(prog_of(r, node->left, &prog));
    const char *q = node->behind ? r->text : p;
    prog->now.n = 0;
    for (;;) {
        if (q == p || node->behind) TRY(follow(r, prog, &prog->now, prog->start, 0, q));
        if (node->behind ? q == p : list_has(&prog->now, 0)) {
            found = list_has(&prog->now, 0);
            break;
        }
        if (q == r->end || (node->behind && q >= p) || prog->now.n == 0) break;
        uint32_t c;
        q += utf8_decode(q, r->end, &c);
        TRY(step(r, prog, c, q, 0));
    }
    *out = found != node->negative;
    return QN_OK;
}

/* Taking apart. */

static Status take_apart(Run *r, Node *node, const char *a, const char *b, bool *ok);

static Status
take_cat(Run *r, Node *node, const char *a, const char *b, bool *ok)
{
    Prog *left, *right;
    Ends ends;
    TRY(prog_of(r, node->left, &left));
    TRY(prog_of(r, node->right, &right));
    TRY(ends_from(r, left, a, b, &ends));
    bool shortest = node->left->preference == PREFER_SHORTEST;
    for (int k = 0; k < ends.n; k++) {
        const char *mid = a + ends.at[shortest ? k : ends.n - 1 - k];
        TRY(matches_exactly(r, right, mid, b, ok));
        if (!*ok) continue;
        TRY(take_apart(r, node->left, a, mid, ok));
        if (*ok) TRY(take_apart(r, node->right, mid, b, ok));
        if (*ok) return QN_OK;
    }
    *ok = false;
    return QN_OK;
}

static Status
take_alt(Run *r, Node *node, const char *a, const char *b, bool *ok)
{
    Prog *prog;
    /* Earlier branches first: the chain leans to the left. */
    if (node->kind == NODE_ALT) {
        TRY(ctx_check_depth(r->ctx));
        TRY(take_alt(r, node->left, a, b, ok));
        if (*ok) return QN_OK;
        return take_alt(r, node->right, a, b, ok);
    }
    TRY(prog_of(r, node, &prog));
    TRY(matches_exactly(r, prog, a, b, ok));
    return *ok ? take_apart(r, node, a, b, ok) : QN_OK;
}

static void
forget_groups(Run *r, const Node *node)
{
    if (!node->has_group) return;
    if (node->kind == NODE_GROUP) r->spans[node->number] = (RegexSpan){-1, -1};
    if (node->left != NULL) forget_groups(r, node->left);
    if (node->right != NULL) forget_groups(r, node->right);
}

/* A repetition: rounds of the body from a to b, each as long (or short) as the rest allows. A round that matches
 * nothing counts only where the minimum asks for it. Groups keep what the last round gave them, so without back
 * references only that one is taken apart, and a place from which the rest failed once need not be tried again. */
typedef struct Round {
    const char *from;
    Ends ends;
    int k; /* next end to try */
} Round;

typedef struct Rounds {
    Round *items;
    int n, cap;
} Rounds;

static Status
push_round(Run *r, Prog *body, Rounds *rounds, const char *from, const char *b)
{
    if (rounds->n == rounds->cap) {
        int cap = rounds->cap != 0 ? rounds->cap * 2 : 8;
        Round *p = arena_realloc(r->scratch, rounds->items, sizeof(Round) * (size_t)rounds->cap,
                                 sizeof(Round) * (size_t)cap);
        if (p == NULL) return RAISE_OOM(r->ctx);
        rounds->items = p;
        rounds->cap = cap;
    }
    Round *round = &rounds->items[rounds->n++];
    *round = (Round){.from = from};
    return ends_from(r, body, from, b, &round->ends);
}

static Status
take_rounds(Run *r, Node *node, const char *a, const char *b, bool *ok)
{
    if (node->min == 0 && a == b && node->left->preference == PREFER_SHORTEST) {
        *ok = true; /* no round at all */
        return QN_OK;
    }
    Prog *prog;
    Node *body = node->left;
    Rounds rounds = {0};
    int min = node->min > 0 ? node->min : 1;
    bool shortest = body->preference == PREFER_SHORTEST;
    bool memo = node->max == REPEAT_INFINITE && !body->has_backref;
    uint64_t *failed = NULL; /* places from which the rest cannot match, minimum reached */
    TRY(prog_of(r, body, &prog));
    if (memo) TRY_ALLOC(r->ctx, failed, ARENA_ARRAY(r->scratch, uint64_t, (b - a) / 64 + 1));
    TRY(push_round(r, prog, &rounds, a, b));
    while (rounds.n > 0) {
        Round *round = &rounds.items[rounds.n - 1];
        if (round->k == round->ends.n) {
            if (memo && rounds.n > min) bits_set(failed, (size_t)(round->from - a));
            rounds.n--;
            continue;
        }
        const char *mid = round->from + round->ends.at[shortest ? round->k : round->ends.n - 1 - round->k];
        round->k++;
        if (mid == round->from && rounds.n > min - (a == b ? 0 : (node->min == 0))) continue;
        if (memo && rounds.n >= min && mid != b && bits_get(failed, (size_t)(mid - a))) continue;
        if (body->has_backref) {
            const char *from = round->from;
            TRY(take_apart(r, body, from, mid, ok));
            if (!*ok) continue;
        }
        if (mid == b && rounds.n >= min) {
            forget_groups(r, body);
            return take_apart(r, body, round->from, mid, ok);
        }
        if (node->max == REPEAT_INFINITE || rounds.n < node->max) TRY(push_round(r, prog, &rounds, mid, b));
    }
    *ok = node->min == 0 && a == b;
    return QN_OK;
}

/* x{m,n} with m > 0 is x{m-1,n-1} and a last x, which alone gives the groups. The rounds before take as much, or as
 * little, as the quantifier likes. */
static Status
take_last_round(Run *r, Node *node, const char *a, const char *b, bool *ok)
{
    Prog *before, *last;
    Ends ends;
    if (node->rest == NULL) {
        Node *rest;
        TRY_ALLOC(r->ctx, rest, ARENA_NEW(r->arena, Node));
        *rest = *node;
        rest->prog = NULL;
        rest->min = node->min - 1;
        if (node->max != REPEAT_INFINITE) rest->max = node->max - 1;
        node->rest = rest;
    }
    TRY(prog_of(r, node->rest, &before));
    TRY(prog_of(r, node->left, &last));
    TRY(ends_from(r, before, a, b, &ends));
    bool shortest = node->preference == PREFER_SHORTEST;
    for (int k = 0; k < ends.n; k++) {
        const char *mid = a + ends.at[shortest ? k : ends.n - 1 - k];
        TRY(matches_exactly(r, last, mid, b, ok));
        if (*ok) return take_apart(r, node->left, mid, b, ok);
    }
    *ok = false;
    return QN_OK;
}

static Status
take_backref(Run *r, const Node *node, const char *a, const char *b, bool *ok)
{
    RegexSpan s = r->spans[node->number];
    *ok = s.from >= 0 && s.to - s.from == b - a &&
          memcmp(r->text + s.from, a, (size_t)(b - a)) == 0;
    return QN_OK;
}

static Status
take_apart(Run *r, Node *node, const char *a, const char *b, bool *ok)
{
    TRY(ctx_check_depth(r->ctx));
    *ok = true;
    if (!node->has_group && !node->has_backref) return QN_OK;
    switch ((NodeKind)node->kind) {
    case NODE_GROUP:
        TRY(take_apart(r, node->left, a, b, ok));
        if (*ok) r->spans[node->number] = (RegexSpan){a - r->text, b - r->text};
        return QN_OK;
    case NODE_CAT: return take_cat(r, node, a, b, ok);
    case NODE_ALT:
        forget_groups(r, node);
        return take_alt(r, node, a, b, ok);
    case NODE_REPEAT:
        forget_groups(r, node);
        if (node->min > 0 && !node->has_backref) return take_last_round(r, node, a, b, ok);
        return take_rounds(r, node, a, b, ok);
    case NODE_BACKREF: return take_backref(r, node, a, b, ok);
    default: return QN_OK;
    }
}

/* The candidates one by one, for expressions with back references. */
static Status
search_verified(Run *r, Prog *prog, const char *p, bool shortest, bool *found)
{
    for (;;) {
        Ends ends;
        TRY(ends_from(r, prog, p, r->end, &ends));
        for (int k = 0; k < ends.n; k++) {
            const char *to = p + ends.at[shortest ? k : ends.n - 1 - k];
            for (int g = 0; g <= r->re->ngroups; g++) r->spans[g] = (RegexSpan){-1, -1};
            TRY(take_apart(r, r->re->root, p, to, found));
            if (*found) {
                r->spans[0] = (RegexSpan){p - r->text, to - r->text};
                return QN_OK;
            }
        }
        *found = false;
        if (p == r->end) return QN_OK;
        p += utf8_char_bytes((unsigned char)*p);
    }
}

static Status
run(Run *r, size_t from, int nspans, bool *found)
{
    Prog *prog;
    const char *a, *b;
    Node *root = r->re->root;
    bool shortest = root->preference == PREFER_SHORTEST;
    *found = false;
    TRY(prog_of(r, root, &prog));
    if (nspans == 0 && from == 0) {
        bool done;
        TRY(regex_dfa_match(r->ctx, r->re, prog, r->text, (size_t)(r->end - r->text), found, &done));
        if (done) return QN_OK;
    }
    if (r->re->has_backref) return search_verified(r, prog, r->text + from, shortest, found);
    TRY(search(r, prog, r->text + from, shortest, &a, &b));
    if (a == NULL) return QN_OK;
    *found = true;
    r->spans[0] = (RegexSpan){a - r->text, b - r->text};
    if (nspans > 1 && r->re->ngroups > 0) {
        bool ok;
        TRY(take_apart(r, root, a, b, &ok));
        assert(ok);
    }
    return QN_OK;
}

Status
regex_match(Ctx *ctx, Regex *re, const char *text, size_t nbytes, size_t from, RegexSpan *spans, int nspans,
            bool *found)
{
    if (nbytes > UINT32_MAX - 1)
        return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "text is too long for a regular expression");
    for (int i = 0; i < nspans; i++) spans[i] = (RegexSpan){-1, -1};
    if (re->is_literal) {
        const char *at = memmem(text + from, nbytes - from, re->literal, re->literal_bytes);
        *found = at != NULL;
        if (at != NULL && nspans > 0) spans[0] = (RegexSpan){at - text, at - text + (ptrdiff_t)re->literal_bytes};
        return QN_OK;
    }
    RegexSpan whole[1];
    bool with_parts = re->has_backref || (nspans > 1 && re->ngroups > 0);
    Run r = {.ctx = ctx, .re = re, .arena = re->arena, .text = text, .end = text + nbytes, .spans = whole};
    if (!with_parts) { /* nothing is allocated but the automaton, once */
        TRY(run(&r, from, nspans, found));
        if (*found && nspans > 0) spans[0] = whole[0];
        return QN_OK;
    }
    r.scratch = arena_create(re->arena, "regex");
    if (r.scratch == NULL) return RAISE_OOM(ctx);
    r.spans = ARENA_ARRAY(r.scratch, RegexSpan, re->ngroups + 1);
    Status st = QN_OK;
    if (r.spans == NULL) {
        st = RAISE_OOM(ctx);
    } else {
        for (int i = 0; i <= re->ngroups; i++) r.spans[i] = (RegexSpan){-1, -1};
        st = run(&r, from, nspans, found);
    }
    if (st == QN_OK && *found)
        for (int i = 0; i < nspans && i <= re->ngroups; i++) spans[i] = r.spans[i];
    arena_destroy(r.scratch);
    return st;
}
