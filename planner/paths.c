/* paths.c - ways to read one input of a join block (sequentially, by an index, with values from other inputs), and
 * making plan nodes of the path that won. */
#include "planner/indexexpr.h"
#include "planner/opt.h"
#include "planner/predtest.h"
#include "storage/index.h"
#include "planner/rewrite.h"
#include "types/opclass.h"
#include <math.h>

/* Pages in the unit costs are in. */
static double
rel_pages(const Relation *r)
{
    if (r->pages > 0) return r->pages * 2; /* 16 KiB pages in PostgreSQL's 8 KiB */
    return r->tuples > 0 ? fmax(1, r->tuples / 100) : 10;
}

static bool
is_leaf_column(const Leaf *leaf, Expr *e, int attnum)
{
    e = opt_strip_relabel(e);
    return e->tag == EXPR_ColumnRef && ((ColumnRefExpr *)e)->rel == leaf->node->rel &&
           ((ColumnRefExpr *)e)->col == attnum - 1;
}

static bool
is_string_type(Oid t)
{
    return t == TYPE_TEXT || t == TYPE_VARCHAR || t == TYPE_NAME || t == TYPE_UNKNOWN;
}

/* Whether a value of type v can be looked up as it is in a key of type k. */
static bool
key_takes(Oid k, Oid v)
{
    return k == v || (is_string_type(k) && is_string_type(v));
}

/* An integer constant of another width, as one of type k; NULL where it does not fit or is something else. */
static Expr *
refit_const(Opt *o, Expr *e, Oid k)
{
    if (e->tag != EXPR_Const) return NULL;
    Value v = ((ConstExpr *)e)->value;
    int64_t i;
    if (v.is_null) return NULL;
    if (v.type == TYPE_INT2) i = v.i16;
    else if (v.type == TYPE_INT4) i = v.i32;
    else if (v.type == TYPE_INT8) i = v.i64;
    else return NULL;
    if (k == TYPE_INT2 && i == (int16_t)i) v.i16 = (int16_t)i, v.phys = PHYS_I16;
    else if (k == TYPE_INT4 && i == (int32_t)i) v.i32 = (int32_t)i, v.phys = PHYS_I32;
    else if (k == TYPE_INT8) v.i64 = i, v.phys = PHYS_I64;
    else return NULL;
    v.type = k;
    ConstExpr *c = EXPR_NEW(o->arena, Const, k, -1, e->loc);
    if (c != NULL) c->value = v;
    return (Expr *)c;
}

/* e made of type k by an implicit cast, where that loses nothing (int4 to int8); NULL otherwise. */
static Expr *
widen(Opt *o, Expr *e, Oid k)
{
    bool up = (k == TYPE_INT8 && (e->type == TYPE_INT4 || e->type == TYPE_INT2)) || (k == TYPE_INT4 && e->type == TYPE_INT2);
    if (!up) return NULL;
    const Cast *c = cast_find(e->type, k);
    if (c == NULL || c->method != CAST_FUNCTION) return NULL;
    FuncExpr *f = EXPR_NEW(o->arena, Func, k, -1, e->loc);
    if (f == NULL) return NULL;
    f->fn = fn_by_oid(c->function);
    f->is_cast = true;
    f->coerce = COERCE_IMPLICIT;
    if (array_push(o->ctx, o->arena, &f->args, e) != QN_OK) return NULL;
    return &f->base;
}

/* Whether value is one value during a scan of leaf, whichever other columns it refers to. */
static bool
is_fixed_for(JoinBlock *b, const Leaf *leaf, Expr *value)
{
    Ctx *ctx = b->opt->ctx;
    ColSet used = {0};
    bool is_volatile = false, has_subplan = false;
    if (colset_add_expr(b->ps, &used, value) != QN_OK || expr_volatile(ctx, value, &is_volatile) != QN_OK || is_volatile)
        return false;
    for (int i = 0; i < used.count; i++)
        if (colset_has(&leaf->rels, (ColId){used.items[i].rel, 0})) return false;
    return expr_has_subplan(ctx, value, &has_subplan) == QN_OK && !has_subplan;
}

/* What a key column of an index is: an attribute, or an expression. */
typedef struct Key {
    int attnum; /* 0: */
    Expr *expr;
    Oid type;
} Key;

static bool
is_key(const Leaf *leaf, const Key *key, Expr *e)
{
    if (key->attnum != 0) return is_leaf_column(leaf, e, key->attnum);
    return expr_equal(opt_strip_relabel(e), opt_strip_relabel(key->expr));
}

/* Whether cond bounds the key by something that does not depend on leaf. */
static bool
match_bound(JoinBlock *b, const Leaf *leaf, const Key *key, Expr *cond, IndexBound *out)
{
    Oid key_type = key->type;
    Opt *o = b->opt;
    *out = (IndexBound){0};
    if (cond->tag == EXPR_NullTest) {
        NullTestExpr *t = (NullTestExpr *)cond;
        if (!is_key(leaf, key, t->arg)) return false;
        out->is_null_test = !t->is_not;
        out->is_not_null = t->is_not;
        out->cmp = SEL_NONE;
        return true;
    }
    Expr *col, *value;
    SelKind kind;
    if (cond->tag == EXPR_Func && ((FuncExpr *)cond)->op != NULL && ((FuncExpr *)cond)->args.count == 2) {
        FuncExpr *f = (FuncExpr *)cond;
        kind = f->op->sel;
        if (kind != SEL_EQ && (kind < SEL_LT || kind > SEL_GE)) return false;
        col = f->args.items[0];
        value = f->args.items[1];
        if (!is_key(leaf, key, col)) {
            Expr *t = col;
            col = value, value = t;
            kind = opt_commuted(kind);
        }
    } else if (cond->tag == EXPR_ArrayOp && !((ArrayOpExpr *)cond)->is_all && ((ArrayOpExpr *)cond)->op != NULL &&
               ((ArrayOpExpr *)cond)->op->sel == SEL_EQ) {
        ArrayOpExpr *a = (ArrayOpExpr *)cond;
        kind = SEL_EQ;
        col = a->left;
        value = a->array;
        const TypeInfo *t = type_info(value->type);
        if (t == NULL || !key_takes(key_type, t->elem_oid)) return false;
        out->is_array = true;
    } else {
        return false;
    }
    if (!is_key(leaf, key, col)) return false;
    if (!is_fixed_for(b, leaf, value)) return false;
    if (!out->is_array && !key_takes(key_type, value->type)) {
        Expr *fit = refit_const(o, value, key_type);
        if (fit == NULL) fit = widen(o, value, key_type);
        if (fit == NULL) return false;
        value = fit;
    }
    out->cmp = kind;
    out->value = value;
    return true;
}

/* ---- index paths ---- */

/* An index of the leaf's table. */
typedef struct LeafIndex {
    const IndexDef *def;
    const IndexKindInfo *kind;
    const IndexExprs *exprs; /* NULL: plain */
    ExprList conds;          /* of the leaf, as far as its predicate leaves something to check */
} LeafIndex;

static Key
index_key(const LeafIndex *x, int k)
{
    return (Key){x->def->attnums[k], x->exprs != NULL ? x->exprs->columns[k] : NULL, x->def->types[k]};
}

typedef struct IndexMatch {
    ARRAY(IndexBound) bounds;
    ExprList conds;
    int neq;         /* leading keys with equality */
    RelSet params;
} IndexMatch;

static RelSet
cond_others(const Cond *c, const Leaf *leaf)
{
    return c->rels & ~(1ull << leaf->bit);
}

/* Whether a join condition may be checked inside leaf's scan, given rows of the leaves in with. */
static bool
movable(const JoinBlock *b, const Cond *c, const Leaf *leaf, RelSet with)
{
    RelSet bit = 1ull << leaf->bit;
    if ((c->rels & bit) == 0 || (cond_others(c, leaf) & ~with) != 0) return false;
    if (c->special < 0) {
        if (c->required != c->rels) return false;
        /* Not below an outer join that could still null this leaf's columns, nor one that keeps the others' rows. */
        for (int i = 0; i < b->specials.count; i++) {
            const SpecialJoin *sj = b->specials.items[i];
            bool in_right = (sj->syn_right & bit) != 0, others_right = (cond_others(c, leaf) & sj->syn_right) != 0;
            if (in_right != others_right && cond_others(c, leaf) != 0) return false;
        }
        return true;
    }
    return (b->specials.items[c->special]->syn_right & bit) != 0;
}

static Status
match_index(JoinBlock *b, Leaf *leaf, const LeafIndex *x, RelSet with, IndexMatch *m)
{
    Ctx *ctx = b->ps->ctx;
    Arena *arena = b->ps->arena;
    for (int k = 0; k < x->def->nkeys; k++) {
        bool have_eq = false, have_lower = false, have_upper = false;
        const Key key = index_key(x, k);
        int total = leaf->conds.count + b->conds.count;
        /* Equalities first: one ends the search for this key. */
        for (int pass = 0; pass < 2 && !have_eq; pass++) {
            for (int i = 0; i < total && !have_eq; i++) {
                Cond *c = i < leaf->conds.count ? NULL : b->conds.items[i - leaf->conds.count];
                Expr *e = c == NULL ? leaf->conds.items[i] : c->expr;
                IndexBound bound;
                if (c != NULL && (with == 0 || !movable(b, c, leaf, with))) continue;
                if (!match_bound(b, leaf, &key, e, &bound)) continue;
                if (!x->kind->is_ordered && (bound.cmp != SEL_EQ || bound.is_array)) continue;
                bool eq = bound.cmp == SEL_EQ || bound.is_null_test;
                if (eq != (pass == 0)) continue;
                bool lower = bound.cmp == SEL_GT || bound.cmp == SEL_GE, upper = bound.cmp == SEL_LT || bound.cmp == SEL_LE;
                if ((lower && have_lower) || (upper && have_upper)) continue;
                if (bound.is_not_null && (have_lower || have_upper)) continue;
                bound.key = k;
                have_eq |= eq;
                have_lower |= lower || bound.is_not_null;
                have_upper |= upper || bound.is_not_null;
                if (c != NULL) m->params |= cond_others(c, leaf);
                TRY(array_push(ctx, arena, &m->bounds, bound));
                TRY(array_push(ctx, arena, &m->conds, e));
            }
        }
        if (!have_eq) break;
        m->neq++;
    }
    return QN_OK;
}

/* Columns of the leaf that the block above reads, its own conditions included. */
static bool
index_covers(JoinBlock *b, const Leaf *leaf, const LeafIndex *index)
{
    const IndexDef *x = index->def;
    if (!index->kind->can_return) return false;
    ColSet cols = {0};
    Ctx *ctx = b->ps->ctx;
    if (colset_add_all(ctx, b->ps->arena, &cols, b->need) != QN_OK) return false;
    if (colset_add_exprs(b->ps, &cols, &index->conds) != QN_OK) return false;
    for (int i = 0; i < cols.count; i++) {
        if (cols.items[i].rel != leaf->node->rel) continue;
        bool found = false;
        for (int k = 0; k < x->ncols; k++) found |= x->attnums[k] == cols.items[i].col + 1 && cols.items[i].col >= 0;
        if (!found) return false;
    }
    return true;
}

static Status
index_order(JoinBlock *b, const Leaf *leaf, const LeafIndex *index, bool backward, SortKeyList *out)
{
    const IndexDef *x = index->def;
    for (int k = 0; k < x->nkeys && index->kind->is_ordered; k++) {
        Expr *ref = x->attnums[k] == 0 ? index->exprs->columns[k] : rel_column_ref(b->ps, leaf->node->rel, x->attnums[k] - 1);
        if (ref == NULL) return RAISE_OOM(b->ps->ctx);
        SortKey key = {.expr = ref, .desc = x->desc[k] != backward, .nulls_first = x->nulls_first[k] != backward};
        key.lt_op = op_for_type(ref->type, key.desc ? SEL_GT : SEL_LT);
        TRY(array_push(b->ps->ctx, b->ps->arena, out, key));
    }
    return QN_OK;
}

/* The share of the table's rows that a scan of the index gives. */
static Status
index_selectivity(JoinBlock *b, const LeafIndex *index, const IndexMatch *m, double *out)
{
    ExprList all = {0};
    for (int i = 0; i < m->conds.count; i++) TRY(array_push(b->ps->ctx, b->ps->arena, &all, m->conds.items[i]));
    for (int i = 0; index->exprs != NULL && i < index->exprs->predicate.count; i++) {
        ExprList one = {.items = &index->exprs->predicate.items[i], .count = 1};
        if (!predicate_is_implied(b->ps->ctx, b->ps->arena, &one, &m->conds)) TRY(array_push(b->ps->ctx, b->ps->arena, &all, one.items[0]));
    }
    *out = sel_conditions(b->opt, &all);
    return QN_OK;
}

static double
index_correlation(Opt *o, const Relation *r, const IndexDef *x)
{
    if (x->attnums[0] != 0) return est_correlation(o, r, x->attnums[0] - 1);
    return x->stats != NULL && x->stats[0] != NULL && !isnan(x->stats[0]->correlation) ? x->stats[0]->correlation : 0;
}

/* Conditions of the leaf that the index does not check, and, when parametrised, join conditions checked here. */
static Status
add_index_path(JoinBlock *b, Leaf *leaf, const LeafIndex *index, const IndexMatch *m, bool backward, PathList *out)
{
    const IndexDef *x = index->def;
    Opt *o = b->opt;
    Ctx *ctx = b->ps->ctx;
    const Relation *r = ((LGet *)leaf->node)->relation;
    Path *p;
    TRY_ALLOC(ctx, p, ARENA_NEW(b->ps->arena, Path));
    p->kind = PATH_INDEX;
    p->leaf = leaf;
    p->rels = 1ull << leaf->bit;
    p->params = m->params;
    p->index = x;
    p->bounds = m->bounds.items;
    p->nbounds = m->bounds.count;
    p->index_cond = m->conds;
    p->backward = backward;
    p->width = leaf->width;
    p->index_only = index_covers(b, leaf, index);
    TRY(index_order(b, leaf, index, backward, &p->order));
    for (int i = 0; i < index->conds.count; i++)
        if (!exprlist_holds(&m->conds, index->conds.items[i]))
            TRY(array_push(ctx, b->ps->arena, &p->filter, index->conds.items[i]));
    double sel;
    TRY(index_selectivity(b, index, m, &sel));
    bool full_key = x->unique && !x->deferrable && m->neq >= x->nkeys;
    for (int i = 0; i < m->bounds.count; i++) full_key &= !m->bounds.items[i].is_array && !m->bounds.items[i].is_null_test;
    if (full_key) sel = fmin(sel, 1 / leaf->raw_rows);
    /* An order by several arrays' elements is the combinations', not the key's. */
    for (int i = 0; i < m->bounds.count; i++)
        if (m->bounds.items[i].is_array) p->order.count = 0;
    double index_pages = x->pages > 0 ? x->pages * 2 : fmax(1, leaf->raw_rows / 250);
    if (x->predicate != NULL && x->tuples > 0) index_pages *= fmax(1, leaf->raw_rows / x->tuples); /* as of an index of all rows */
    double corr = index_correlation(o, r, x) * (x->nkeys > 1 ? 0.75 : 1);
    double loops = 1;
    if (m->params != 0)
        for (int i = 0; i < b->leaves.count; i++)
            if ((m->params >> i & 1) != 0) loops *= fmax(1, b->leaves.items[i]->rows);
    int height = !index->kind->is_ordered ? -1 : leaf->raw_rows > 1e6 ? 2 : leaf->raw_rows > 500 ? 1 : 0;
    Cost c;
    cost_index(ctx->settings, rel_pages(r), leaf->raw_rows, index_pages, height, sel, corr, p->filter.count, m->conds.count,
               p->index_only, p->index_only ? 0.9 : 0, loops, &c);
    p->startup = c.startup;
    p->total = c.total;
    p->rows = fmax(1, rint(leaf->raw_rows * sel * sel_conditions(o, &p->filter)));
    if (m->params == 0) p->rows = leaf->rows;
    return array_push(ctx, b->ps->arena, out, p);
}

/* Whether reading in key order could save a sort: the wanted order or a merge join starts with the first key. */
static bool
order_is_useful(JoinBlock *b, const Leaf *leaf, const LeafIndex *x)
{
    const Key key = index_key(x, 0);
    if (!x->kind->is_ordered) return false;
    if (b->wanted != NULL && b->wanted->count > 0 && is_key(leaf, &key, b->wanted->items[0].expr)) return true;
    for (int i = 0; i < b->conds.count; i++) {
        const Cond *c = b->conds.items[i];
        if (c->left == NULL || !c->op->can_merge) continue;
        if (is_key(leaf, &key, c->left) || is_key(leaf, &key, c->right)) return true;
    }
    return false;
}

/* Whether the query may read index i at all: its predicate follows from the leaf's conditions. Those that follow from the predicate need
 * no check, but where a row may be looked at again in another version. */
static Status
open_index(JoinBlock *b, const Leaf *leaf, int i, LeafIndex *out, bool *usable_out)
{
    PlanState *ps = b->ps;
    const LGet *get = (const LGet *)leaf->node;
    const IndexDef *def = get->relation->indexes[i];
    *out = (LeafIndex){.def = def, .kind = index_kind_find(def->method), .conds = leaf->conds};
    *usable_out = def->valid && !def->partitioned;
    if (!*usable_out || index_is_plain(def)) return QN_OK;
    TRY(rel_index_exprs(ps, get, i, &out->exprs));
    if (def->predicate == NULL) return QN_OK;
    *usable_out = predicate_is_implied(ps->ctx, ps->arena, &out->exprs->predicate, &leaf->conds);
    if (!*usable_out || colset_has(b->need, (ColId){leaf->node->rel, SCANCOL_TID})) return QN_OK;
    out->conds = (ExprList){0};
    for (int k = 0; k < leaf->conds.count; k++) {
        ExprList one = {.items = &leaf->conds.items[k], .count = 1};
        if (!predicate_is_implied(ps->ctx, ps->arena, &one, &out->exprs->predicate))
            TRY(array_push(ps->ctx, ps->arena, &out->conds, leaf->conds.items[k]));
    }
    return QN_OK;
}

/* Whether a join condition bounds a key of the index. */
static bool
bounds_some_key(JoinBlock *b, const Leaf *leaf, const LeafIndex *x, Expr *cond)
{
    IndexBound bound;
    for (int k = 0; k < x->def->nkeys; k++) {
        const Key key = index_key(x, k);
        if (match_bound(b, leaf, &key, cond, &bound)) return true;
    }
    return false;
}

/* ---- bitmaps ---- */

static const OpClass *
key_opclass(const LeafIndex *x, int k)
{
    Oid oid = x->def->opclasses[k];
    return oid != INVALID_OID ? opclass_by_oid(oid) : opclass_default(x->kind->oid, x->def->types[k]);
}

/* Whether cond is "key op value", or the other way round, of an operator the key's class answers. */
static bool
match_operator(JoinBlock *b, const Leaf *leaf, const LeafIndex *x, int k, Expr *cond, IndexBound *out)
{
    const Key key = index_key(x, k);
    const OpClass *class = key_opclass(x, k);
    FuncExpr *f = (FuncExpr *)cond;
    if (class == NULL || cond->tag != EXPR_Func || f->op == NULL || f->args.count != 2) return false;
    for (int side = 0; side < 2; side++) {
        Oid op = side == 0 ? f->op->oid : f->op->commutator;
        if (op == INVALID_OID || !opclass_answers(class, op)) continue;
        if (!is_key(leaf, &key, f->args.items[side]) || !is_fixed_for(b, leaf, f->args.items[1 - side])) continue;
        *out = (IndexBound){.key = k, .cmp = SEL_NONE, .op = op, .value = f->args.items[1 - side]};
        return true;
    }
    return false;
}

/* The rows that an index which answers operators finds, read in the order of the table. */
static Status
bitmap_path(JoinBlock *b, Leaf *leaf, const LeafIndex *x, PathList *out)
{
    Ctx *ctx = b->ps->ctx;
    Arena *arena = b->ps->arena;
    const Relation *r = ((LGet *)leaf->node)->relation;
    IndexMatch m = {0};
    Path *p;
    double sel;
    for (int k = 0; k < x->def->nkeys; k++)
        for (int i = 0; i < leaf->conds.count; i++) {
            IndexBound bound;
            if (exprlist_holds(&m.conds, leaf->conds.items[i]) || !match_operator(b, leaf, x, k, leaf->conds.items[i], &bound)) continue;
            TRY(array_push(ctx, arena, &m.bounds, bound));
            TRY(array_push(ctx, arena, &m.conds, leaf->conds.items[i]));
        }
    if (m.bounds.count == 0) return QN_OK;
    TRY_ALLOC(ctx, p, ARENA_NEW(arena, Path));
    p->kind = PATH_BITMAP;
    p->leaf = leaf;
    p->rels = 1ull << leaf->bit;
    p->index = x->def;
    p->bounds = m.bounds.items;
    p->nbounds = m.bounds.count;
    p->index_cond = m.conds;
    p->width = leaf->width;
    p->rows = leaf->rows;
    for (int i = 0; i < x->conds.count; i++)
        if (!exprlist_holds(&m.conds, x->conds.items[i])) TRY(array_push(ctx, arena, &p->filter, x->conds.items[i]));
    TRY(index_selectivity(b, x, &m, &sel));
    double index_pages = x->def->pages > 0 ? x->def->pages * 2 : fmax(1, leaf->raw_rows / 250);
    Cost bitmap, c;
    cost_bitmap_index(ctx->settings, leaf->raw_rows, index_pages, m.bounds.count, sel, &bitmap);
    cost_bitmap_heap(ctx->settings, &bitmap, rel_pages(r), leaf->raw_rows, sel, p->filter.count + m.conds.count, &c);
    p->bitmap_cost = bitmap.total;
    p->bitmap_rows = fmax(1, rint(sel * leaf->raw_rows));
    p->startup = c.startup;
    p->total = c.total;
    return array_push(ctx, arena, out, p);
}

static Status
index_paths(JoinBlock *b, Leaf *leaf, const LeafIndex *x, PathList *out)
{
    if (x->kind->is_by_operator) return bitmap_path(b, leaf, x, out);
    IndexMatch plain = {0};
    TRY(match_index(b, leaf, x, 0, &plain));
    bool useful = order_is_useful(b, leaf, x);
    if (plain.bounds.count > 0 || (x->kind->is_ordered && (useful || x->def->predicate != NULL || index_covers(b, leaf, x))))
        TRY(add_index_path(b, leaf, x, &plain, false, out));
    if (useful) TRY(add_index_path(b, leaf, x, &plain, true, out));
    /* With values of other leaves, one path for each set of leaves that bounds the first key. */
    RelSet tried[16];
    int ntried = 0;
    for (int k = 0; k < b->conds.count && ntried < 16; k++) {
        const Cond *jc = b->conds.items[k];
        RelSet with = cond_others(jc, leaf);
        if ((jc->rels >> leaf->bit & 1) == 0 || with == 0 || !movable(b, jc, leaf, with)) continue;
        if (!bounds_some_key(b, leaf, x, jc->expr)) continue;
        bool seen = false;
        for (int t = 0; t < ntried; t++) seen |= tried[t] == with;
        if (seen) continue;
        tried[ntried++] = with;
        IndexMatch m = {0};
        TRY(match_index(b, leaf, x, with, &m));
        if (m.params != 0 && m.bounds.count > 0) TRY(add_index_path(b, leaf, x, &m, false, out));
    }
    return QN_OK;
}

static Status
get_paths(JoinBlock *b, Leaf *leaf, PathList *out)
{
    Ctx *ctx = b->ps->ctx;
    const Relation *r = ((LGet *)leaf->node)->relation;
    Path *p;
    Cost c;
    TRY_ALLOC(ctx, p, ARENA_NEW(b->ps->arena, Path));
    p->kind = PATH_SEQ;
    p->leaf = leaf;
    p->rels = 1ull << leaf->bit;
    p->rows = leaf->rows;
    p->width = leaf->width;
    p->filter = leaf->conds;
    int nops = 0;
    for (int i = 0; i < leaf->conds.count; i++) nops += expr_ops(leaf->conds.items[i]);
    cost_seqscan(ctx->settings, rel_pages(r), leaf->raw_rows, nops, &c);
    p->startup = c.startup;
    p->total = c.total;
    TRY(array_push(ctx, b->ps->arena, out, p));
    if (r->systable != NULL || !relation_has_heap(r->kind)) return QN_OK;
    for (int i = 0; i < r->nindexes; i++) {
        LeafIndex x;
        bool usable;
        TRY(open_index(b, leaf, i, &x, &usable));
        if (usable) TRY(index_paths(b, leaf, &x, out));
    }
    return QN_OK;
}

Status
leaf_paths(JoinBlock *b, Leaf *leaf, PathList *out)
{
    Opt *o = b->opt;
    if (leaf->node->tag == LOGICAL_Get) return get_paths(b, leaf, out);
    Ctx *ctx = b->ps->ctx;
    Path *p;
    ColSet need = {0};
    for (int i = 0; i < b->need->count; i++)
        if (colset_has(&leaf->rels, (ColId){b->need->items[i].rel, 0}))
            TRY(colset_add(ctx, b->ps->arena, &need, b->need->items[i]));
    const SortKeyList *wanted = b->leaves.count == 1 ? b->wanted : NULL;
    /* Columns of other leaves become params that the nested loop above will set. */
    if (leaf->lateral != 0) {
        leaf->scope.up = o->scope;
        o->scope = &leaf->scope;
    }
    Status st = plan_tree(o, leaf->node, &need, wanted, b->leaves.count == 1 && leaf->conds.count == 0 ? b->limit_rows : 0, &leaf->sub);
    if (st == QN_OK) {
        const char *alias = leaf->node->tag == LOGICAL_Project ? ((LProject *)leaf->node)->alias : NULL;
        leaf->raw_rows = leaf->sub.node->rows;
        st = sub_filter(o, &leaf->sub, &leaf->conds, alias);
    }
    if (leaf->lateral != 0) o->scope = leaf->scope.up;
    TRY(st);
    leaf->rows = fmax(1, leaf->sub.node->rows);
    TRY_ALLOC(ctx, p, ARENA_NEW(b->ps->arena, Path));
    p->kind = PATH_LEAF_SUB;
    p->leaf = leaf;
    p->rels = 1ull << leaf->bit;
    p->params = leaf->lateral;
    p->rows = leaf->rows;
    p->width = leaf->width;
    p->order = leaf->sub.order;
    p->startup = leaf->sub.node->startup_cost;
    p->total = leaf->sub.node->total_cost;
    return array_push(ctx, b->ps->arena, out, p);
}

/* ---- plan nodes of a path ---- */

static Status
leaf_columns(JoinBlock *b, RelSet rels, const ColSet *from, ColSet *out)
{
    for (int i = 0; i < from->count; i++)
        for (int k = 0; k < b->leaves.count; k++)
            if ((rels >> k & 1) != 0 && colset_has(&b->leaves.items[k]->rels, (ColId){from->items[i].rel, 0}))
                TRY(colset_add(b->ps->ctx, b->ps->arena, out, from->items[i]));
    return QN_OK;
}

static void
set_costs(PlanNode *n, const Path *p)
{
    n->startup_cost = p->startup;
    n->total_cost = p->total;
    n->rows = p->rows;
    n->width = p->width;
}

/* Targets: the columns of need the scan has; scan columns beyond them serve conditions only. */
static Status
scan_output(Opt *o, PlanNode *n, const ColSet *fetched, const ColSet *need, Sub *out)
{
    *out = (Sub){.node = n, .cols = *fetched};
    for (int i = 0; i < fetched->count; i++) {
        ColumnRefExpr *ref = (ColumnRefExpr *)rel_column_ref(o->ps, fetched->items[i].rel, fetched->items[i].col);
        if (ref == NULL) return RAISE_OOM(o->ctx);
        ref->rel = INPUT_OUTER;
        ref->col = i;
        TRY(array_push(o->ctx, o->arena, &n->targets, &ref->base));
    }
    return sub_select(o, out, need);
}

static Status
scan_columns(Opt *o, const ColSet *fetched, int **cols_out)
{
    TRY_ALLOC(o->ctx, *cols_out, ARENA_ARRAY(o->arena, int, fetched->count + 1));
    for (int i = 0; i < fetched->count; i++) (*cols_out)[i] = fetched->items[i].col;
    return QN_OK;
}

/* Position of the leaf's fixed-width column that e is, -1 if it is none. */
static int
fixed_column(const Path *p, const Relation *r, Expr *e)
{
    e = opt_strip_relabel(e);
    if (e->tag != EXPR_ColumnRef || ((ColumnRefExpr *)e)->rel != p->leaf->node->rel) return -1;
    int att = ((ColumnRefExpr *)e)->col;
    return att >= 0 && type_phys(r->cols[att].type, r->cols[att].typmod) != PHYS_STR ? att : -1;
}

/* Conditions that extents' minima and maxima can refute, and those that are checked where the values lie. */
static Status
scan_conditions(JoinBlock *b, const Path *p, SeqScanPlan *s)
{
    Opt *o = b->opt;
    TRY_ALLOC(o->ctx, s->ranges, ARENA_ARRAY(o->arena, ScanRange, p->filter.count + 1));
    TRY_ALLOC(o->ctx, s->checks, ARENA_ARRAY(o->arena, ScanCheck, p->filter.count + 1));
    for (int i = 0; i < p->filter.count; i++) {
        Expr *e = p->filter.items[i];
        if (e->tag != EXPR_Func || ((FuncExpr *)e)->args.count != 2) continue;
        FuncExpr *f = (FuncExpr *)e;
        int side = fixed_column(p, s->rel, f->args.items[0]) >= 0 ? 0 : 1;
        int att = fixed_column(p, s->rel, f->args.items[side]);
        IndexBound bound;
        if (att < 0 || !is_fixed_for(b, p->leaf, f->args.items[1 - side])) continue;
        SelKernel compare = fn_sel_kernel(f->fn);
        if (compare != NULL) {
            ScanCheck *check = &s->checks[s->nchecks++];
            *check = (ScanCheck){.filter = i, .col = att, .value_first = side == 1, .compare = compare};
            TRY(opt_translate(o, f->args.items[1 - side], NULL, NULL, &check->value));
        }
        const Key key = {.attnum = att + 1, .type = s->rel->cols[att].type};
        if (match_bound(b, p->leaf, &key, e, &bound) && bound.value != NULL && !bound.is_array) {
            ScanRange *range = &s->ranges[s->nranges++];
            range->col = att;
            range->cmp = bound.cmp;
            TRY(opt_translate(o, bound.value, NULL, NULL, &range->value));
        }
    }
    return QN_OK;
}

/* RowMark.mark of a table's scans: the rel of the name it goes by. */
static int
mark_of(const Opt *o, const LGet *get)
{
    int append = o->ps->rels[get->base.rel].append_rel;
    return append != 0 ? append : get->base.rel;
}

static Status
translate_bounds(Opt *o, const Path *p, IndexBound **out)
{
    TRY_ALLOC(o->ctx, *out, ARENA_ARRAY(o->arena, IndexBound, p->nbounds + 1));
    for (int i = 0; i < p->nbounds; i++) {
        (*out)[i] = p->bounds[i];
        if (p->bounds[i].value != NULL) TRY(opt_translate(o, p->bounds[i].value, NULL, NULL, &(*out)[i].value));
    }
    return QN_OK;
}

static Status
bitmap_scan(Opt *o, const Path *p, const LGet *get, const ColSet *fetched, PlanNode **out)
{
    BitmapIndexScanPlan *i = PNODE_NEW(o, BitmapIndexScan, NULL, NULL);
    if (i == NULL) return RAISE_OOM(o->ctx);
    i->rel = get->relation;
    i->alias = get->alias;
    i->index = p->index;
    i->nbounds = p->nbounds;
    i->base.total_cost = p->bitmap_cost;
    i->base.rows = p->bitmap_rows;
    TRY(translate_bounds(o, p, &i->bounds));
    TRY(opt_translate_list(o, &p->index_cond, fetched, NULL, &i->index_cond));
    BitmapHeapScanPlan *s = PNODE_NEW(o, BitmapHeapScan, &i->base, NULL);
    if (s == NULL) return RAISE_OOM(o->ctx);
    s->rel = get->relation;
    s->mark = mark_of(o, get);
    s->alias = get->alias;
    s->recheck = i->index_cond;
    TRY(scan_columns(o, fetched, &s->cols));
    s->ncols = fetched->count;
    i->cols = s->cols;
    *out = &s->base;
    return QN_OK;
}

static Status
build_scan(JoinBlock *b, Path *p, const ColSet *need, Sub *out)
{
    Opt *o = b->opt;
    LGet *get = (LGet *)p->leaf->node;
    ColSet want = {0}, fetched = {0};
    PlanNode *n;
    TRY(leaf_columns(b, p->rels, need, &want));
    TRY(colset_add_all(o->ctx, o->arena, &fetched, &want));
    ColSet used = {0};
    TRY(colset_add_exprs(b->ps, &used, &p->filter));
    TRY(leaf_columns(b, p->rels, &used, &fetched));
    ColSet read = fetched;
    if (p->kind != PATH_SEQ) {
        TRY(colset_add_exprs(b->ps, &used, &p->index_cond));
        TRY(leaf_columns(b, p->rels, &used, &fetched));
        if (!index_kind_find(p->index->method)->can_return) read = fetched;
    }
    if (p->kind == PATH_BITMAP) {
        TRY(bitmap_scan(o, p, get, &fetched, &n));
    } else if (p->kind == PATH_INDEX) {
        IndexScanPlan *s = PNODE_NEW(o, IndexScan, NULL, NULL);
        if (s == NULL) return RAISE_OOM(o->ctx);
        n = &s->base;
        s->rel = get->relation;
        s->mark = mark_of(o, get);
        s->alias = get->alias;
        s->index = p->index;
        s->backward = p->backward;
        s->index_only = p->index_only;
        s->is_lossy = !index_kind_find(p->index->method)->can_return;
        s->nbounds = p->nbounds;
        TRY(translate_bounds(o, p, &s->bounds));
        TRY(opt_translate_list(o, &p->index_cond, &fetched, NULL, &s->index_cond));
        TRY(scan_columns(o, &fetched, &s->cols));
        s->ncols = fetched.count;
        s->nread = read.count;
    } else if (get->relation->systable != NULL) {
        CatalogScanPlan *s = PNODE_NEW(o, CatalogScan, NULL, NULL);
        if (s == NULL) return RAISE_OOM(o->ctx);
        n = &s->base;
        s->rel = get->relation;
        s->alias = get->alias;
        TRY(scan_columns(o, &fetched, &s->cols));
        s->ncols = fetched.count;
    } else {
        SeqScanPlan *s = PNODE_NEW(o, SeqScan, NULL, NULL);
        if (s == NULL) return RAISE_OOM(o->ctx);
        n = &s->base;
        s->rel = get->relation;
        s->mark = mark_of(o, get);
        s->alias = get->alias;
        TRY(scan_columns(o, &fetched, &s->cols));
        s->ncols = fetched.count;
        TRY(scan_conditions(b, p, s));
    }
    set_costs(n, p);
    TRY(opt_translate_list(o, &p->filter, &fetched, NULL, &n->filter));
    TRY(scan_output(o, n, &read, &want, out));
    out->order = p->order;
    return QN_OK;
}

/* Both sides of a key as one type, so that they hash and sort alike. */
Expr *
opt_key_as(Opt *o, Expr *e, Oid type)
{
    if (e->type == type) return e;
    bool rows = type_is_row(e->type) && type_is_row(type); /* compared as records */
    const Cast *c = cast_find(e->type, type);
    if (!rows && (c == NULL || c->context != CAST_IMPLICIT)) return NULL;
    if (rows || c->method == CAST_BINARY) {
        RelabelExpr *r = EXPR_NEW(o->arena, Relabel, type, -1, e->loc);
        if (r == NULL) return NULL;
        r->arg = e;
        r->coerce = COERCE_IMPLICIT;
        return &r->base;
    }
    FuncExpr *f = EXPR_NEW(o->arena, Func, type, -1, e->loc);
    if (f == NULL || array_push(o->ctx, o->arena, &f->args, e) != QN_OK) return NULL;
    f->fn = fn_by_oid(c->function);
    f->is_cast = true;
    f->coerce = COERCE_IMPLICIT;
    return &f->base;
}

static Status
join_keys(Opt *o, const Path *p, const Sub *outer, const Sub *inner, ExprList *ok, ExprList *ik)
{
    for (int i = 0; i < p->left_keys.count; i++) {
        Expr *l = p->left_keys.items[i], *r = p->right_keys.items[i];
        if (l->type != r->type) {
            Expr *x = opt_key_as(o, l, r->type), *y = x == NULL ? opt_key_as(o, r, l->type) : NULL;
            if (x != NULL) l = x;
            else if (y != NULL) r = y;
            else return RAISE_INTERNAL(o->ctx, "join keys of types %u and %u", l->type, r->type);
        }
        TRY(opt_translate(o, l, &outer->cols, NULL, &l));
        TRY(opt_translate(o, r, &inner->cols, NULL, &r));
        /* The inner side's columns are input 0 of the key program. */
        TRY(array_push(o->ctx, o->arena, ok, l));
        TRY(array_push(o->ctx, o->arena, ik, r));
    }
    return QN_OK;
}

static bool
keeps_inner(JoinType t)
{
    return t != JOIN_SEMI && t != JOIN_ANTI;
}

static bool
keeps_outer(JoinType t)
{
    return t != JOIN_RIGHT_SEMI && t != JOIN_RIGHT_ANTI;
}

static Status
join_output(JoinBlock *b, const Path *p, PlanNode *n, const Sub *outer, const Sub *inner, const ColSet *need, Sub *out)
{
    Opt *o = b->opt;
    *out = (Sub){.node = n};
    bool with_outer = keeps_outer(p->jointype), with_inner = keeps_inner(p->jointype);
    set_costs(n, p);
    for (int i = 0; with_outer && i < outer->cols.count; i++) TRY(array_push(o->ctx, o->arena, &out->cols, outer->cols.items[i]));
    for (int i = 0; with_inner && i < inner->cols.count; i++) TRY(array_push(o->ctx, o->arena, &out->cols, inner->cols.items[i]));
    Sub none = {0};
    if (with_outer) TRY(pnode_pass_targets(o, n, outer, with_inner ? inner : NULL));
    else TRY(pnode_pass_targets(o, n, &none, inner));
    if (!with_outer) n->project = true; /* without it the outer's columns would come first */
    TRY(opt_translate_list(o, &p->filter, &outer->cols, &inner->cols, &n->filter));
    out->order = p->order;
    return sub_select(o, out, need);
}

/* The conditions that became keys, as they are shown: the outer side first. */
static Status
shown_conds(JoinBlock *b, const Path *p, const Sub *outer, const Sub *inner, ExprList *out)
{
    Opt *o = b->opt;
    ExprList conds = {0};
    for (int i = 0; i < p->key_conds.count; i++) {
        Expr *e = p->key_conds.items[i];
        FuncExpr *f = (FuncExpr *)e, *turned;
        if (e->tag == EXPR_Func && f->op != NULL && f->args.count == 2 && f->args.items[1] == p->left_keys.items[i]) {
            TRY_ALLOC(o->ctx, turned, arena_memdup(o->arena, f, sizeof(*f)));
            turned->args = (ExprList){0};
            TRY(array_push(o->ctx, o->arena, &turned->args, f->args.items[1]));
            TRY(array_push(o->ctx, o->arena, &turned->args, f->args.items[0]));
            e = &turned->base;
        }
        TRY(array_push(o->ctx, o->arena, &conds, e));
    }
    return opt_translate_list(o, &conds, &outer->cols, &inner->cols, out);
}

static Status
build_join(JoinBlock *b, Path *p, const ColSet *need, Sub *out)
{
    Opt *o = b->opt;
    Ctx *ctx = o->ctx;
    ColSet all = {0}, outer_need = {0}, inner_need = {0};
    Sub outer, inner;
    ParamScope scope = {.up = o->scope};

    TRY(colset_add_all(ctx, o->arena, &all, need));
    TRY(colset_add_exprs(b->ps, &all, &p->key_conds));
    TRY(colset_add_exprs(b->ps, &all, &p->join_conds));
    TRY(colset_add_exprs(b->ps, &all, &p->filter));
    TRY(leaf_columns(b, p->inner->rels, &all, &inner_need));
    if (p->kind == PATH_NESTLOOP) o->scope = &scope;
    Status st = path_build(b, p->inner, &inner_need, &inner);
    o->scope = scope.up;
    TRY(st);
    TRY(leaf_columns(b, p->outer->rels, &all, &outer_need));
    if (p->kind == PATH_NESTLOOP) TRY(leaf_columns(b, p->outer->rels, &scope.cols, &outer_need));
    TRY(path_build(b, p->outer, &outer_need, &outer));

    if (p->kind == PATH_NESTLOOP) {
        NestLoopPlan *j = PNODE_NEW(o, NestLoop, outer.node, inner.node);
        if (j == NULL) return RAISE_OOM(ctx);
        j->jointype = p->jointype;
        j->inner_unique = p->inner_unique;
        j->nparams = scope.cols.count;
        TRY_ALLOC(ctx, j->params, ARENA_ARRAY(o->arena, NestParam, j->nparams + 1));
        for (int i = 0; i < j->nparams; i++) {
            Expr *ref = rel_column_ref(b->ps, scope.cols.items[i].rel, scope.cols.items[i].col);
            if (ref == NULL) return RAISE_OOM(ctx);
            TRY(opt_translate(o, ref, &outer.cols, NULL, &j->params[i].value));
            j->params[i].id = scope.ids[i];
        }
        TRY(opt_translate_list(o, &p->join_conds, &outer.cols, &inner.cols, &j->join_cond));
        return join_output(b, p, &j->base, &outer, &inner, need, out);
    }
    ExprList ok = {0}, ik = {0};
    TRY(join_keys(o, p, &outer, &inner, &ok, &ik));
    for (int i = 0; i < ik.count; i++) TRY(opt_mark_inner(ctx, &ik.items[i], NULL));
    if (p->kind == PATH_HASH) {
        HashPlan *h = PNODE_NEW(o, Hash, inner.node, NULL);
        if (h == NULL) return RAISE_OOM(ctx);
        TRY(pnode_pass_targets(o, &h->base, &inner, NULL));
        h->base.startup_cost = h->base.total_cost;
        HashJoinPlan *j = PNODE_NEW(o, HashJoin, outer.node, &h->base);
        if (j == NULL) return RAISE_OOM(ctx);
        inner.node = &h->base;
        j->jointype = p->jointype;
        j->inner_unique = p->inner_unique;
        j->outer_keys = ok;
        j->inner_keys = ik;
        TRY(shown_conds(b, p, &outer, &inner, &j->hash_cond));
        TRY(opt_translate_list(o, &p->join_conds, &outer.cols, &inner.cols, &j->join_cond));
        return join_output(b, p, &j->base, &outer, &inner, need, out);
    }
    MergeJoinPlan *j = PNODE_NEW(o, MergeJoin, outer.node, inner.node);
    if (j == NULL) return RAISE_OOM(ctx);
    j->jointype = p->jointype;
    j->inner_unique = p->inner_unique;
    for (int i = 0; i < ok.count; i++) {
        SortKey l = p->left_sort.items[i], r = p->right_sort.items[i];
        l.expr = ok.items[i];
        r.expr = ik.items[i];
        TRY(array_push(ctx, o->arena, &j->outer_keys, l));
        TRY(array_push(ctx, o->arena, &j->inner_keys, r));
    }
    TRY(shown_conds(b, p, &outer, &inner, &j->merge_cond));
    TRY(opt_translate_list(o, &p->join_conds, &outer.cols, &inner.cols, &j->join_cond));
    return join_output(b, p, &j->base, &outer, &inner, need, out);
}

Status
path_build(JoinBlock *b, Path *p, const ColSet *need, Sub *out)
{
    Opt *o = b->opt;
    TRY(ctx_check_depth(o->ctx));
    switch (p->kind) {
    case PATH_SEQ:
    case PATH_BITMAP:
    case PATH_INDEX: return build_scan(b, p, need, out);
    case PATH_LEAF_SUB: {
        ColSet want = {0};
        TRY(param_scope_merge(o, &p->leaf->scope));
        *out = p->leaf->sub;
        TRY(leaf_columns(b, p->rels, need, &want));
        return sub_select(o, out, &want);
    }
    case PATH_MATERIAL: {
        TRY(path_build(b, p->outer, need, out));
        MaterializePlan *m = PNODE_NEW(o, Materialize, out->node, NULL);
        if (m == NULL) return RAISE_OOM(o->ctx);
        TRY(pnode_pass_targets(o, &m->base, out, NULL));
        set_costs(&m->base, p);
        out->node = &m->base;
        return QN_OK;
    }
    case PATH_SORT: {
        ColSet with = {0};
        TRY(colset_add_all(o->ctx, o->arena, &with, need));
        TRY(colset_add_sort(b->ps, &with, &p->order));
        ColSet mine = {0};
        TRY(leaf_columns(b, p->rels, &with, &mine));
        TRY(path_build(b, p->outer, &mine, out));
        return opt_sort(o, out, &p->order, 0);
    }
    default: return build_join(b, p, need, out);
    }
}
