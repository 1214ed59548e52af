/* bind_window.c - window definitions, calls of window functions, and the Window nodes that compute them. */
#include "planner/bind_priv.h"

static Status
window_error(Scope *s, int loc, const char *what, const char *name)
{
    return err_position(s->ctx, RAISE(s->ctx, ERR_WINDOWING_ERROR, what, name), loc);
}

static Window *
find_window(Scope *s, const char *name)
{
    for (int i = 0; i < s->windows.count; i++)
        if (s->windows.items[i].name != NULL && strcmp(s->windows.items[i].name, name) == 0) return &s->windows.items[i];
    return NULL;
}

/* ---- frames ---- */

static Status
find_var(Ctx *ctx, Expr **slot, void *arg)
{
    Scope *s = ((void **)arg)[0];
    if ((*slot)->tag == EXPR_ColumnRef && s->b->rel_level[((ColumnRefExpr *)*slot)->rel] == s->level) {
        ((void **)arg)[1] = *slot;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, find_var, arg);
}

/* RANGE with an offset of a type that can be added to the ordering column. */
static Status
bind_range_offset(Scope *s, Window *w, Expr **offset)
{
    static const struct { Oid key, offset; } in_range[] = {
        {TYPE_INT8, TYPE_INT8}, {TYPE_INT4, TYPE_INT4}, {TYPE_INT4, TYPE_INT8}, {TYPE_INT4, TYPE_INT2},
        {TYPE_INT2, TYPE_INT2}, {TYPE_INT2, TYPE_INT4}, {TYPE_INT2, TYPE_INT8}, {TYPE_FLOAT8, TYPE_FLOAT8},
        {TYPE_FLOAT4, TYPE_FLOAT8}, {TYPE_NUMERIC, TYPE_NUMERIC}, {TYPE_DATE, TYPE_INTERVAL},
        {TYPE_TIME, TYPE_INTERVAL}, {TYPE_TIMESTAMP, TYPE_INTERVAL}, {TYPE_TIMESTAMPTZ, TYPE_INTERVAL},
        {TYPE_INTERVAL, TYPE_INTERVAL}};
    SortKey *key = &w->order.items[0];
    Oid type = key->expr->type, want = 0, given = (*offset)->type;
    int nmatches = 0;
    bool known = false;

    for (size_t i = 0; i < sizeof(in_range) / sizeof(in_range[0]); i++) {
        if (in_range[i].key != type) continue;
        known = true;
        if (in_range[i].offset == given) {
            want = given;
            nmatches = 1;
            break;
        }
        if (given == TYPE_UNKNOWN ? in_range[i].offset == type || want == 0
                                  : coerce_possible(1, &given, &in_range[i].offset, CAST_IMPLICIT)) {
            if (nmatches == 0 || in_range[i].offset == type) want = in_range[i].offset;
            nmatches++;
        }
    }
    Status st;
    if (!known) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", type_text(s->ps, type));
        return err_position(s->ctx, st, expr_location(*offset));
    }
    if (want == 0) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s",
                   type_text(s->ps, type), type_text(s->ps, given));
        st = err_hint(s->ctx, st, "Cast the offset value to an appropriate type.");
        return err_position(s->ctx, st, expr_location(*offset));
    }
    TRY(coerce_type(s->ps, *offset, want, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, offset));

    /* Small integers as bigint, so that key +- offset stays in range where the key's own type would overflow. */
    if (type == TYPE_INT2 || type == TYPE_INT4) {
        want = TYPE_INT8;
        TRY(coerce_type(s->ps, *offset, want, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, offset));
        TRY(coerce_type(s->ps, key->expr, want, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &key->expr));
        key->lt_op = ordering_op(want, key->desc);
        type = want;
    }

    /* Bounds are compared with the key, so key +- offset must have the key's type: date becomes timestamp,
     * int2 + int8 becomes int8 and so on; the wider type sorts the same. */
    const Operator *add = find_operator("+", type, want);
    if (add != NULL && add->result != type) {
        Oid wide = add->result;
        TRY(coerce_type(s->ps, key->expr, wide, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &key->expr));
        key->lt_op = ordering_op(wide, key->desc);
        type = wide;
        add = find_operator("+", type, want);
    }
    const Operator *sub = find_operator("-", type, want);
    w->frame.range_add = add != NULL ? fn_by_oid(add->function) : NULL;
    w->frame.range_sub = sub != NULL ? fn_by_oid(sub->function) : NULL;
    return QN_OK;
}

static Status
bind_frame_offset(Scope *s, Window *w, const Ast *a, Expr **out)
{
    static const Clause clauses[] = {CLAUSE_FRAME_RANGE, CLAUSE_FRAME_ROWS, CLAUSE_FRAME_GROUPS};
    static const char *const names[] = {"RANGE", "ROWS", "GROUPS"};
    *out = NULL;
    if (a == NULL) return QN_OK;
    TRY(bind_expr_in(s, a, clauses[w->frame.mode], out));
    if (w->frame.mode == FRAME_RANGE) TRY(bind_range_offset(s, w, out));
    else TRY(coerce_to_bigint(s->ps, out, names[w->frame.mode]));
    void *search[2] = {s, NULL};
    TRY(find_var(s->ctx, out, search));
    if (search[1] != NULL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "argument of %s must not contain variables", names[w->frame.mode]),
                            ((Expr *)search[1])->loc);
    return QN_OK;
}

static Status
bind_frame(Scope *s, const WindowDef *d, Window *w)
{
    WindowFrame *f = &w->frame;
    *f = (WindowFrame){.mode = FRAME_RANGE, .start = BOUND_UNBOUNDED_PRECEDING, .end = BOUND_CURRENT_ROW, .is_default = true};
    if (d->mode == AST_FRAME_DEFAULT) return QN_OK;
    w->has_frame = true;
    f->is_default = false;
    f->mode = d->mode == AST_FRAME_ROWS ? FRAME_ROWS : d->mode == AST_FRAME_GROUPS ? FRAME_GROUPS : FRAME_RANGE;
    f->start = (FrameBound)d->start;
    f->end = d->between ? (FrameBound)d->end : BOUND_CURRENT_ROW;
    f->exclude = (FrameExclude)d->exclude;
    bool offsets = d->start_offset != NULL || d->end_offset != NULL;
    if (f->mode == FRAME_RANGE && offsets && w->order.count != 1)
        return window_error(s, d->loc, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column%s", "");
    if (f->mode == FRAME_GROUPS && w->order.count == 0)
        return window_error(s, d->loc, "GROUPS mode requires an ORDER BY clause%s", "");
    TRY(bind_frame_offset(s, w, d->start_offset, &f->start_offset));
    return bind_frame_offset(s, w, d->end_offset, &f->end_offset);
}

/* ---- definitions ---- */

static Status
inherit_window(Scope *s, const WindowDef *d, Window *w, const char *from, bool bare)
{
    Window *base = find_window(s, from);
    if (base == NULL)
        return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "window \"%s\" does not exist", from), d->loc);
    if (bare) {
        *w = *base;
        return QN_OK;
    }
    if (d->partition_by.count > 0) return window_error(s, d->loc, "cannot override PARTITION BY clause of window \"%s\"", from);
    if (d->order_by.count > 0 && base->order.count > 0)
        return window_error(s, d->loc, "cannot override ORDER BY clause of window \"%s\"", from);
    if (base->has_frame) {
        Status st = window_error(s, d->loc, "cannot copy window \"%s\" because it has a frame clause", from);
        if (d->name == NULL && d->order_by.count == 0 && d->mode == AST_FRAME_DEFAULT)
            st = err_hint(s->ctx, st, "Omit the parentheses in this OVER clause.");
        return st;
    }
    w->partition = base->partition;
    /* copied: frames may change a key's type */
    for (int i = 0; i < base->order.count; i++) TRY(array_push(s->ctx, s->ps->arena, &w->order, base->order.items[i]));
    return QN_OK;
}

static Status
bind_window_def(Scope *s, const WindowDef *d, Window *w)
{
    memset(w, 0, sizeof(*w));
    w->loc = d->loc;
    if (d->ref_name != NULL) TRY(inherit_window(s, d, w, d->ref_name, false));
    for (int i = 0; i < d->partition_by.count; i++) {
        Expr *e;
        TRY(bind_expr_in(s, d->partition_by.items[i], CLAUSE_PARTITION, &e));
        TRY(resolve_unknown(s, &e));
        if (ordering_op(e->type, false) == 0)
            return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_FUNCTION, "could not identify an ordering operator for type %s", type_text(s->ps, e->type)), expr_location(e));
        TRY(array_push(s->ctx, s->ps->arena, &w->partition, e));
    }
    for (int i = 0; i < d->order_by.count; i++) {
        const SortBy *sb = AST_AS(SortBy, d->order_by.items[i]);
        SortItem item;
        Expr *e;
        TRY(bind_expr_in(s, sb->expr, CLAUSE_WINDOW_ORDER, &e));
        TRY(sort_item_make(s, &e, sb, &item));
        SortKey key = {e, item.desc, item.nulls_first, item.lt_op};
        TRY(array_push(s->ctx, s->ps->arena, &w->order, key));
    }
    return bind_frame(s, d, w);
}

Status
bind_window_clause(Scope *s, const AstList *defs)
{
    for (int i = 0; i < defs->count; i++) {
        const WindowDef *d = AST_AS(WindowDef, defs->items[i]);
        Window w;
        if (find_window(s, d->name) != NULL) return window_error(s, d->loc, "window \"%s\" is already defined", d->name);
        TRY(bind_window_def(s, d, &w));
        w.name = d->name;
        TRY(array_push(s->ctx, s->ps->arena, &s->windows, w));
    }
    return QN_OK;
}

static bool
same_keys(const SortKeyList *a, const SortKeyList *b)
{
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (a->items[i].desc != b->items[i].desc || a->items[i].nulls_first != b->items[i].nulls_first ||
            a->items[i].lt_op != b->items[i].lt_op || !expr_equal(a->items[i].expr, b->items[i].expr))
            return false;
    return true;
}

static bool
same_window(const Window *a, const Window *b)
{
    const WindowFrame *x = &a->frame, *y = &b->frame;
    if (a->partition.count != b->partition.count || !same_keys(&a->order, &b->order)) return false;
    for (int i = 0; i < a->partition.count; i++)
        if (!expr_equal(a->partition.items[i], b->partition.items[i])) return false;
    return x->mode == y->mode && x->start == y->start && x->end == y->end && x->exclude == y->exclude &&
           expr_equal(x->start_offset, y->start_offset) && expr_equal(x->end_offset, y->end_offset);
}

/* ---- calls ---- */

static Status
windows_not_allowed(Scope *s, int loc)
{
    Status st;
    switch (s->clause) {
    case CLAUSE_NONE:
    case CLAUSE_SELECT:
    case CLAUSE_ORDER_BY:
    case CLAUSE_DISTINCT_ON: return QN_OK;
    case CLAUSE_JOIN_ON: st = RAISE(s->ctx, ERR_WINDOWING_ERROR, "window functions are not allowed in JOIN conditions"); break;
    case CLAUSE_FROM_FUNCTION: st = RAISE(s->ctx, ERR_WINDOWING_ERROR, "window functions are not allowed in functions in FROM"); break;
    case CLAUSE_PARTITION:
    case CLAUSE_WINDOW_ORDER:
    case CLAUSE_FRAME_RANGE:
    case CLAUSE_FRAME_ROWS:
    case CLAUSE_FRAME_GROUPS: st = RAISE(s->ctx, ERR_WINDOWING_ERROR, "window functions are not allowed in window definitions"); break;
    default: st = RAISE(s->ctx, ERR_WINDOWING_ERROR, "window functions are not allowed in %s", clause_name(s->clause)); break;
    }
    return err_position(s->ctx, st, loc);
}

static Status
find_nested_window(Ctx *ctx, Expr **slot, void *arg)
{
    if ((*slot)->tag == EXPR_Window) {
        *(Expr **)arg = *slot;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, find_nested_window, arg);
}

Status
bind_window_call(Scope *s, const FuncCall *f, FuncMatch *m, Expr **args, int nargs, Expr **out)
{
    const char *name = m->agg != NULL ? m->agg->name : m->winfn->name;
    Status st;
    if (f->agg_distinct) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "DISTINCT is not implemented for window functions");
        return err_position(s->ctx, st, f->loc);
    }
    if (m->agg != NULL && m->agg->kind != 'n') {
        if (!f->agg_within_group) {
            st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "WITHIN GROUP is required for ordered-set aggregate %s", name);
            return err_position(s->ctx, st, f->loc);
        }
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "OVER is not supported for ordered-set aggregate %s", name);
        return err_position(s->ctx, st, f->loc);
    }
    if (f->agg_order.count > 0) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "aggregate ORDER BY is not implemented for window functions");
        return err_position(s->ctx, st, f->loc);
    }
    if (m->winfn != NULL && f->agg_star) {
        st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "%s(*) specified, but %s is not an aggregate function", name, name);
        return err_position(s->ctx, st, f->loc);
    }
    if (m->winfn != NULL && f->agg_filter != NULL) {
        st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "FILTER is not implemented for non-aggregate window functions");
        return err_position(s->ctx, st, f->loc);
    }
    if (m->agg != NULL && nargs == 0 && !f->agg_star) {
        st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "%s(*) must be used to call a parameterless aggregate function", name);
        return err_position(s->ctx, st, f->loc);
    }
    TRY(windows_not_allowed(s, f->loc));
    WindowExpr *w;
    TRY_ALLOC(s->ctx, w, EXPR_NEW(s->ps->arena, Window, m->result, -1, f->loc));
    w->fn = m->winfn;
    w->agg = m->agg;
    w->star = f->agg_star;
    for (int i = 0; i < nargs; i++) {
        if (args[i]->type == TYPE_UNKNOWN) TRY(resolve_unknown(s, &args[i]));
        Expr *nested = NULL;
        TRY(find_nested_window(s->ctx, &args[i], &nested));
        if (nested != NULL) return window_error(s, nested->loc, "window function calls cannot be nested%s", "");
    }
    w->args = (ExprList){args, nargs, nargs};
    if (f->agg_filter != NULL) {
        TRY(bind_expr_in(s, f->agg_filter, CLAUSE_FILTER, &w->filter));
        TRY(coerce_to_boolean(s->ps, &w->filter, "FILTER"));
    }
    /* OVER name; OVER (...) is a window of its own unless one like it is there. */
    const WindowDef *d = AST_AS(WindowDef, f->over);
    Window win;
    if (d->name != NULL) {
        Window *named = find_window(s, d->name);
        if (named == NULL) return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "window \"%s\" does not exist", d->name), d->loc);
        w->window = (int)(named - s->windows.items);
    } else {
        TRY(bind_window_def(s, d, &win));
        int i = 0;
        while (i < s->windows.count && !same_window(&s->windows.items[i], &win)) i++;
        if (i == s->windows.count) TRY(array_push(s->ctx, s->ps->arena, &s->windows, win));
        w->window = i;
    }
    s->has_windows = true;
    *out = (Expr *)w;
    return QN_OK;
}

/* ---- nodes ---- */

typedef struct WindowWork {
    Scope *s;
    LWindow **nodes; /* by window; NULL: not made yet, or not used */
    int collecting;  /* 1: count uses; 0: replace */
    int *uses;
} WindowWork;

static Status
replace_windows(Ctx *ctx, Expr **slot, void *arg)
{
    WindowWork *w = arg;
    if ((*slot)->tag == EXPR_Window) {
        WindowExpr *e = (WindowExpr *)*slot;
        if (w->collecting) {
            w->uses[e->window]++;
            return QN_OK;
        }
        LWindow *node = w->nodes[e->window];
        ColumnRefExpr *c;
        int i = 0;
        while (i < node->fns.count && !expr_equal(node->fns.items[i], (Expr *)e)) i++;
        if (i == node->fns.count) TRY(array_push(ctx, w->s->ps->arena, &node->fns, (Expr *)e));
        node->base.ncols = node->fns.count;
        TRY_ALLOC(ctx, c, EXPR_NEW(w->s->ps->arena, ColumnRef, e->base.type, e->base.typmod, e->base.loc));
        c->rel = node->base.rel;
        c->col = i;
        c->name = e->fn != NULL ? e->fn->name : e->agg->name;
        *slot = (Expr *)c;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, replace_windows, arg);
}

/* How many leading keys (partition, then order) two windows share. */
static int
shared_keys(const Window *a, const Window *b)
{
    int n = 0;
    while (n < a->partition.count && n < b->partition.count && expr_equal(a->partition.items[n], b->partition.items[n])) n++;
    if (n < a->partition.count || n < b->partition.count) return n;
    int m = 0;
    while (m < a->order.count && m < b->order.count && a->order.items[m].desc == b->order.items[m].desc &&
           a->order.items[m].nulls_first == b->order.items[m].nulls_first && expr_equal(a->order.items[m].expr, b->order.items[m].expr))
        m++;
    return n + m;
}

Status
plan_windows(SelectState *st)
{
    Scope *s = st->scope;
    PlanState *ps = s->ps;
    int n = s->windows.count;
    WindowWork w = {.s = s, .collecting = 1};
    TRY_ALLOC(s->ctx, w.nodes, ARENA_ARRAY(ps->arena, LWindow *, n + 1));
    TRY_ALLOC(s->ctx, w.uses, ARENA_ARRAY(ps->arena, int, n + 1));
    for (int i = 0; i < st->targets.count; i++) TRY(replace_windows(s->ctx, &st->targets.items[i].expr, &w));

    /* Those that can share a sort lie above one another, the longest sort at the bottom. */
    const Window *last = NULL;
    for (int placed = 0;; placed++) {
        int best = -1, best_shared = -1, best_len = -1;
        for (int i = 0; i < n; i++) {
            if (w.uses[i] == 0 || w.nodes[i] != NULL) continue;
            const Window *win = &s->windows.items[i];
            int shared = last != NULL ? shared_keys(last, win) : 0, len = win->partition.count + win->order.count;
            if (shared > best_shared || (shared == best_shared && len > best_len)) best = i, best_shared = shared, best_len = len;
        }
        if (best < 0) break;
        const Window *win = &s->windows.items[best];
        LWindow *node;
        TRY_ALLOC(s->ctx, node, LNODE_NEW(ps, Window, 0));
        TRY(rel_set_level(s, node->base.rel));
        node->base.left = st->root;
        node->partition = win->partition;
        node->order = win->order;
        node->frame = win->frame;
        node->name = win->name;
        w.nodes[best] = node;
        st->root = (LNode *)node;
        last = win;
    }
    w.collecting = 0;
    for (int i = 0; i < st->targets.count; i++) TRY(replace_windows(s->ctx, &st->targets.items[i].expr, &w));
    return QN_OK;
}
