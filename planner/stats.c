/* stats.c - selectivity: which share of rows a condition keeps, from what ANALYZE stored.
 *
 * The estimators are PostgreSQL's (src/backend/utils/adt/selfuncs.c describes them): most common values first, an
 * equi-depth histogram for the rest, fixed defaults where nothing is known. Estimates change plans, never answers.
 */
#include "planner/indexexpr.h"
#include "planner/opt.h"
#include <math.h>
#include <stdlib.h>

#define DEFAULT_EQ_SEL 0.005
#define DEFAULT_INEQ_SEL 0.3333333333333333
#define DEFAULT_RANGE_SEL 0.005
#define DEFAULT_MATCH_SEL 0.005
#define DEFAULT_NDISTINCT 200.0
#define DEFAULT_UNKNOWN_SEL 0.3333333333333333

static double
clamp(double s)
{
    return s < 0 ? 0 : s > 1 ? 1 : s;
}

static Status
find_table(Ctx *ctx, Expr **slot, void *arg)
{
    int *rel = arg;
    if ((*slot)->tag == EXPR_ColumnRef) {
        if (*rel < 0) *rel = ((const ColumnRefExpr *)*slot)->rel;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, find_table, arg);
}

/* An expression that an index computes has statistics like a column; NULL where there are none. */
static const Column *
expression_column(Opt *o, Expr *e, const Relation **rel_out)
{
    int rel = -1;
    if (e->tag == EXPR_Const || e->tag == EXPR_Param || find_table(o->ctx, &e, &rel) != QN_OK || rel <= 0 || rel > o->ps->nrels) return NULL;
    const LGet *get = (const LGet *)o->ps->rels[rel].node;
    if (get == NULL || get->base.tag != LOGICAL_Get) return NULL;
    for (int i = 0; i < get->relation->nindexes; i++) {
        const IndexDef *ix = get->relation->indexes[i];
        const IndexExprs *exprs;
        if (ix->stats == NULL || ix->predicate != NULL || rel_index_exprs(o->ps, get, i, &exprs) != QN_OK) continue;
        for (int k = 0; k < ix->nkeys; k++) {
            Column *c;
            if (ix->stats[k] == NULL || !expr_equal(e, opt_strip_relabel(exprs->columns[k]))) continue;
            if ((c = ARENA_NEW(o->arena, Column)) == NULL) return NULL;
            *c = (Column){.attnum = -1, .name = ix->names[k], .type = ix->types[k], .typmod = ix->typmods[k], .stats = ix->stats[k]};
            if (rel_out != NULL) *rel_out = get->relation;
            return c;
        }
    }
    return NULL;
}

/* The table column e is, seen through projections, group keys and CTEs; NULL if it is none. */
static const Column *
base_column(Opt *o, Expr *e, const Relation **rel_out)
{
    for (int depth = 0; depth < 32; depth++) {
        e = opt_strip_relabel(e);
        if (e->tag != EXPR_ColumnRef) return expression_column(o, e, rel_out);
        ColumnRefExpr *c = (ColumnRefExpr *)e;
        if (c->rel <= 0 || c->rel > o->ps->nrels || c->col < 0) return NULL;
        LNode *n = o->ps->rels[c->rel].node;
        if (n == NULL) return NULL;
        ExprList *list = NULL;
        switch (n->tag) {
        case LOGICAL_Get: {
            const Relation *r = ((LGet *)n)->relation;
            if (c->col >= r->ncols) return NULL;
            if (rel_out != NULL) *rel_out = r;
            return &r->cols[c->col];
        }
        case LOGICAL_Append: { /* the first child speaks for all */
            const LAppend *a = (const LAppend *)n;
            if (a->nchildren == 0) return NULL;
            int col = append_child_column(&a->children[0], c->col);
            if (rel_out != NULL) *rel_out = a->children[0].member.rel;
            return col >= 0 ? &a->children[0].member.rel->cols[col] : NULL;
        }
        case LOGICAL_Project: list = &((LProject *)n)->exprs; break;
        case LOGICAL_Aggregate: list = &((LAggregate *)n)->keys; break;
        case LOGICAL_CteRef: {
            int cte = ((LCteRef *)n)->cte;
            if (cte < 0 || cte >= o->ps->nctes || o->ps->ctes[cte].query == NULL) return NULL;
            if (o->ps->ctes[cte].recursive) return NULL;
            list = &o->ps->ctes[cte].query->out;
            break;
        }
        default: return NULL;
        }
        if (c->col >= list->count) return NULL;
        e = list->items[c->col];
    }
    return NULL;
}

static double
rel_tuples(const Relation *r)
{
    return r->tuples > 0 ? r->tuples : 1000;
}

double
est_correlation(Opt *o, const Relation *rel, int attno)
{
    (void)o;
    const ColumnStats *st = attno >= 0 && attno < rel->ncols ? rel->cols[attno].stats : NULL;
    return st != NULL && !isnan(st->correlation) ? st->correlation : 0;
}

int
est_width(Opt *o, ColId c)
{
    Oid type = 0;
    if (c.rel > 0 && c.rel <= o->ps->nrels) {
        ColumnRefExpr ref = {.base = {.tag = EXPR_ColumnRef}, .rel = c.rel, .col = c.col};
        const Column *col = c.col >= 0 ? base_column(o, &ref.base, NULL) : NULL;
        if (col != NULL && col->stats != NULL && col->stats->avg_width > 0) return (int)(col->stats->avg_width + 0.5);
        if (col != NULL)
            type = col->type;
        else if (c.col >= 0)
            rel_column(o->ps, c.rel, c.col, &type, NULL, NULL);
    }
    const TypeInfo *t = type_info(type);
    if (t == NULL || t->typlen < 0) return 32;
    return t->typlen;
}

/* Distinct values of a column of a table. */
static double
column_ndistinct(const Relation *r, const Column *col, bool *known)
{
    double tuples = rel_tuples(r);
    *known = true;
    if (r->primary != NULL && r->primary->nkeys == 1 && r->primary->attnums[0] == col->attnum) return tuples;
    for (int i = 0; i < r->nindexes; i++) {
        const IndexDef *x = r->indexes[i];
        if (x->unique && x->nkeys == 1 && x->attnums[0] == col->attnum && x->predicate == NULL) return tuples;
    }
    if (col->stats != NULL && col->stats->n_distinct != 0)
        return col->stats->n_distinct > 0 ? col->stats->n_distinct : fmax(1, -col->stats->n_distinct * tuples);
    *known = false;
    if (col->type == TYPE_BOOL) return 2;
    return fmin(DEFAULT_NDISTINCT, tuples);
}

double
est_ndistinct(Opt *o, Expr *e, double rows)
{
    const Relation *r;
    const Column *col = base_column(o, e, &r);
    if (col != NULL) {
        bool known;
        double nd = column_ndistinct(r, col, &known);
        double tuples = rel_tuples(r);
        /* Of rows that passed other conditions fewer values are left (Yao's approximation, as PostgreSQL). */
        if (rows < tuples && nd > 0) nd = nd * (1 - pow((tuples - rows) / tuples, tuples / nd));
        return fmax(1, fmin(nd, rows));
    }
    e = opt_strip_relabel(e);
    if (e->tag == EXPR_Const) return 1;
    if (e->type == TYPE_BOOL) return fmin(2, rows);
    /* An expression has at most as many values as its variables together. */
    ColSet cols = {0};
    if (colset_add_expr(o->ps, &cols, e) != QN_OK || cols.count == 0) return fmax(1, fmin(DEFAULT_NDISTINCT, rows));
    if (e->tag == EXPR_ColumnRef) return fmax(1, fmin(DEFAULT_NDISTINCT, rows));
    double nd = 1;
    for (int i = 0; i < cols.count; i++) {
        ColumnRefExpr ref = {.base = {.tag = EXPR_ColumnRef}, .rel = cols.items[i].rel, .col = cols.items[i].col};
        nd *= est_ndistinct(o, &ref.base, rows);
    }
    return fmax(1, fmin(nd, rows));
}

double
est_groups(Opt *o, const ExprList *keys, double rows)
{
    double nd = 1;
    for (int i = 0; i < keys->count; i++) {
        nd *= est_ndistinct(o, keys->items[i], rows);
        if (nd > rows) return fmax(1, rows);
    }
    return fmax(1, fmin(nd, rows));
}

/* A value as a number on the type's scale, for interpolation within a bucket. */
static double
as_double(const Value *v)
{
    switch (v->phys) {
    case PHYS_BOOL: return v->b;
    case PHYS_I16: return v->i16;
    case PHYS_I32: return v->i32;
    case PHYS_I64: return (double)v->i64 / pow(10, v->type == TYPE_NUMERIC ? v->scale : 0);
    case PHYS_I128: return (double)v->i128 / pow(10, v->scale);
    case PHYS_F32: return v->f32;
    case PHYS_F64: return v->f64;
    case PHYS_INTERVAL:
        return (double)v->interval.us + v->interval.days * 86400e6 + v->interval.months * 30 * 86400e6;
    case PHYS_STR: {
        double x = 0, scale = 1;
        const char *s = str_data(&v->str);
        for (uint32_t i = 0; i < v->str.len && i < 8; i++) {
            scale /= 256;
            x += (unsigned char)s[i] * scale;
        }
        return x;
    }
    default: return 0;
    }
}

static bool
same_scale(Oid a, Oid b)
{
    const TypeInfo *x = type_info(a), *y = type_info(b);
    return x != NULL && y != NULL && x->category == TYPCAT_NUMERIC && y->category == TYPCAT_NUMERIC;
}

/* Three-way comparison; *ok false where the types do not compare. */
static int
compare(const Value *a, const Value *b, bool *ok)
{
    *ok = true;
    const TypeInfo *x = type_info(a->type), *y = type_info(b->type);
    if (x != NULL && y != NULL && x->cmp != NULL && (a->type == b->type || x->cmp == y->cmp)) return x->cmp(a, b);
    if (same_scale(a->type, b->type)) {
        double p = as_double(a), q = as_double(b);
        return (p > q) - (p < q);
    }
    *ok = false;
    return 0;
}

static double
sum_mcv(const ColumnStats *st)
{
    double sum = 0;
    for (int i = 0; i < st->nmcv; i++) sum += st->mcv_freq[i];
    return sum;
}

static double
eq_const(const Relation *r, const Column *col, const Value *v)
{
    bool known, ok;
    double nd = column_ndistinct(r, col, &known);
    const ColumnStats *st = col->stats;
    if (v->is_null) return 0;
    if (st == NULL) return clamp(1 / nd);
    for (int i = 0; i < st->nmcv; i++)
        if (compare(&st->mcv[i], v, &ok) == 0 && ok) return st->mcv_freq[i];
    double rest = clamp(1 - sum_mcv(st) - st->null_frac);
    double others = nd - st->nmcv;
    if (others > 1) rest /= others;
    if (st->nmcv > 0 && rest > st->mcv_freq[st->nmcv - 1]) rest = st->mcv_freq[st->nmcv - 1];
    return clamp(rest);
}

static double
eq_unknown(const Relation *r, const Column *col)
{
    bool known;
    double nd = column_ndistinct(r, col, &known);
    double null_frac = col->stats != NULL ? col->stats->null_frac : 0;
    double sel = (1 - null_frac) / fmax(1, nd);
    if (col->stats != NULL && col->stats->nmcv > 0 && sel > col->stats->mcv_freq[0]) sel = col->stats->mcv_freq[0];
    return clamp(sel);
}

/* Share of the histogram below v (at most, with or_equal). */
static double
hist_below(const ColumnStats *st, const Value *v, bool *ok)
{
    int lo = 0, hi = st->nhist; /* first bound not below v */
    *ok = true;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        int c = compare(&st->hist[mid], v, ok);
        if (!*ok) return 0;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0) return 0;
    if (lo >= st->nhist) return 1;
    double a = as_double(&st->hist[lo - 1]), b = as_double(&st->hist[lo]), x = as_double(v), frac = 0.5;
    if (b > a && x >= a && x <= b) frac = (x - a) / (b - a);
    return (lo - 1 + frac) / (st->nhist - 1);
}

static double
ineq_const(const Relation *r, const Column *col, SelKind kind, const Value *v)
{
    const ColumnStats *st = col->stats;
    bool ok, below = kind == SEL_LT || kind == SEL_LE;
    if (v->is_null) return 0;
    if (st == NULL) return DEFAULT_INEQ_SEL;
    double mcv = 0, hist = 0.5;
    for (int i = 0; i < st->nmcv; i++) {
        int c = compare(&st->mcv[i], v, &ok);
        if (!ok) return DEFAULT_INEQ_SEL;
        bool hit = kind == SEL_LT ? c < 0 : kind == SEL_LE ? c <= 0 : kind == SEL_GT ? c > 0 : c >= 0;
        if (hit) mcv += st->mcv_freq[i];
    }
    double sum = sum_mcv(st);
    if (st->nhist >= 2) {
        hist = hist_below(st, v, &ok);
        if (!ok) return DEFAULT_INEQ_SEL;
        if (!below) hist = 1 - hist;
        /* Never quite nothing or all: the histogram may be old. */
        double cutoff = fmin(0.01 / (st->nhist - 1), 0.0001);
        hist = hist < cutoff ? cutoff : hist > 1 - cutoff ? 1 - cutoff : hist;
    } else if (st->nmcv > 0) {
        hist = 0;
        (void)r;
    } else {
        return DEFAULT_INEQ_SEL;
    }
    return clamp(mcv + hist * clamp(1 - sum - st->null_frac));
}

/* PostgreSQL's heuristic for what follows a pattern's fixed prefix. */
static double
pattern_rest_sel(const char *p, size_t n)
{
    double sel = 1;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '%')
            sel *= 5.0;
        else if (p[i] == '_')
            sel *= 0.9;
        else
            sel *= 0.2;
        if (p[i] == '\\') i++;
    }
    return sel > 1 ? 1 : sel;
}

static double
like_sel(const Relation *r, const Column *col, const Value *v)
{
    if (v->is_null || v->phys != PHYS_STR) return 0;
    const char *p = str_data(&v->str);
    size_t n = v->str.len, k = 0;
    while (k < n && p[k] != '%' && p[k] != '_' && p[k] != '\\') k++;
    if (k == n) return eq_const(r, col, v);
    double sel = 1;
    if (k > 0 && col->stats != NULL && col->stats->nhist >= 2) {
        char upper[64];
        size_t m = k < sizeof(upper) ? k : sizeof(upper);
        memcpy(upper, p, m);
        upper[m - 1] = (char)(upper[m - 1] + 1);
        Value lo = *v, hi = *v;
        lo.str = str_make(p, k);
        hi.str = str_make(upper, m);
        bool ok1, ok2;
        double a = hist_below(col->stats, &lo, &ok1), b = hist_below(col->stats, &hi, &ok2);
        sel = ok1 && ok2 ? fmax(b - a, 0.0001) : DEFAULT_RANGE_SEL;
    } else if (k > 0) {
        sel = DEFAULT_RANGE_SEL;
    }
    sel *= pattern_rest_sel(p + k, n - k);
    double null_frac = col->stats != NULL ? col->stats->null_frac : 0;
    sel = sel < 0.0001 ? 0.0001 : sel > 0.9999 ? 0.9999 : sel;
    return clamp(sel * (1 - null_frac));
}

static double
default_sel(SelKind kind)
{
    switch (kind) {
    case SEL_EQ: return DEFAULT_EQ_SEL;
    case SEL_NE: return 1 - DEFAULT_EQ_SEL;
    case SEL_LT:
    case SEL_LE:
    case SEL_GT:
    case SEL_GE: return DEFAULT_INEQ_SEL;
    case SEL_LIKE:
    case SEL_MATCH: return DEFAULT_MATCH_SEL;
    case SEL_NLIKE: return 1 - DEFAULT_MATCH_SEL;
    case SEL_CONTAINS: return 0.001;
    default: return DEFAULT_UNKNOWN_SEL;
    }
}

static double
sel_operator(Opt *o, SelKind kind, Expr *left, Expr *right)
{
    const Relation *r, *r2;
    const Column *a = base_column(o, left, &r), *b = base_column(o, right, &r2);
    if (a == NULL && b == NULL) {
        if (kind == SEL_EQ && (left->tag == EXPR_ColumnRef || right->tag == EXPR_ColumnRef))
            return DEFAULT_EQ_SEL;
        return default_sel(kind);
    }
    if (a != NULL && b != NULL) {
        if (kind != SEL_EQ && kind != SEL_NE) return default_sel(kind);
        double s = sel_join_eq(o, left, right, rel_tuples(r), rel_tuples(r2));
        return kind == SEL_EQ ? s : clamp(1 - s);
    }
    if (a == NULL) { /* constant op column */
        a = b, r = r2;
        Expr *t = left;
        left = right, right = t;
        kind = opt_commuted(kind);
    }
    (void)left;
    Expr *c = opt_strip_relabel(right);
    const Value *v = c->tag == EXPR_Const ? &((ConstExpr *)c)->value : NULL;
    double null_frac = a->stats != NULL ? a->stats->null_frac : 0;
    switch (kind) {
    case SEL_EQ: return v != NULL ? eq_const(r, a, v) : eq_unknown(r, a);
    case SEL_NE: return clamp(1 - null_frac - (v != NULL ? eq_const(r, a, v) : eq_unknown(r, a)));
    case SEL_LT:
    case SEL_LE:
    case SEL_GT:
    case SEL_GE: return v != NULL ? ineq_const(r, a, kind, v) : DEFAULT_INEQ_SEL;
    case SEL_LIKE: return v != NULL ? like_sel(r, a, v) : DEFAULT_MATCH_SEL;
    case SEL_NLIKE: return clamp(1 - null_frac - (v != NULL ? like_sel(r, a, v) : DEFAULT_MATCH_SEL));
    default: return default_sel(kind);
    }
}

double
sel_join_eq(Opt *o, Expr *left, Expr *right, double left_rows, double right_rows)
{
    double nd1 = est_ndistinct(o, left, fmax(1, left_rows)), nd2 = est_ndistinct(o, right, fmax(1, right_rows));
    const Relation *r;
    const Column *a = base_column(o, left, &r), *b = base_column(o, right, &r);
    double n1 = a != NULL && a->stats != NULL ? a->stats->null_frac : 0;
    double n2 = b != NULL && b->stats != NULL ? b->stats->null_frac : 0;
    return clamp((1 - n1) * (1 - n2) / fmax(1, fmax(nd1, nd2)));
}

static double
sel_null(Opt *o, Expr *arg)
{
    const Relation *r;
    const Column *c = base_column(o, arg, &r);
    if (c == NULL) return DEFAULT_EQ_SEL;
    if (c->not_null) return 0;
    return c->stats != NULL ? c->stats->null_frac : DEFAULT_EQ_SEL;
}

static double
sel_bool_column(Opt *o, Expr *e)
{
    const Relation *r;
    const Column *c = base_column(o, e, &r);
    Value t = {.type = TYPE_BOOL, .phys = PHYS_BOOL, .b = true};
    return c != NULL && c->stats != NULL ? eq_const(r, c, &t) : 0.5;
}

double
sel_condition(Opt *o, Expr *e)
{
    switch (e->tag) {
    case EXPR_Const: {
        const Value *v = &((ConstExpr *)e)->value;
        return !v->is_null && v->b ? 1 : 0;
    }
    case EXPR_ColumnRef: return sel_bool_column(o, e);
    case EXPR_Bool: {
        BoolExpr *b = (BoolExpr *)e;
        if (b->kind == BOOL_NOT) return clamp(1 - sel_condition(o, b->args.items[0]));
        if (b->kind == BOOL_AND) return sel_conditions(o, &b->args);
        double s = 0;
        for (int i = 0; i < b->args.count; i++) {
            double t = sel_condition(o, b->args.items[i]);
            s = s + t - s * t;
        }
        return clamp(s);
    }
    case EXPR_NullTest: {
        NullTestExpr *t = (NullTestExpr *)e;
        double s = sel_null(o, t->arg);
        return t->is_not ? clamp(1 - s) : s;
    }
    case EXPR_BoolTest: {
        BoolTestExpr *t = (BoolTestExpr *)e;
        double s = sel_condition(o, t->arg);
        switch (t->kind) {
        case IS_TRUE:
        case IS_NOT_FALSE: return s;
        case IS_FALSE:
        case IS_NOT_TRUE: return clamp(1 - s);
        case IS_UNKNOWN: return DEFAULT_EQ_SEL;
        default: return 1 - DEFAULT_EQ_SEL;
        }
    }
    case EXPR_Func: {
        FuncExpr *f = (FuncExpr *)e;
        if (f->op != NULL && f->args.count == 2) return sel_operator(o, f->op->sel, f->args.items[0], f->args.items[1]);
        return DEFAULT_UNKNOWN_SEL;
    }
    case EXPR_Distinct: {
        DistinctExpr *d = (DistinctExpr *)e;
        double s = sel_operator(o, SEL_EQ, d->left, d->right);
        return d->is_not ? s : clamp(1 - s);
    }
    case EXPR_ArrayOp: {
        ArrayOpExpr *a = (ArrayOpExpr *)e;
        SelKind kind = a->op != NULL ? a->op->sel : SEL_NONE;
        double one, s = a->is_all ? 1 : 0;
        Expr unknown = {.tag = EXPR_Param};
        int n = 10; /* of an array nothing is known of */
        ExprList *items = a->array->tag == EXPR_Array ? &((ArrayExpr *)a->array)->items : NULL;
        if (items != NULL) n = items->count;
        for (int i = 0; i < n; i++) {
            one = sel_operator(o, kind, a->left, items != NULL ? items->items[i] : &unknown);
            if (a->is_all)
                s *= one;
            else
                s = kind == SEL_EQ ? s + one : s + one - s * one;
        }
        return clamp(s);
    }
    case EXPR_SubPlan: return 0.5;
    default: return e->type == TYPE_BOOL ? 0.5 : DEFAULT_UNKNOWN_SEL;
    }
}

/* column op constant: which column, and whether it bounds from below. */
static bool
is_range(Opt *o, Expr *e, ColumnRefExpr **col, bool *lower)
{
    if (e->tag != EXPR_Func) return false;
    FuncExpr *f = (FuncExpr *)e;
    if (f->op == NULL || f->args.count != 2) return false;
    SelKind k = f->op->sel;
    if (k < SEL_LT || k > SEL_GE) return false;
    Expr *a = opt_strip_relabel(f->args.items[0]), *b = opt_strip_relabel(f->args.items[1]);
    if (a->tag != EXPR_ColumnRef) {
        Expr *t = a;
        a = b, b = t;
        k = opt_commuted(k);
    }
    if (a->tag != EXPR_ColumnRef || b->tag == EXPR_ColumnRef) return false;
    if (base_column(o, a, NULL) == NULL) return false;
    *col = (ColumnRefExpr *)a;
    *lower = k == SEL_GT || k == SEL_GE;
    return true;
}

double
sel_conditions(Opt *o, const ExprList *conds)
{
    double s = 1;
    for (int i = 0; i < conds->count; i++) {
        ColumnRefExpr *c, *d;
        bool lower, lower2, paired = false;
        if (is_range(o, conds->items[i], &c, &lower)) {
            /* x > a AND x < b on one column: what lies between, not the product of the halves. */
            for (int j = 0; j < conds->count && !paired; j++) {
                if (j == i || !is_range(o, conds->items[j], &d, &lower2)) continue;
                if (d->rel != c->rel || d->col != c->col || lower == lower2) continue;
                paired = true;
                if (j < i) continue; /* counted at j */
                double both = sel_condition(o, conds->items[i]) + sel_condition(o, conds->items[j]) +
                              sel_null(o, &c->base) - 1;
                s *= both > 0 ? both : DEFAULT_RANGE_SEL;
            }
        }
        if (!paired) s *= sel_condition(o, conds->items[i]);
    }
    return clamp(s);
}

static Status
count_ops(Ctx *ctx, Expr **slot, void *arg)
{
    int *n = arg;
    Expr *e = *slot;
    if (e == NULL) return QN_OK;
    if (e->tag == EXPR_Func || e->tag == EXPR_Distinct || e->tag == EXPR_NullIf || e->tag == EXPR_ArrayOp ||
        e->tag == EXPR_CoerceIO)
        (*n)++;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, count_ops, arg);
}

int
expr_ops(const Expr *e)
{
    Ctx ctx = {0}; /* counting raises nothing but depth, which then stops the count */
    int n = 0;
    Expr *slot = (Expr *)e;
    Status st = count_ops(&ctx, &slot, &n);
    err_clear(&ctx.err);
    return st == QN_OK ? n : 1000;
}
