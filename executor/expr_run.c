/* expr_run.c - running expression programs; see expr.h and expr_priv.h. */
#include "executor/expr_priv.h"

#include <assert.h>

Arena *
expr_batch_arena(ExprProg *p)
{
    if (p->batch_arena == NULL) p->batch_arena = arena_create(p->arena, "expr");
    p->dirty = p->batch_arena != NULL; /* else there is nothing to empty */
    return p->batch_arena;
}

Status
expr_reserve(ExprProg *p, int nrows)
{
    int cap = p->cap != 0 ? p->cap : 16;
    while (cap < nrows) cap *= 2;
    if (cap > BATCH_ROWS) cap = nrows > BATCH_ROWS ? nrows : BATCH_ROWS;
    for (int i = 0; i < p->nregs; i++)
        if (p->reg_owned[i] && !vec_reserve(p->arena, p->regs[i], cap)) return RAISE_OOM(p->ctx);
    for (int i = 0; i < p->nslots; i++)
        TRY_ALLOC(p->ctx, p->slots[i].buf, arena_alloc(p->arena, (size_t)cap * sizeof(uint16_t)));
    p->cap = cap;
    return QN_OK;
}

static Status
load_inputs(ExprProg *p, Batch *outer, Batch *inner, const uint16_t *sel, int n)
{
    for (int i = 0; i < p->nloads; i++) {
        Load *l = &p->loads[i];
        Batch *b = l->rel == INPUT_OUTER ? outer : inner;
        assert(b != NULL && l->col >= 0 && l->col < b->ncols);
        Vector *v = b->cols[l->col];
        if (v->shape == VEC_DICT) {
            if (l->flat == NULL) TRY_ALLOC(p->ctx, l->flat, vec_new(p->arena, v->type));
            if (!vec_reserve(p->arena, l->flat, p->cap)) return RAISE_OOM(p->ctx);
            vec_flatten(v, sel, n, l->flat);
            v = l->flat;
        }
        p->regs[l->reg] = v;
    }
    return QN_OK;
}

static inline void
set_const_null(Vector *dst)
{
    vec_reset(dst, (Phys)dst->phys);
    dst->shape = VEC_CONST;
    dst->valid = dst->own_valid;
    dst->valid[0] = 0;
    memset(dst->data, 0, dst->own_bytes < 16 ? dst->own_bytes : 16);
}

/* Rows of the slot in which no argument is NULL, in buf; dst's valid bits are set to match. */
static int
null_free_rows(Vector **args, int nargs, const Slot *slot, Vector *dst, uint16_t *buf, int nrows)
{
    size_t words = BITS_WORDS(nrows);
    bool first = true;
    dst->valid = dst->own_valid;
    for (int j = 0; j < nargs; j++) {
        if (args[j]->shape == VEC_CONST || args[j]->valid == NULL) continue;
        if (first) memcpy(dst->valid, args[j]->valid, words * sizeof(uint64_t));
        else
            for (size_t w = 0; w < words; w++) dst->valid[w] &= args[j]->valid[w];
        first = false;
    }
    int m = 0;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        buf[m] = (uint16_t)i;
        m += bits_get(dst->valid, (size_t)i);
    }
    if (dst->phys == PHYS_STR && m < slot->n) {
        for (int k = 0; k < slot->n; k++) {
            int i = exec_row(slot->sel, k);
            if (!bits_get(dst->valid, (size_t)i)) memset((Str *)dst->data + i, 0, sizeof(Str));
        }
    }
    return m;
}

static bool
all_fixed(Vector **args, int nargs)
{
    for (int j = 0; j < nargs; j++)
        if (args[j]->phys == PHYS_STR) return false;
    return true;
}

/* buf: room for a selection. */
static Status
call_function(ExprProg *p, Step *s, Vector **args, Vector *dst, const Slot *slot, uint16_t *buf, int nrows)
{
    KernelCall *call = s->call;
    uint32_t flags = s->fn->flags;
    bool all_const = true, any_null_const = false, any_nulls = false;
    for (int j = 0; j < s->nargs; j++) {
        Vector *a = args[j];
        call->args[j] = a;
        if (a->shape == VEC_CONST) {
            if (a->valid != NULL && (a->valid[0] & 1) == 0) any_null_const = true;
        } else {
            all_const = false;
            any_nulls |= a->valid != NULL;
        }
    }
    vec_reset(dst, type_phys(dst->type, -1));
    call->out = dst;
    if (slot->n == 0) return QN_OK;
    TRY_ALLOC(p->ctx, call->arena, expr_batch_arena(p));
    if ((flags & FN_STRICT) != 0 && any_null_const) {
        set_const_null(dst);
        return QN_OK;
    }
    if (all_const && (flags & (FN_IMMUTABLE | FN_STABLE)) != 0) {
        call->sel = NULL;
        call->n = 1;
        TRY(s->kernel(call));
        dst->shape = VEC_CONST;
        return QN_OK;
    }
    if ((flags & FN_STRICT) == 0 || !any_nulls) {
        call->sel = slot->sel;
        call->n = slot->n;
        if (slot->sel != NULL && (flags & FN_NO_ERROR) != 0 && (flags & FN_STRICT) != 0 &&
            slot->n * 2 > nrows && dst->phys != PHYS_STR && all_fixed(args, s->nargs)) {
            call->sel = NULL; /* all rows in a straight loop are cheaper than half of them by position */
            call->n = nrows;
        }
        return s->kernel(call);
    }
    int m = null_free_rows(args, s->nargs, slot, dst, buf, nrows);
    if (m == 0) return QN_OK;
    if ((flags & FN_NO_ERROR) != 0 && dst->phys != PHYS_STR && m * 2 > nrows && all_fixed(args, s->nargs)) {
        call->sel = NULL;
        call->n = nrows;
    } else {
        call->sel = buf;
        call->n = m;
    }
    return s->kernel(call);
}

Status
expr_step_call(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    Vector *args[FN_MAX_ARGS + 4], **a = args;
    uint16_t *buf = NULL;
    if (s->nargs > FN_MAX_ARGS + 4) {
        TRY_ALLOC(p->ctx, a, arena_alloc(expr_batch_arena(p), (size_t)s->nargs * sizeof(Vector *)));
    }
    bool nulls = false;
    for (int j = 0; j < s->nargs; j++) {
        a[j] = p->regs[s->args[j]];
        nulls |= a[j]->valid != NULL;
    }
    if (nulls) { /* a step's own buffer, made at the first NULL */
        if (s->id < p->cap) {
            TRY_ALLOC(p->ctx, s->state, arena_alloc(p->arena, (size_t)p->cap * sizeof(uint16_t)));
            s->id = p->cap;
        }
        buf = s->state;
    }
    return call_function(p, s, a, p->regs[s->dst], slot, buf, nrows);
}

static void
sel_bool(Slot *in, const Vector *v, bool want, Slot *out)
{
    out->sel = out->buf;
    out->n = 0;
    if (v->shape == VEC_CONST) {
        if (in->n > 0 && !vec_is_null(v, 0) && (((const uint8_t *)v->data)[0] != 0) == want) {
            out->sel = in->sel;
            out->n = in->n;
        }
        return;
    }
    const uint8_t *data = v->data;
    int m = 0;
    if (v->valid == NULL) {
        for (int k = 0; k < in->n; k++) {
            int i = exec_row(in->sel, k);
            out->buf[m] = (uint16_t)i;
            m += (data[i] != 0) == want;
        }
    } else {
        for (int k = 0; k < in->n; k++) {
            int i = exec_row(in->sel, k);
            out->buf[m] = (uint16_t)i;
            m += ((data[i] != 0) == want) & bits_get(v->valid, (size_t)i);
        }
    }
    out->n = m;
    if (m == in->n) out->sel = in->sel; /* all of them: a dense selection stays dense */
}

static void
sel_null(Slot *in, const Vector *v, bool not_null, Slot *out)
{
    if (v->shape == VEC_CONST || v->valid == NULL) {
        bool null = in->n > 0 && vec_is_null(v, 0) && v->shape == VEC_CONST;
        out->sel = null != not_null ? in->sel : out->buf;
        out->n = null != not_null ? in->n : 0;
        return;
    }
    int m = 0;
    for (int k = 0; k < in->n; k++) {
        int i = exec_row(in->sel, k);
        out->buf[m] = (uint16_t)i;
        m += bits_get(v->valid, (size_t)i) == not_null;
    }
    out->sel = m == in->n ? in->sel : out->buf;
    out->n = m;
}

/* dst = dst AND/OR v in three-valued logic; out: the rows that a later term can still change. */
static void
bool_acc(Slot *in, Vector *dst, const Vector *v, bool is_or, bool fresh, Slot *out)
{
    if (fresh) vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    const uint8_t *s = v->data;
    int step = v->shape == VEC_CONST ? 0 : 1, m = 0;
    for (int k = 0; k < in->n; k++) {
        int i = exec_row(in->sel, k);
        bool null = v->valid != NULL && !bits_get(v->valid, (size_t)(i * step));
        bool was_null = !fresh && dst->valid != NULL && !bits_get(dst->valid, (size_t)i);
        bool value = !null && s[i * step] != 0;
        if (!null && value == is_or) { /* decides the row */
            d[i] = is_or;
            if (was_null) bits_set(dst->valid, (size_t)i);
            continue;
        }
        if (null || was_null) {
            vec_set_null(dst, i);
            d[i] = 0;
        } else {
            d[i] = !is_or;
            if (dst->valid != NULL) bits_set(dst->valid, (size_t)i);
        }
        out->buf[m++] = (uint16_t)i;
    }
    out->sel = m == in->n ? in->sel : out->buf;
    out->n = m;
}

static void
copy_valid(Vector *dst, const Vector *src, int nrows)
{
    if (src->shape == VEC_CONST || src->valid == NULL) {
        dst->valid = NULL;
        return;
    }
    dst->valid = dst->own_valid;
    memcpy(dst->valid, src->valid, BITS_WORDS(nrows) * sizeof(uint64_t));
}

static void
step_not(Slot *in, Vector *dst, const Vector *v, int nrows)
{
    vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    const uint8_t *s = v->data;
    if (v->shape == VEC_CONST) {
        dst->shape = VEC_CONST;
        d[0] = !s[0];
        if (vec_is_null(v, 0)) {
            dst->valid = dst->own_valid;
            dst->valid[0] = 0;
            d[0] = 0;
        }
        return;
    }
    copy_valid(dst, v, nrows);
    for (int k = 0; k < in->n; k++) {
        int i = exec_row(in->sel, k);
        d[i] = s[i] == 0;
    }
}

static void
step_null_test(Slot *in, Vector *dst, const Vector *v, bool not_null)
{
    vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    if (v->shape == VEC_CONST || v->valid == NULL) {
        dst->shape = VEC_CONST;
        d[0] = (v->shape == VEC_CONST && vec_is_null(v, 0)) != not_null;
        return;
    }
    for (int k = 0; k < in->n; k++) {
        int i = exec_row(in->sel, k);
        d[i] = bits_get(v->valid, (size_t)i) == not_null;
    }
}

static void
step_bool_test(Slot *in, Vector *dst, const Vector *v, BoolTestKind kind)
{
    vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    const uint8_t *s = v->data;
    for (int k = 0; k < in->n; k++) {
        int i = exec_row(in->sel, k);
        bool null = vec_is_null(v, i), is = !null && s[vec_index(v, i)] != 0;
        switch (kind) {
        case IS_TRUE: d[i] = is; break;
        case IS_NOT_TRUE: d[i] = !is; break;
        case IS_FALSE: d[i] = !null && !is; break;
        case IS_NOT_FALSE: d[i] = null || is; break;
        case IS_UNKNOWN: d[i] = null; break;
        case IS_NOT_UNKNOWN: d[i] = !null; break;
        }
    }
}

/* The equality of args under the rows where neither is NULL; the result goes to register slot2. */
static Status
run_equality(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    Vector *args[2] = {p->regs[s->args[0]], p->regs[s->args[1]]}, *eq = p->regs[s->slot2];
    Slot *both = &p->slots[s->id];
    int m = 0;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        both->buf[m] = (uint16_t)i;
        m += !vec_is_null(args[0], i) && !vec_is_null(args[1], i);
    }
    both->sel = m == slot->n ? slot->sel : both->buf;
    both->n = m;
    vec_reset(eq, PHYS_BOOL);
    if (m == 0) return QN_OK;
    KernelCall *call = s->call;
    call->args[0] = args[0];
    call->args[1] = args[1];
    call->out = eq;
    TRY_ALLOC(p->ctx, call->arena, expr_batch_arena(p));
    call->sel = both->sel;
    call->n = m;
    (void)nrows;
    return s->fn->kernel(call);
}

static Status
step_distinct(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    TRY(run_equality(p, s, slot, nrows));
    const Vector *a = p->regs[s->args[0]], *b = p->regs[s->args[1]], *eq = p->regs[s->slot2];
    Vector *dst = p->regs[s->dst];
    vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        bool na = vec_is_null(a, i), nb = vec_is_null(b, i);
        bool distinct = na || nb ? na != nb : ((const uint8_t *)eq->data)[i] == 0;
        d[i] = distinct != s->flag;
    }
    return QN_OK;
}

static Status
step_nullif(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    TRY(run_equality(p, s, slot, nrows));
    Vector *dst = p->regs[s->dst], *eq = p->regs[s->slot2];
    bool filled = false;
    vec_reset(dst, type_phys(dst->type, -1));
    TRY(exec_vec_move(p->ctx, expr_batch_arena(p), dst, p->regs[s->args[0]], slot->sel, slot->n, &filled, nrows));
    const Slot *both = &p->slots[s->id];
    for (int k = 0; k < both->n; k++) {
        int i = exec_row(both->sel, k);
        if (vec_is_null(eq, i) || ((const uint8_t *)eq->data)[i] == 0) continue;
        vec_set_null(dst, i);
        if (dst->phys == PHYS_STR) memset((Str *)dst->data + i, 0, sizeof(Str));
    }
    return QN_OK;
}

static Status
step_move(ExprProg *p, Step *s, Slot *slot, int nrows)
{
    Vector *dst = p->regs[s->dst];
    if (s->fresh) {
        vec_reset(dst, type_phys(dst->type, -1));
        p->reg_filled[s->dst] = false;
    }
    if (s->op == STEP_MOVE_SET) sel_null(slot, p->regs[s->args[0]], false, &p->slots[s->slot_out]);
    return exec_vec_move(p->ctx, expr_batch_arena(p), dst, p->regs[s->args[0]], slot->sel, slot->n,
                         &p->reg_filled[s->dst], nrows);
}

static Status
step_minmax(ExprProg *p, Step *s, Slot *slot)
{
    Vector *dst = p->regs[s->dst];
    const TypeInfo *t = type_info(s->expr->type);
    if (t == NULL || t->cmp == NULL)
        return RAISE(p->ctx, ERR_UNDEFINED_FUNCTION, "could not identify a comparison function for type %s",
                     t != NULL ? t->sql_name : "???");
    bool fresh = true;
    vec_reset(dst, type_phys(dst->type, -1));
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        Value best = value_null(s->expr->type);
        for (int j = 0; j < s->nargs; j++) {
            Value v = vec_get(p->regs[s->args[j]], i);
            if (v.is_null) continue;
            if (best.is_null || (s->flag ? t->cmp(&v, &best) > 0 : t->cmp(&v, &best) < 0)) best = v;
        }
        best.type = s->expr->type;
        if (dst->type == TYPE_NUMERIC && !best.is_null) {
            if (fresh) {
                dst->phys = best.phys;
                dst->scale = best.scale;
                fresh = false;
            } else if (dst->phys != best.phys || dst->scale != best.scale) {
                TRY(exec_numeric_vec_to_str(p->ctx, expr_batch_arena(p), dst, NULL, p->cap));
                TRY(exec_numeric_to_str(p->ctx, expr_batch_arena(p), &best));
                best.scale = 0;
            }
        }
        if (best.is_null) {
            vec_set_null(dst, i);
            memset((char *)dst->data + (size_t)i * phys_width[dst->phys], 0, phys_width[dst->phys]);
        } else {
            vec_put(dst, i, &best);
        }
    }
    return QN_OK;
}

static Status
step_coerce_io(ExprProg *p, Step *s, Slot *slot)
{
    Vector *dst = p->regs[s->dst];
    const Vector *src = p->regs[s->args[0]];
    Arena *arena;
    TRY_ALLOC(p->ctx, arena, expr_batch_arena(p));
    vec_reset(dst, type_phys(dst->type, -1));
    Slot one = {NULL, 1, NULL};
    bool is_const = src->shape == VEC_CONST && slot->n > 0, fresh = true;
    if (is_const) slot = &one;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        Value v = vec_get(src, i);
        if (v.is_null) {
            vec_set_null(dst, i);
            memset((char *)dst->data + (size_t)i * phys_width[dst->phys], 0, phys_width[dst->phys]);
            continue;
        }
        StrBuf text = strbuf_new(arena);
        TRY(value_out(p->ctx, &text, &v));
        if (text.failed) return RAISE_OOM(p->ctx);
        Value out;
        TRY(value_in(p->ctx, arena, text.data != NULL ? text.data : "", text.nbytes, s->expr->type,
                     s->expr->typmod, &out));
        if (dst->type == TYPE_NUMERIC && (dst->phys != out.phys || dst->scale != out.scale)) {
            if (fresh) {
                dst->phys = out.phys;
                dst->scale = out.scale;
            } else {
                TRY(exec_numeric_vec_to_str(p->ctx, arena, dst, NULL, p->cap));
                TRY(exec_numeric_to_str(p->ctx, arena, &out));
                out.scale = 0;
            }
        }
        fresh = false;
        vec_put(dst, i, &out);
    }
    if (is_const) dst->shape = VEC_CONST;
    return QN_OK;
}

static Status
step_rowcmp(ExprProg *p, Step *s, Slot *slot)
{
    int n = s->nargs / 2;
    Vector *dst = p->regs[s->dst];
    vec_reset(dst, PHYS_BOOL);
    uint8_t *d = dst->data;
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k), c = 0;
        bool null = false;
        for (int j = 0; j < n && c == 0 && !null; j++) {
            Value a = vec_get(p->regs[s->args[j]], i), b = vec_get(p->regs[s->args[n + j]], i);
            if (a.is_null || b.is_null) {
                null = true;
            } else {
                const TypeInfo *t = type_info(a.type);
                if (t == NULL || t->cmp == NULL)
                    return RAISE(p->ctx, ERR_UNDEFINED_FUNCTION, "could not identify a comparison function");
                c = t->cmp(&a, &b);
            }
        }
        if (null) {
            vec_set_null(dst, i);
            d[i] = 0;
            continue;
        }
        switch ((SelKind)s->id) {
        case SEL_LT: d[i] = c < 0; break;
        case SEL_LE: d[i] = c <= 0; break;
        case SEL_GT: d[i] = c > 0; break;
        case SEL_GE: d[i] = c >= 0; break;
        case SEL_EQ: d[i] = c == 0; break;
        default: d[i] = c != 0; break;
        }
    }
    return QN_OK;
}

static Status
step_domain(ExprProg *p, Step *s, Slot *slot)
{
    const CoerceToDomainExpr *e = (const CoerceToDomainExpr *)s->expr;
    const Vector *v = p->regs[s->args[0]];
    for (int k = 0; k < slot->n; k++) {
        int i = exec_row(slot->sel, k);
        bool null = vec_is_null(v, i);
        if (s->op == STEP_DOMAIN_NULL && null)
            return RAISE(p->ctx, ERR_NOT_NULL_VIOLATION, "domain %s does not allow null values", e->domain_name);
        if (s->op == STEP_DOMAIN_CHECK && !null && ((const uint8_t *)v->data)[vec_index(v, i)] == 0)
            return RAISE(p->ctx, ERR_CHECK_VIOLATION, "value for domain %s violates check constraint \"%s\"", e->domain_name,
                         e->check_names[s->id]);
    }
    return QN_OK;
}

static Status
run_step(ExprProg *p, Step *s, int nrows)
{
    Slot *slot = &p->slots[s->slot];
    Vector **regs = p->regs;
    switch ((StepOp)s->op) {
    case STEP_CALL: return expr_step_call(p, s, slot, nrows);
    case STEP_SEL: {
        Slot *out = &p->slots[s->slot_out];
        out->n = slot->n == 0 ? 0
                              : s->sel_fn(regs[s->args[0]], regs[s->args[1]], slot->sel, slot->n, out->buf);
        out->sel = out->n == slot->n ? slot->sel : out->buf;
        return QN_OK;
    }
    case STEP_SEL_BOOL: sel_bool(slot, regs[s->args[0]], !s->flag, &p->slots[s->slot_out]); return QN_OK;
    case STEP_SEL_NULL: sel_null(slot, regs[s->args[0]], s->flag, &p->slots[s->slot_out]); return QN_OK;
    case STEP_SEL_NONE:
        p->slots[s->slot_out].sel = p->slots[s->slot_out].buf;
        p->slots[s->slot_out].n = 0;
        return QN_OK;
    case STEP_SEL_MINUS: {
        Slot *out = &p->slots[s->slot_out], *hit = &p->slots[s->slot2];
        if (hit->n == 0) {
            out->sel = slot->sel;
            out->n = slot->n;
        } else if (hit->n == slot->n) {
            out->sel = out->buf;
            out->n = 0;
        } else {
            out->n = exec_sel_minus(slot->sel, slot->n, hit->sel, hit->n, out->buf);
            out->sel = out->buf;
        }
        return QN_OK;
    }
    case STEP_SEL_MERGE: {
        Slot *out = &p->slots[s->slot_out], *other = &p->slots[s->slot2];
        const Slot *whole = slot->n == 0 ? other : other->n == 0 ? slot : NULL;
        if (whole != NULL) {
            out->sel = whole->sel;
            out->n = whole->n;
        } else {
            out->n = exec_sel_merge(slot->sel, slot->n, other->sel, other->n, out->buf);
            out->sel = out->n == p->slots[0].n ? p->slots[0].sel : out->buf;
        }
        return QN_OK;
    }
    case STEP_BOOL_ACC:
        bool_acc(slot, regs[s->dst], regs[s->args[0]], s->flag, s->fresh, &p->slots[s->slot_out]);
        return QN_OK;
    case STEP_NOT: step_not(slot, regs[s->dst], regs[s->args[0]], nrows); return QN_OK;
    case STEP_NULLTEST:
        if (type_is_row(regs[s->args[0]]->type)) return expr_step_field(p, s, slot, nrows);
        step_null_test(slot, regs[s->dst], regs[s->args[0]], s->flag);
        return QN_OK;
    case STEP_BOOLTEST:
        step_bool_test(slot, regs[s->dst], regs[s->args[0]], (BoolTestKind)s->id);
        return QN_OK;
    case STEP_DISTINCT: return step_distinct(p, s, slot, nrows);
    case STEP_NULLIF: return step_nullif(p, s, slot, nrows);
    case STEP_MOVE:
    case STEP_MOVE_SET: return step_move(p, s, slot, nrows);
    case STEP_MINMAX: return step_minmax(p, s, slot);
    case STEP_RELABEL: {
        Vector *dst = regs[s->dst];
        *dst = *regs[s->args[0]];
        dst->type = type_base(s->expr->type);
        return QN_OK;
    }
    case STEP_COERCE_IO: return step_coerce_io(p, s, slot);
    case STEP_ROWCMP: return step_rowcmp(p, s, slot);
    case STEP_ARRAY_OP: return expr_step_array_op(p, s, slot, nrows);
    case STEP_ARRAY: return expr_step_array(p, s, slot, nrows);
    case STEP_SUBSCRIPT: return expr_step_subscript(p, s, slot, nrows);
    case STEP_ARRAY_SET: return expr_step_array_set(p, s, slot);
    case STEP_FIELD_SET: return expr_step_field_set(p, s, slot);
    case STEP_ARRAY_COERCE: return expr_step_array_coerce(p, s, slot, nrows);
    case STEP_ROW: return expr_step_row(p, s, slot, nrows);
    case STEP_FIELD: return expr_step_field(p, s, slot, nrows);
    case STEP_DOMAIN_NULL:
    case STEP_DOMAIN_CHECK: return step_domain(p, s, slot);
    case STEP_INIT_PARAM: return slot->n == 0 ? QN_OK : exec_init_param(p->exec, s->id);
    case STEP_SUBPLAN: return expr_step_subplan(p, s, slot, nrows);
    }
    return QN_OK;
}

static Status
begin(ExprProg *p, Batch *outer, Batch *inner, const uint16_t *sel, int n, int nrows)
{
    if (nrows > p->cap || p->cap == 0) TRY(expr_reserve(p, nrows));
    if (p->dirty) {
        arena_reset(p->batch_arena);
        p->dirty = false;
    }
    p->slots[0].sel = sel;
    p->slots[0].n = n;
    return load_inputs(p, outer, inner, sel, n);
}

Status
expr_run_steps(ExprProg *p, int nrows)
{
    for (int i = 0; i < p->nsteps; i++) TRY(run_step(p, &p->steps[i], nrows));
    return QN_OK;
}

Status
expr_run(ExprProg *p, Batch *outer, Batch *inner, const uint16_t *sel, int n, int nrows)
{
    TRY(begin(p, outer, inner, sel, n, nrows));
    return expr_run_steps(p, nrows);
}

Vector *
expr_result(const ExprProg *p, int i)
{
    return p->regs[p->results[i]];
}

int
expr_count(const ExprProg *p)
{
    return p->nresults;
}

Status
expr_filter(ExprProg *p, Batch *outer, Batch *inner, const uint16_t *sel, int n, int nrows,
            uint16_t *sel_out, int *n_out)
{
    TRY(begin(p, outer, inner, sel, n, nrows));
    /* Conditions are in order: once nothing is left the others need not run, but steps are cheap on empty slots. */
    TRY(expr_run_steps(p, nrows));
    const Slot *s = &p->slots[p->filter_slot];
    if (s->sel == NULL)
        for (int i = 0; i < s->n; i++) sel_out[i] = (uint16_t)i;
    else if (s->sel != sel_out)
        memmove(sel_out, s->sel, (size_t)s->n * sizeof(uint16_t));
    *n_out = s->n;
    return QN_OK;
}

Status
expr_eval(ExprProg *p, Value *out)
{
    if (p->nsteps > 0) TRY(expr_run(p, NULL, NULL, NULL, 1, 1)); /* else it is a constant or a parameter */
    *out = vec_get(expr_result(p, 0), 0);
    return QN_OK;
}
