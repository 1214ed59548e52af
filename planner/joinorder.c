/* joinorder.c - in which order and how the inputs of a join block are joined.
 *
 * A block is a maximal tree of inner, left, semi and anti joins and the filters among them, flattened to leaves, conditions
 * and special joins. Joins that are not inner restrict the order as PostgreSQL's SpecialJoinInfo does, conservatively: the
 * whole right side is joined before, and of the left side at least what ON refers to.
 *
 * Up to join_collapse_limit leaves: dynamic programming over connected subsets by size (Selinger; PostgreSQL's
 * join_search_one_level). Beyond: greedy operator ordering, the pair with the smallest result first (Fegaras, DEXA 1998).
 */
#include "planner/opt.h"
#include "common/hash.h"
#include <math.h>

static inline int popcount(RelSet s) { return __builtin_popcountll(s); }
static inline bool is_subset(RelSet a, RelSet b) { return (a & ~b) == 0; }

/* ---- flattening ---- */

static RelSet
rels_of_columns(const JoinBlock *b, const ColSet *cols)
{
    RelSet set = 0;
    for (int i = 0; i < cols->count; i++)
        for (int j = 0; j < b->leaves.count; j++)
            if (colset_has(&b->leaves.items[j]->rels, (ColId){cols->items[i].rel, 0})) set |= 1ull << j;
    return set;
}

static Status
rels_of_expr(JoinBlock *b, Expr *e, RelSet *out)
{
    ColSet cols = {0};
    TRY(colset_add_expr(b->ps, &cols, e));
    *out = rels_of_columns(b, &cols);
    return QN_OK;
}

static Status
find_volatile(Ctx *ctx, Expr **slot, void *arg)
{
    Expr *e = *slot;
    if (e == NULL) return QN_OK;
    if (e->tag == EXPR_Func && (((FuncExpr *)e)->fn->flags & (FN_IMMUTABLE | FN_STABLE)) == 0) *(bool *)arg = true;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, find_volatile, arg);
}

/* The equality operator of l = r when it can be a join key. */
static const Operator *
key_operator(Expr *e)
{
    if (e->tag != EXPR_Func) return NULL;
    FuncExpr *f = (FuncExpr *)e;
    if (f->op == NULL || f->op->sel != SEL_EQ || f->args.count != 2) return NULL;
    return f->op->can_hash || f->op->can_merge ? f->op : NULL;
}

static Status
add_cond(JoinBlock *b, Expr *e, int special, RelSet level)
{
    Ctx *ctx = b->ps->ctx;
    RelSet rels;
    TRY(rels_of_expr(b, e, &rels));
    if (rels == 0 && special < 0) {
        bool is_volatile = false;
        Expr *slot = e;
        TRY(find_volatile(ctx, &slot, &is_volatile));
        if (!is_volatile && b->in_special == 0) return array_push(ctx, b->ps->arena, &b->consts, e);
        rels = level;
    }
    Cond *c;
    TRY_ALLOC(ctx, c, ARENA_NEW(b->ps->arena, Cond));
    c->expr = e;
    c->rels = rels;
    c->required = rels;
    c->special = special;
    c->ec = -1;
    c->sel = -1;
    for (int i = 0; i < b->specials.count; i++) {
        SpecialJoin *sj = b->specials.items[i];
        if (i != special && sj->type == JOIN_LEFT && is_subset(sj->syn_left | sj->syn_right, level) &&
            (sj->syn_right & rels) != 0)
            c->required |= sj->min_left | sj->min_right;
    }
    const Operator *op = key_operator(e);
    if (op != NULL) {
        FuncExpr *f = (FuncExpr *)e;
        TRY(rels_of_expr(b, f->args.items[0], &c->left_rels));
        TRY(rels_of_expr(b, f->args.items[1], &c->right_rels));
        if (c->left_rels != 0 && c->right_rels != 0 && (c->left_rels & c->right_rels) == 0) {
            c->op = op;
            c->left = f->args.items[0];
            c->right = f->args.items[1];
        }
    }
    return array_push(ctx, b->ps->arena, &b->conds, c);
}

static int
count_leaves(const LNode *n)
{
    int count = 0;
    for (;;) {
        if (n->tag == LOGICAL_Filter) {
            n = n->left;
        } else if (n->tag == LOGICAL_Join && ((const LJoin *)n)->jointype != JOIN_FULL) {
            int r = n->right->tag == LOGICAL_Join ? count_leaves(n->right) : 1;
            count += r;
            n = n->left;
        } else {
            return count + 1;
        }
        if (count > BLOCK_MAX_LEAVES) return count;
    }
}

static Status
add_leaf(JoinBlock *b, LNode *n, RelSet *out)
{
    Ctx *ctx = b->ps->ctx;
    Leaf *leaf;
    TRY_ALLOC(ctx, leaf, ARENA_NEW(b->ps->arena, Leaf));
    leaf->node = n;
    leaf->bit = b->leaves.count;
    TRY(colset_produced_rels(b->ps, n, &leaf->rels));
    *out = 1ull << leaf->bit;
    return array_push(ctx, b->ps->arena, &b->leaves, leaf);
}

static Status flatten(JoinBlock *b, LNode *n, int room, RelSet *out);

/* A join that is not inner. */
static Status
flatten_special(JoinBlock *b, LJoin *j, RelSet left, RelSet right)
{
    Ctx *ctx = b->ps->ctx;
    SpecialJoin *sj;
    TRY_ALLOC(ctx, sj, ARENA_NEW(b->ps->arena, SpecialJoin));
    sj->type = j->jointype == JOIN_RIGHT ? JOIN_LEFT : j->jointype;
    sj->syn_left = left;
    sj->syn_right = right;
    sj->min_right = right;
    int id = b->specials.count;
    RelSet refs = 0;
    for (int i = 0; i < j->conds.count; i++) {
        RelSet r;
        TRY(rels_of_expr(b, j->conds.items[i], &r));
        refs |= r;
    }
    /* A lateral right side needs what it refers to. */
    ColSet free_cols = {0};
    TRY(colset_free_columns(b->ps, j->jointype == JOIN_RIGHT ? j->base.left : j->base.right, &free_cols));
    refs |= rels_of_columns(b, &free_cols);
    sj->min_left = refs & left;
    if (sj->min_left == 0) sj->min_left = left;
    for (int i = 0; i < id; i++) {
        SpecialJoin *lower = b->specials.items[i];
        if (is_subset(lower->syn_left | lower->syn_right, left) && (lower->syn_right & sj->min_left) != 0)
            sj->min_left |= lower->min_left | lower->min_right;
    }
    TRY(array_push(ctx, b->ps->arena, &b->specials, sj));
    for (int i = 0; i < j->conds.count; i++) {
        RelSet r;
        Expr *e = j->conds.items[i];
        TRY(rels_of_expr(b, e, &r));
        /* ON of the right side alone may be checked before the join. */
        if (r != 0 && is_subset(r, right))
            TRY(add_cond(b, e, -1, right));
        else
            TRY(add_cond(b, e, id, left | right));
    }
    return QN_OK;
}

static Status
flatten(JoinBlock *b, LNode *n, int room, RelSet *out)
{
    TRY(ctx_check_depth(b->ps->ctx));
    if (n->tag == LOGICAL_Filter) {
        LFilter *f = (LFilter *)n;
        TRY(flatten(b, n->left, room, out));
        for (int i = 0; i < f->conds.count; i++) TRY(add_cond(b, f->conds.items[i], -1, *out));
        return QN_OK;
    }
    LJoin *j = (LJoin *)n;
    if (n->tag != LOGICAL_Join || j->jointype == JOIN_FULL || room < 2) return add_leaf(b, n, out);
    /* An outer join whose ON refers to rows beside it (it came from a LATERAL subquery) is made for each of those. */
    for (int i = 0; i < j->conds.count && j->jointype != JOIN_INNER; i++) {
        RelSet beside;
        TRY(rels_of_expr(b, j->conds.items[i], &beside));
        if (beside != 0) return add_leaf(b, n, out);
    }
    LNode *l = j->jointype == JOIN_RIGHT ? n->right : n->left, *r = j->jointype == JOIN_RIGHT ? n->left : n->right;
    RelSet left, right;
    int nright = count_leaves(r);
    if (nright > room - 1) nright = 1; /* planned on its own */
    int before = b->leaves.count;
    if (j->lateral || count_leaves(l) <= room - nright) {
        TRY(flatten(b, l, room - nright, &left));
    } else {
        TRY(add_leaf(b, l, &left));
    }
    room -= b->leaves.count - before;
    /* What holds on the other side of an outer, semi or anti join does not hold for the whole. */
    if (j->jointype != JOIN_INNER) b->in_special++;
    TRY(flatten(b, r, nright == 1 && count_leaves(r) > 1 ? 1 : room, &right));
    if (j->jointype != JOIN_INNER) b->in_special--;
    *out = left | right;
    if (j->jointype != JOIN_INNER) return flatten_special(b, j, left, right);
    for (int i = 0; i < j->conds.count; i++) TRY(add_cond(b, j->conds.items[i], -1, *out));
    return QN_OK;
}

/* ---- equivalence classes ---- */

static bool
plain_equality(const Cond *c)
{
    return c->left != NULL && c->special < 0 && c->required == c->rels && c->left->tag == EXPR_ColumnRef &&
           c->right->tag == EXPR_ColumnRef && c->left->type == c->right->type && c->op->can_hash;
}

/* a = b and b = c: numbers the classes and adds what follows (a = c), so that every join of two members has a
 * condition; block_conds picks one of a class a join. */
static Status
derive_equalities(JoinBlock *b)
{
    Ctx *ctx = b->ps->ctx;
    ARRAY(Expr *) members = {0};
    ARRAY(int) cls = {0};
    for (int i = 0; i < b->conds.count; i++) {
        Cond *c = b->conds.items[i];
        if (!plain_equality(c)) continue;
        int ids[2] = {-1, -1};
        Expr *side[2] = {c->left, c->right};
        for (int s = 0; s < 2; s++) {
            for (int k = 0; k < members.count; k++)
                if (expr_equal(members.items[k], side[s])) ids[s] = k;
            if (ids[s] >= 0) continue;
            ids[s] = members.count;
            TRY(array_push(ctx, b->ps->arena, &members, side[s]));
            TRY(array_push(ctx, b->ps->arena, &cls, b->necs++));
        }
        int from = cls.items[ids[1]], to = cls.items[ids[0]];
        for (int k = 0; k < cls.count; k++)
            if (cls.items[k] == from) cls.items[k] = to;
    }
    int nconds = b->conds.count;
    for (int i = 0; i < nconds; i++) {
        Cond *c = b->conds.items[i];
        if (!plain_equality(c)) continue;
        for (int k = 0; k < members.count; k++)
            if (expr_equal(members.items[k], c->left)) c->ec = cls.items[k];
    }
    if (members.count > 40) return QN_OK; /* quadratic: written conditions will do */
    for (int x = 0; x < members.count; x++) {
        for (int y = x + 1; y < members.count; y++) {
            Expr *l = members.items[x], *r = members.items[y];
            if (cls.items[x] != cls.items[y] || l->type != r->type) continue;
            RelSet lr, rr;
            TRY(rels_of_expr(b, l, &lr));
            TRY(rels_of_expr(b, r, &rr));
            if ((lr & rr) != 0) continue;
            bool there = false;
            Cond *model = NULL;
            for (int i = 0; i < nconds; i++) {
                Cond *c = b->conds.items[i];
                if (c->ec != cls.items[x]) continue;
                model = c;
                there |= (expr_equal(c->left, l) && expr_equal(c->right, r)) ||
                         (expr_equal(c->left, r) && expr_equal(c->right, l));
            }
            if (there || model == NULL) continue;
            FuncExpr *f = EXPR_NEW(b->ps->arena, Func, TYPE_BOOL, -1, 0);
            if (f == NULL) return RAISE_OOM(ctx);
            const FuncExpr *m = (const FuncExpr *)model->expr;
            f->fn = m->fn;
            f->op = m->op;
            TRY(array_push(ctx, b->ps->arena, &f->args, l));
            TRY(array_push(ctx, b->ps->arena, &f->args, r));
            TRY(add_cond(b, &f->base, -1, lr | rr));
            Cond *added = b->conds.items[b->conds.count - 1];
            added->derived = true;
            added->ec = cls.items[x];
        }
    }
    return QN_OK;
}

/* ---- paths ---- */

static bool
order_leads(const SortKeyList *have, const SortKeyList *want)
{
    return want->count == 0 || order_satisfies(have, want);
}

/* Whether a is no worse than b in every respect. Costs within 1 % count as equal. */
static bool
dominates(const Path *a, const Path *b)
{
    return a->total <= b->total * 1.01 && a->startup <= b->startup * 1.01 && is_subset(a->params, b->params) &&
           a->rows <= b->rows * 1.01 && order_leads(&a->order, &b->order);
}

static Status
add_path(JoinBlock *b, JoinRel *rel, Path *p)
{
    int kept = 0;
    for (int i = 0; i < rel->paths.count; i++)
        if (dominates(rel->paths.items[i], p)) return QN_OK;
    for (int i = 0; i < rel->paths.count; i++)
        if (!dominates(p, rel->paths.items[i])) rel->paths.items[kept++] = rel->paths.items[i];
    rel->paths.count = kept;
    return array_push(b->ps->ctx, b->ps->arena, &rel->paths, p);
}

static void
set_cheapest(JoinRel *rel)
{
    rel->cheapest = NULL;
    for (int i = 0; i < rel->paths.count; i++) {
        Path *p = rel->paths.items[i];
        if (p->params == 0 && (rel->cheapest == NULL || p->total < rel->cheapest->total)) rel->cheapest = p;
    }
}

static int
list_width(Opt *o, const ColSet *need, const Leaf *leaf)
{
    int w = 0;
    for (int i = 0; i < need->count; i++)
        if (colset_has(&leaf->rels, (ColId){need->items[i].rel, 0})) w += est_width(o, need->items[i]);
    return w > 0 ? w : 4;
}

/* ---- one join ---- */

typedef struct JoinInput {
    JoinRel *left, *right; /* of a special join: its left and right side */
    JoinType type;
    ARRAY(Cond *) on;      /* keys and other conditions of the join */
    ExprList filter;       /* checked after a left join */
    bool right_unique;     /* at most one right row matches */
    double rows;
} JoinInput;

static bool
pair_is_legal(const JoinBlock *b, RelSet a, RelSet c, int *match_out, bool *reversed_out)
{
    RelSet both = a | c;
    *match_out = -1;
    *reversed_out = false;
    for (int i = 0; i < b->specials.count; i++) {
        const SpecialJoin *sj = b->specials.items[i];
        RelSet min = sj->min_left | sj->min_right;
        if ((sj->min_right & both) == 0 || is_subset(both, sj->min_right)) continue;
        if (is_subset(min, a) || is_subset(min, c)) continue;
        bool forward = is_subset(sj->min_left, a) && sj->min_right == (c & sj->syn_right) && is_subset(sj->min_right, c);
        bool backward = is_subset(sj->min_left, c) && is_subset(sj->min_right, a);
        if (!forward && !backward) return false;
        if (*match_out >= 0) return false;
        *match_out = i;
        *reversed_out = !forward;
    }
    if (*match_out >= 0) {
        const SpecialJoin *sj = b->specials.items[*match_out];
        RelSet right = *reversed_out ? a : c;
        if (right != sj->min_right) {
            /* The right side may carry what was joined to it by special joins of its own only. */
            for (int i = 0; i < b->leaves.count; i++) {
                RelSet bit = 1ull << i;
                if ((right & bit) != 0 && (sj->min_right & bit) == 0) return false;
            }
        }
    }
    return true;
}

static bool
pair_is_connected(const JoinBlock *b, RelSet a, RelSet c)
{
    RelSet both = a | c;
    for (int i = 0; i < b->conds.count; i++) {
        const Cond *x = b->conds.items[i];
        if (is_subset(x->rels, both) && (x->rels & a) != 0 && (x->rels & c) != 0) return true;
    }
    for (int i = 0; i < b->leaves.count; i++) {
        const Leaf *l = b->leaves.items[i];
        RelSet bit = 1ull << i;
        if (((bit & a) != 0 && (l->lateral & c) != 0) || ((bit & c) != 0 && (l->lateral & a) != 0)) return true;
    }
    for (int i = 0; i < b->specials.count; i++) {
        const SpecialJoin *s = b->specials.items[i];
        if ((is_subset(s->min_left, a) && is_subset(s->min_right, c)) ||
            (is_subset(s->min_left, c) && is_subset(s->min_right, a)))
            return true;
    }
    return false;
}

static double
cond_sel(JoinBlock *b, Cond *c)
{
    if (c->sel >= 0) return c->sel;
    if (c->left != NULL) {
        double lr = 1, rr = 1;
        for (int i = 0; i < b->leaves.count; i++) {
            if ((c->left_rels >> i & 1) != 0) lr = fmax(lr, b->leaves.items[i]->rows);
            if ((c->right_rels >> i & 1) != 0) rr = fmax(rr, b->leaves.items[i]->rows);
        }
        c->sel = sel_join_eq(b->opt, c->left, c->right, lr, rr);
    } else {
        c->sel = sel_condition(b->opt, c->expr);
    }
    return c->sel;
}

/* Share of left rows with a match on the right, as PostgreSQL's eqjoinsel_semi without MCVs. */
static double
semi_fraction(JoinBlock *b, const JoinInput *in)
{
    double f = 1;
    for (int i = 0; i < in->on.count; i++) {
        Cond *c = in->on.items[i];
        if (c->left == NULL) {
            f *= cond_sel(b, c);
            continue;
        }
        bool fwd = is_subset(c->left_rels, in->left->rels);
        double nl = est_ndistinct(b->opt, fwd ? c->left : c->right, in->left->rows);
        double nr = est_ndistinct(b->opt, fwd ? c->right : c->left, in->right->rows);
        if (nl > nr) f *= nr / nl;
    }
    return f;
}

static double
join_rows(JoinBlock *b, const JoinInput *in)
{
    double sel = 1, l = in->left->rows, r = in->right->rows, rows;
    for (int i = 0; i < in->on.count; i++) sel *= cond_sel(b, in->on.items[i]);
    switch (in->type) {
    case JOIN_SEMI: rows = l * semi_fraction(b, in); break;
    case JOIN_ANTI: rows = l * (1 - semi_fraction(b, in)); break;
    case JOIN_LEFT: rows = fmax(l * r * sel, l); break;
    default: rows = l * r * sel; break;
    }
    if (in->filter.count > 0) rows *= sel_conditions(b->opt, &in->filter);
    return fmax(1, rint(rows));
}

/* Conditions that become checkable by joining the two, one of each equivalence class. */
static Status
block_conds(JoinBlock *b, RelSet a, RelSet c, int match, JoinInput *in)
{
    Ctx *ctx = b->ps->ctx;
    RelSet both = a | c;
    uint64_t seen_ec = 0;
    for (int i = 0; i < b->conds.count; i++) {
        Cond *x = b->conds.items[i];
        if (x->special >= 0) {
            if (x->special == match) TRY(array_push(ctx, b->ps->arena, &in->on, x));
            continue;
        }
        if (!is_subset(x->required, both) || is_subset(x->required, a) || is_subset(x->required, c)) continue;
        if (x->ec >= 0 && x->ec < 64) {
            if (seen_ec >> x->ec & 1) continue;
            seen_ec |= 1ull << x->ec;
        }
        if (match < 0)
            TRY(array_push(ctx, b->ps->arena, &in->on, x));
        else
            TRY(array_push(ctx, b->ps->arena, &in->filter, x->expr));
    }
    return QN_OK;
}

/* Whether the right side has at most one row for a left row: its equality keys cover a unique index. */
static bool
right_is_unique(JoinBlock *b, const JoinInput *in)
{
    if (popcount(in->right->rels) != 1) return false;
    const Leaf *leaf = b->leaves.items[__builtin_ctzll(in->right->rels)];
    if (leaf->node->tag != LOGICAL_Get) return false;
    const Relation *r = ((LGet *)leaf->node)->relation;
    for (int x = 0; x < r->nindexes; x++) {
        const IndexDef *idx = r->indexes[x];
        if (!idx->unique || idx->deferrable || !idx->valid || !index_is_plain(idx)) continue;
        int covered = 0;
        for (int k = 0; k < idx->nkeys; k++) {
            for (int i = 0; i < in->on.count; i++) {
                Cond *c = in->on.items[i];
                if (c->left == NULL) continue;
                Expr *e = c->right_rels == in->right->rels ? c->right : c->left;
                if (e->tag == EXPR_ColumnRef && ((ColumnRefExpr *)e)->col + 1 == idx->attnums[k] &&
                    ((ColumnRefExpr *)e)->rel == leaf->node->rel) {
                    covered++;
                    break;
                }
            }
        }
        if (covered == idx->nkeys) return true;
    }
    return false;
}

static Path *
new_join_path(JoinBlock *b, PathKind kind, const JoinInput *in, JoinType type, Path *outer, Path *inner)
{
    Path *p = ARENA_NEW(b->ps->arena, Path);
    if (p == NULL) return NULL;
    p->kind = kind;
    p->jointype = type;
    p->outer = outer;
    p->inner = inner;
    p->rels = outer->rels | inner->rels;
    p->params = (outer->params | inner->params) & ~p->rels;
    p->rows = in->rows;
    p->width = outer->width + inner->width;
    p->filter = in->filter;
    p->inner_unique = in->right_unique && inner->rels == in->right->rels;
    return p;
}

/* Splits the conditions into keys, outer's side first, and the rest. */
static Status
split_keys(JoinBlock *b, const JoinInput *in, Path *p, bool hashable, const ExprList *done)
{
    Ctx *ctx = b->ps->ctx;
    Arena *arena = b->ps->arena;
    for (int i = 0; i < in->on.count; i++) {
        Cond *c = in->on.items[i];
        if (done != NULL && exprlist_holds(done, c->expr)) continue;
        bool fwd = c->left != NULL && is_subset(c->left_rels, p->outer->rels) && is_subset(c->right_rels, p->inner->rels);
        bool bwd = c->left != NULL && is_subset(c->left_rels, p->inner->rels) && is_subset(c->right_rels, p->outer->rels);
        bool usable = (fwd || bwd) && (hashable ? c->op->can_hash : c->op->can_merge);
        if (!usable || p->kind == PATH_NESTLOOP) {
            TRY(array_push(ctx, arena, &p->join_conds, c->expr));
            continue;
        }
        TRY(array_push(ctx, arena, &p->left_keys, fwd ? c->left : c->right));
        TRY(array_push(ctx, arena, &p->right_keys, fwd ? c->right : c->left));
        TRY(array_push(ctx, arena, &p->key_conds, c->expr));
    }
    return QN_OK;
}

static Status
try_hash(JoinBlock *b, JoinRel *rel, const JoinInput *in, JoinType type, Path *outer, Path *inner)
{
    if ((outer->params & inner->rels) != 0 || (inner->params & outer->rels) != 0) return QN_OK;
    Path *p = new_join_path(b, PATH_HASH, in, type, outer, inner);
    if (p == NULL) return RAISE_OOM(b->ps->ctx);
    TRY(split_keys(b, in, p, true, NULL));
    if (p->left_keys.count == 0) return QN_OK;
    Cost oc = {outer->startup, outer->total}, ic = {inner->startup, inner->total}, c;
    cost_hashjoin(b->ps->ctx->settings, &oc, outer->rows, outer->width, &ic, inner->rows, inner->width,
                  p->left_keys.count, in->rows, p->join_conds.count + p->filter.count, &c);
    p->startup = c.startup;
    p->total = c.total;
    return add_path(b, rel, p);
}

static Status
try_nestloop(JoinBlock *b, JoinRel *rel, const JoinInput *in, JoinType type, Path *outer, Path *inner)
{
    Ctx *ctx = b->ps->ctx;
    if ((outer->params & inner->rels) != 0) return QN_OK;
    Path *use = inner;
    bool parametrised = (inner->params & outer->rels) != 0;
    Cost oc = {outer->startup, outer->total}, ic = {inner->startup, inner->total}, rescan = ic, c;
    if (!parametrised && ctx->settings->enable_material) {
        /* Rows are read again for every outer row: keep them. A materialised row costs what handing it up costs. */
        TRY_ALLOC(ctx, use, ARENA_NEW(b->ps->arena, Path));
        *use = *inner;
        use->kind = PATH_MATERIAL;
        use->outer = inner;
        use->inner = NULL;
        use->total = inner->total + 2 * ctx->settings->cpu_operator_cost * inner->rows;
        ic.total = use->total;
        rescan.startup = 0;
        rescan.total = ctx->settings->cpu_operator_cost * inner->rows;
    }
    Path *p = new_join_path(b, PATH_NESTLOOP, in, type, outer, use);
    if (p == NULL) return RAISE_OOM(ctx);
    p->order = outer->order;
    TRY(split_keys(b, in, p, false, parametrised ? &inner->index_cond : NULL));
    cost_nestloop(ctx->settings, &oc, outer->rows, &ic, &rescan, inner->rows, in->rows,
                  p->join_conds.count + p->filter.count, type == JOIN_SEMI || type == JOIN_ANTI || p->inner_unique, &c);
    p->startup = c.startup;
    p->total = c.total;
    return add_path(b, rel, p);
}

static Status
sorted_input(JoinBlock *b, JoinRel *side, const SortKeyList *keys, Path **out)
{
    Ctx *ctx = b->ps->ctx;
    Path *best = NULL;
    for (int i = 0; i < side->paths.count; i++) {
        Path *p = side->paths.items[i];
        if (p->params == 0 && order_satisfies(&p->order, keys) && (best == NULL || p->total < best->total)) best = p;
    }
    Cost in = {side->cheapest->startup, side->cheapest->total}, c;
    cost_sort(ctx->settings, &in, side->cheapest->rows, side->cheapest->width, 0, &c);
    if (best != NULL && best->total <= c.total) {
        *out = best;
        return QN_OK;
    }
    Path *p;
    TRY_ALLOC(ctx, p, ARENA_NEW(b->ps->arena, Path));
    *p = *side->cheapest;
    p->kind = PATH_SORT;
    p->outer = side->cheapest;
    p->inner = NULL;
    p->order = *keys;
    p->startup = c.startup;
    p->total = c.total;
    *out = p;
    return QN_OK;
}

static Status
try_merge(JoinBlock *b, JoinRel *rel, const JoinInput *in, JoinType type, JoinRel *outer, JoinRel *inner)
{
    Ctx *ctx = b->ps->ctx;
    Arena *arena = b->ps->arena;
    if (outer->cheapest == NULL || inner->cheapest == NULL) return QN_OK;
    Path *p = new_join_path(b, PATH_MERGE, in, type, outer->cheapest, inner->cheapest);
    if (p == NULL) return RAISE_OOM(ctx);
    TRY(split_keys(b, in, p, false, NULL));
    if (p->left_keys.count == 0) return QN_OK;
    for (int i = 0; i < p->left_keys.count; i++) {
        Expr *l = p->left_keys.items[i], *r = p->right_keys.items[i];
        Oid lt_l = op_for_type(l->type, SEL_LT), lt_r = op_for_type(r->type, SEL_LT);
        if (lt_l == 0 || lt_r == 0 || l->type != r->type) return QN_OK; /* one order on both sides */
        TRY(array_push(ctx, arena, &p->left_sort, ((SortKey){.expr = l, .lt_op = lt_l})));
        TRY(array_push(ctx, arena, &p->right_sort, ((SortKey){.expr = r, .lt_op = lt_r})));
    }
    TRY(sorted_input(b, outer, &p->left_sort, &p->outer));
    TRY(sorted_input(b, inner, &p->right_sort, &p->inner));
    p->order = p->outer->order;
    Cost oc = {p->outer->startup, p->outer->total}, ic = {p->inner->startup, p->inner->total}, c;
    cost_mergejoin(ctx->settings, &oc, outer->rows, &ic, inner->rows, p->left_keys.count, in->rows,
                   p->join_conds.count + p->filter.count, &c);
    p->startup = c.startup;
    p->total = c.total;
    return add_path(b, rel, p);
}

static JoinType
mirrored(JoinType t)
{
    switch (t) {
    case JOIN_LEFT: return JOIN_RIGHT;
    case JOIN_SEMI: return JOIN_RIGHT_SEMI;
    case JOIN_ANTI: return JOIN_RIGHT_ANTI;
    default: return t;
    }
}

static Status
join_paths(JoinBlock *b, JoinRel *rel, const JoinInput *in)
{
    JoinRel *l = in->left, *r = in->right;
    bool keys = false;
    for (int i = 0; i < in->on.count; i++) keys |= in->on.items[i]->left != NULL;
    for (int i = 0; i < l->paths.count; i++) {
        Path *o = l->paths.items[i];
        bool plain = o == l->cheapest;
        for (int k = 0; k < r->paths.count; k++) {
            Path *n = r->paths.items[k];
            if (n == r->cheapest || (n->params & l->rels) != 0) TRY(try_nestloop(b, rel, in, in->type, o, n));
            if (keys && (plain || o->params != 0) && (n == r->cheapest || n->params != 0))
                TRY(try_hash(b, rel, in, in->type, o, n));
        }
    }
    for (int k = 0; k < r->paths.count; k++) {
        Path *o = r->paths.items[k];
        for (int i = 0; i < l->paths.count; i++) {
            Path *n = l->paths.items[i];
            if (in->type == JOIN_INNER && (n == l->cheapest || (n->params & r->rels) != 0))
                TRY(try_nestloop(b, rel, in, JOIN_INNER, o, n));
            if (keys && (o == r->cheapest || o->params != 0) && (n == l->cheapest || n->params != 0))
                TRY(try_hash(b, rel, in, mirrored(in->type), o, n));
        }
    }
    if (keys) {
        TRY(try_merge(b, rel, in, in->type, l, r));
        if (in->type == JOIN_INNER) TRY(try_merge(b, rel, in, JOIN_INNER, r, l));
    }
    return QN_OK;
}

/* ---- search ---- */

typedef struct Search {
    JoinBlock *b;
    ARRAY(JoinRel *) rels;   /* all found */
    JoinRel **table;         /* open addressing by rels */
    size_t table_mask;
} Search;

static JoinRel **
search_slot(Search *s, RelSet set)
{
    size_t i = hash_u64(set) & s->table_mask;
    while (s->table[i] != NULL && s->table[i]->rels != set) i = (i + 1) & s->table_mask;
    return &s->table[i];
}

static Status
search_add(Search *s, JoinRel *rel)
{
    Ctx *ctx = s->b->ps->ctx;
    if ((size_t)(s->rels.count + 1) * 2 > s->table_mask) {
        size_t n = (s->table_mask + 1) * 2;
        JoinRel **old = s->table;
        size_t old_n = s->table_mask + 1;
        TRY_ALLOC(ctx, s->table, ARENA_ARRAY(s->b->ps->arena, JoinRel *, n));
        s->table_mask = n - 1;
        for (size_t i = 0; i < old_n; i++)
            if (old != NULL && old[i] != NULL) *search_slot(s, old[i]->rels) = old[i];
    }
    *search_slot(s, rel->rels) = rel;
    return array_push(ctx, s->b->ps->arena, &s->rels, rel);
}

/* Joins the two if that is legal; *out NULL if not, or if no way was found. */
static Status
try_pair(Search *s, JoinRel *x, JoinRel *y, JoinRel **out)
{
    JoinBlock *b = s->b;
    Ctx *ctx = b->ps->ctx;
    int match;
    bool reversed;
    *out = NULL;
    if (!pair_is_legal(b, x->rels, y->rels, &match, &reversed)) return QN_OK;
    JoinInput in = {.left = reversed ? y : x, .right = reversed ? x : y, .type = JOIN_INNER};
    if (match >= 0) in.type = b->specials.items[match]->type;
    TRY(block_conds(b, x->rels, y->rels, match, &in));
    JoinRel *rel = *search_slot(s, x->rels | y->rels);
    bool fresh = rel == NULL;
    if (fresh) {
        TRY_ALLOC(ctx, rel, ARENA_NEW(b->ps->arena, JoinRel));
        rel->rels = x->rels | y->rels;
        rel->rows = join_rows(b, &in);
        rel->width = x->width + y->width;
    }
    in.rows = rel->rows;
    in.right_unique = right_is_unique(b, &in);
    TRY(join_paths(b, rel, &in));
    if (rel->paths.count == 0) return QN_OK;
    set_cheapest(rel);
    if (fresh) TRY(search_add(s, rel));
    *out = rel;
    return QN_OK;
}

static Status
search_dp(Search *s, int nleaves)
{
    int *level_start;
    TRY_ALLOC(s->b->ps->ctx, level_start, ARENA_ARRAY(s->b->ps->arena, int, nleaves + 2));
    level_start[1] = 0;
    level_start[2] = s->rels.count;
    for (int level = 2; level <= nleaves; level++) {
        for (int k = 1; k <= level / 2; k++) {
            int other = level - k;
            for (int i = level_start[k]; i < level_start[k + 1]; i++) {
                for (int j = level_start[other]; j < level_start[other + 1]; j++) {
                    JoinRel *x = s->rels.items[i], *y = s->rels.items[j], *made;
                    if ((x->rels & y->rels) != 0 || (k == other && j <= i)) continue;
                    if (!pair_is_connected(s->b, x->rels, y->rels)) continue;
                    TRY(try_pair(s, y, x, &made));
                }
                TRY(ctx_check_stop(s->b->ps->ctx));
            }
        }
        level_start[level + 1] = s->rels.count;
    }
    return QN_OK;
}

/* Joins what is left, the smallest result first, cross products last. */
static Status
search_greedy(Search *s, JoinRel **items, int n, JoinRel **out)
{
    Ctx *ctx = s->b->ps->ctx;
    while (n > 1) {
        int best_i = -1, best_j = -1;
        JoinRel *best = NULL;
        for (int cross = 0; cross < 2 && best == NULL; cross++) {
            for (int i = 0; i < n; i++) {
                for (int j = i + 1; j < n; j++) {
                    JoinRel *made;
                    if ((items[i]->rels & items[j]->rels) != 0) continue;
                    if (!cross && !pair_is_connected(s->b, items[i]->rels, items[j]->rels)) continue;
                    JoinRel *known = *search_slot(s, items[i]->rels | items[j]->rels);
                    if (known != NULL)
                        made = known;
                    else
                        TRY(try_pair(s, items[i], items[j], &made));
                    if (made != NULL && (best == NULL || made->rows < best->rows)) best = made, best_i = i, best_j = j;
                }
                TRY(ctx_check_stop(ctx));
            }
        }
        if (best == NULL) return RAISE_INTERNAL(ctx, "no legal join order");
        items[best_i] = best;
        items[best_j] = items[--n];
    }
    *out = items[0];
    return QN_OK;
}

/* ---- the block ---- */

static Status
prepare_leaves(JoinBlock *b)
{
    Ctx *ctx = b->ps->ctx;
    for (int i = 0; i < b->leaves.count; i++) {
        Leaf *leaf = b->leaves.items[i];
        ColSet free_cols = {0};
        TRY(colset_free_columns(b->ps, leaf->node, &free_cols));
        leaf->lateral = rels_of_columns(b, &free_cols) & ~(1ull << i);
    }
    /* Conditions of one leaf go to it. */
    int kept = 0;
    for (int i = 0; i < b->conds.count; i++) {
        Cond *c = b->conds.items[i];
        if (c->special < 0 && popcount(c->required) == 1) {
            Leaf *leaf = b->leaves.items[__builtin_ctzll(c->required)];
            if (!c->derived) TRY(array_push(ctx, b->ps->arena, &leaf->conds, c->expr));
            continue;
        }
        b->conds.items[kept++] = c;
    }
    b->conds.count = kept;
    for (int i = 0; i < b->leaves.count; i++) {
        Leaf *leaf = b->leaves.items[i];
        leaf->width = list_width(b->opt, b->need, leaf);
        if (leaf->node->tag == LOGICAL_Get) {
            const Relation *r = ((LGet *)leaf->node)->relation;
            leaf->raw_rows = r->tuples >= 0 ? fmax(1, r->tuples) : 1000;
            leaf->rows = fmax(1, rint(leaf->raw_rows * sel_conditions(b->opt, &leaf->conds)));
        }
    }
    return QN_OK;
}

/* Every column the block's conditions read, for leaves that are planned on their own. */
static Status
block_columns(JoinBlock *b, ColSet *out)
{
    Ctx *ctx = b->ps->ctx;
    TRY(colset_add_all(ctx, b->ps->arena, out, b->need));
    for (int i = 0; i < b->conds.count; i++) TRY(colset_add_expr(b->ps, out, b->conds.items[i]->expr));
    for (int i = 0; i < b->leaves.count; i++) {
        TRY(colset_add_exprs(b->ps, out, &b->leaves.items[i]->conds));
        TRY(colset_free_columns(b->ps, b->leaves.items[i]->node, out));
    }
    return QN_OK;
}

static Path *
choose(JoinBlock *b, JoinRel *rel)
{
    const Settings *s = b->ps->ctx->settings;
    Path *best = NULL;
    double best_cost = 0;
    double fraction = b->limit_rows > 0 && b->limit_rows < rel->rows ? b->limit_rows / rel->rows : 1;
    for (int i = 0; i < rel->paths.count; i++) {
        Path *p = rel->paths.items[i];
        if (p->params != 0) continue;
        Cost c = {p->startup, p->total};
        if (b->wanted != NULL && b->wanted->count > 0 && !order_satisfies(&p->order, b->wanted))
            cost_sort(s, &c, p->rows, p->width, b->limit_rows, &c);
        double cost = c.startup + fraction * (c.total - c.startup);
        if (best == NULL || cost < best_cost) best = p, best_cost = cost;
    }
    return best;
}

/* Conditions without columns are asked once, before any row is read. */
static Status
add_one_time_filter(JoinBlock *b, Sub *out)
{
    Opt *o = b->opt;
    ResultPlan *r = PNODE_NEW(o, Result, out->node, NULL);
    if (r == NULL) return RAISE_OOM(o->ctx);
    TRY(opt_translate_list(o, &b->consts, NULL, NULL, &r->one_time));
    TRY(pnode_pass_targets(o, &r->base, out, NULL));
    r->base.rows = out->node->rows;
    r->base.startup_cost = out->node->startup_cost;
    r->base.total_cost = out->node->total_cost;
    r->base.width = out->node->width;
    out->node = &r->base;
    return QN_OK;
}

Status
block_plan(Opt *o, LNode *root, const ColSet *need, const SortKeyList *wanted, double limit_rows, Sub *out)
{
    Ctx *ctx = o->ctx;
    JoinBlock *b;
    TRY_ALLOC(ctx, b, ARENA_NEW(o->arena, JoinBlock));
    *b = (JoinBlock){.ps = o->ps, .opt = o, .wanted = wanted, .limit_rows = limit_rows, .need = need};
    RelSet all;
    TRY(flatten(b, root, BLOCK_MAX_LEAVES, &all));
    TRY(derive_equalities(b));
    TRY(prepare_leaves(b));
    ColSet *cols;
    TRY_ALLOC(ctx, cols, ARENA_NEW(o->arena, ColSet));
    TRY(block_columns(b, cols));

    Search s = {.b = b, .table_mask = 63};
    TRY_ALLOC(ctx, s.table, ARENA_ARRAY(o->arena, JoinRel *, 64));
    b->need = cols;
    for (int i = 0; i < b->leaves.count; i++) {
        Leaf *leaf = b->leaves.items[i];
        JoinRel *rel;
        TRY_ALLOC(ctx, rel, ARENA_NEW(o->arena, JoinRel));
        rel->rels = 1ull << i;
        PathList paths = {0};
        TRY(leaf_paths(b, leaf, &paths));
        rel->rows = leaf->rows;
        rel->width = leaf->width;
        for (int k = 0; k < paths.count; k++) TRY(add_path(b, rel, paths.items[k]));
        set_cheapest(rel);
        TRY(search_add(&s, rel));
    }
    b->need = need;
    JoinRel *top = s.rels.items[0];
    if (b->leaves.count > 1) {
        if (b->leaves.count <= ctx->settings->join_collapse_limit) TRY(search_dp(&s, b->leaves.count));
        top = *search_slot(&s, all);
        if (top == NULL || top->cheapest == NULL) {
            JoinRel **items;
            int n = b->leaves.count;
            TRY_ALLOC(ctx, items, ARENA_ARRAY(o->arena, JoinRel *, n));
            for (int i = 0; i < n; i++) items[i] = s.rels.items[i];
            TRY(search_greedy(&s, items, n, &top));
        }
    }
    Path *best = choose(b, top);
    if (best == NULL) return RAISE_INTERNAL(ctx, "no way found to compute a join");
    TRY(path_build(b, best, need, out));
    return b->consts.count > 0 ? add_one_time_filter(b, out) : QN_OK;
}
