/* rw_prune.c - partitions that no row meeting the conditions can be in are not read. What is looked at are comparisons of partition key
 * columns with constants, IS NULL, and AND and OR of them; anything else rules out nothing.
 *
 * A partition is asked one condition at a time, but for equalities on all key columns: those say exactly where the rows are. */
#include "catalog/partition.h"
#include "planner/opt.h"
#include "planner/rewrite.h"
#include "types/array.h"

/* One partitioned table of the tree. */
typedef struct Level {
    Ctx *ctx;
    Arena *arena;
    const PartitionDesc *d;
    int rel;  /* conditions are over the columns of this rel */
    int *cols; /* by key: its column there, -1: an expression */
} Level;

static bool may_match(const Level *l, int part, Expr *cond);

/* The key column e is, or -1. */
static int
key_of(const Level *l, Expr *e)
{
    e = opt_strip_relabel(e);
    const ColumnRefExpr *c = (const ColumnRefExpr *)e;
    if (e->tag != EXPR_ColumnRef || c->rel != l->rel) return -1;
    for (int k = 0; k < l->d->key->nkeys; k++)
        if (l->cols[k] == c->col && c->col >= 0) return k;
    return -1;
}

static bool
integer_value(const Value *v, int64_t *out)
{
    switch (v->type) {
    case TYPE_INT2: *out = v->i16; return true;
    case TYPE_INT4: *out = v->i32; return true;
    case TYPE_INT8: *out = v->i64; return true;
    default: return false;
    }
}

/* The constant as a value of the key's type; false when it is not one of the same kind. */
static bool
as_key_value(Oid type, const Value *v, Value *out)
{
    int64_t i;
    *out = *v;
    out->type = type;
    if (v->type == type) return true;
    if ((v->type == TYPE_TEXT && type == TYPE_VARCHAR) || (v->type == TYPE_VARCHAR && type == TYPE_TEXT)) return true;
    if (!integer_value(v, &i)) return false;
    switch (type) {
    case TYPE_INT2:
        out->phys = PHYS_I16;
        out->i16 = (int16_t)i;
        return out->i16 == i;
    case TYPE_INT4:
        out->phys = PHYS_I32;
        out->i32 = (int32_t)i;
        return out->i32 == i;
    case TYPE_INT8:
        out->phys = PHYS_I64;
        out->i64 = i;
        return true;
    default: return false;
    }
}

/* Whether x op v holds for some x of [lo, hi): a bound that is NULL is infinite; closed: hi itself belongs to it. */
static bool
interval_matches(const Value *lo, const Value *hi, bool closed, SelKind op, const Value *v)
{
    TypeCmp cmp = type_info(v->type)->cmp;
    switch (op) {
    case SEL_EQ:
        if (lo != NULL && cmp(v, lo) < 0) return false;
        return hi == NULL || cmp(v, hi) < (closed ? 1 : 0);
    case SEL_LT: return lo == NULL || cmp(lo, v) < 0;
    case SEL_LE: return lo == NULL || cmp(lo, v) <= 0;
    case SEL_GT: return hi == NULL || cmp(hi, v) > 0;
    case SEL_GE: return hi == NULL || cmp(hi, v) > (closed ? -1 : 0);
    default: return true;
    }
}

static bool
compares(const Value *x, SelKind op, const Value *v)
{
    int c = type_info(v->type)->cmp(x, v);
    switch (op) {
    case SEL_EQ: return c == 0;
    case SEL_NE: return c != 0;
    case SEL_LT: return c < 0;
    case SEL_LE: return c <= 0;
    case SEL_GT: return c > 0;
    case SEL_GE: return c >= 0;
    default: return true;
    }
}

static bool
range_matches(const Level *l, const PartitionBound *b, int key, SelKind op, const Value *v)
{
    int n = l->d->key->nkeys;
    /* A later column is bounded only where those before it are the same at both ends. */
    for (int i = 0; i < key; i++)
        if (b->infinite[i] != 0 || b->infinite[n + i] != 0 || type_info(b->values[i].type)->cmp(&b->values[i], &b->values[n + i]) != 0) return true;
    const Value *lo = b->infinite[key] == 0 ? &b->values[key] : NULL, *hi = b->infinite[n + key] == 0 ? &b->values[n + key] : NULL;
    bool closed = key < n - 1 && b->infinite[n + key + 1] >= 0;
    return interval_matches(lo, hi, closed, op, v);
}

static bool
value_matches(const Level *l, int part, int key, SelKind op, const Value *given)
{
    const PartitionDesc *d = l->d;
    const PartitionBound *b = d->parts[part]->bound;
    Value v;
    if (given->is_null) return false; /* the comparison is NULL */
    if (!as_key_value(d->key->types[key], given, &v)) return true;
    if (op == SEL_EQ && d->key->nkeys == 1) return partition_find(d, &v) == part;
    switch (b->kind) {
    case PARTITION_RANGE: return range_matches(l, b, key, op, &v);
    case PARTITION_LIST:
        for (int i = 0; i < b->nvalues; i++)
            if (!b->values[i].is_null && compares(&b->values[i], op, &v)) return true;
        return false;
    default: return true;
    }
}

static bool
comparison_may_match(const Level *l, int part, const FuncExpr *f)
{
    if (f->op == NULL || f->op->sel < SEL_EQ || f->op->sel > SEL_GE || f->args.count != 2) return true;
    for (int side = 0; side < 2; side++) {
        int key = key_of(l, f->args.items[side]);
        const Expr *c = f->args.items[1 - side];
        if (key < 0 || c->tag != EXPR_Const) continue;
        SelKind op = (SelKind)f->op->sel;
        return value_matches(l, part, key, side == 0 ? op : opt_commuted(op), &((const ConstExpr *)c)->value);
    }
    return true;
}

static bool
array_may_match(const Level *l, int part, const ArrayOpExpr *a)
{
    int key = key_of(l, a->left);
    if (key < 0 || a->is_all || a->op == NULL || a->op->sel != SEL_EQ || a->array->tag != EXPR_Const) return true;
    const Value *v = &((const ConstExpr *)a->array)->value;
    ArrayView view;
    if (v->is_null) return false;
    array_view(&v->str, &view);
    if (view.ndim != 1) return view.ndim > 1;
    for (int32_t i = view.lbounds[0]; i < view.lbounds[0] + view.dims[0]; i++) {
        Value item;
        if (!array_get(&view, 1, &i, &item)) return true;
        if (value_matches(l, part, key, SEL_EQ, &item)) return true;
    }
    return false;
}

static bool
null_may_match(const Level *l, int part, const NullTestExpr *t)
{
    const PartitionDesc *d = l->d;
    const PartitionBound *b = d->parts[part]->bound;
    if (key_of(l, t->arg) < 0 || d->key->strategy == PARTITION_HASH) return true;
    if (!t->is_not) return d->key->strategy == PARTITION_RANGE ? part == d->default_part : part == (d->null_part >= 0 ? d->null_part : d->default_part);
    return b->kind != PARTITION_LIST || b->nvalues != 1 || !b->values[0].is_null;
}

static bool
may_match(const Level *l, int part, Expr *cond)
{
    switch ((ExprTag)cond->tag) {
    case EXPR_Func: return comparison_may_match(l, part, (const FuncExpr *)cond);
    case EXPR_ArrayOp: return array_may_match(l, part, (const ArrayOpExpr *)cond);
    case EXPR_NullTest: return null_may_match(l, part, (const NullTestExpr *)cond);
    case EXPR_ColumnRef: {
        int key = key_of(l, cond);
        Value yes = {.type = TYPE_BOOL, .phys = PHYS_BOOL, .b = true};
        return key < 0 || value_matches(l, part, key, SEL_EQ, &yes);
    }
    case EXPR_Bool: {
        const BoolExpr *b = (const BoolExpr *)cond;
        if (ctx_check_depth(l->ctx) != QN_OK) return true; /* binding has been as deep */
        if (b->kind == BOOL_NOT) {
            int key = key_of(l, b->args.items[0]);
            Value no = {.type = TYPE_BOOL, .phys = PHYS_BOOL, .b = false};
            return key < 0 || value_matches(l, part, key, SEL_EQ, &no);
        }
        for (int i = 0; i < b->args.count; i++)
            if (may_match(l, part, b->args.items[i]) != (b->kind == BOOL_AND)) return b->kind == BOOL_OR;
        return b->kind == BOOL_AND;
    }
    default: return true;
    }
}

/* key = constant among the conditions, for each key column: then the partition is known. */
static bool
all_keys_equal(const Level *l, const ExprList *conds, Value *out)
{
    for (int k = 0; k < l->d->key->nkeys; k++) {
        bool found = false;
        for (int i = 0; i < conds->count && !found; i++) {
            const FuncExpr *f = (const FuncExpr *)conds->items[i];
            if (f->base.tag != EXPR_Func || f->op == NULL || f->op->sel != SEL_EQ || f->args.count != 2) continue;
            for (int side = 0; side < 2 && !found; side++) {
                const Expr *c = f->args.items[1 - side];
                if (key_of(l, f->args.items[side]) != k || c->tag != EXPR_Const || ((const ConstExpr *)c)->value.is_null) continue;
                found = as_key_value(l->d->key->types[k], &((const ConstExpr *)c)->value, &out[k]);
            }
        }
        if (!found) return false;
    }
    return true;
}

static Status
level_of(PlanState *ps, const LAppend *a, const Member *m, Level *l)
{
    const PartitionKey *key = m->rel->partition_key;
    *l = (Level){.ctx = ps->ctx, .arena = ps->arena, .d = m->rel->partitions, .rel = a->base.rel};
    TRY_ALLOC(ps->ctx, l->cols, ARENA_ARRAY(ps->arena, int, key->nkeys));
    for (int k = 0; k < key->nkeys; k++) {
        l->cols[k] = -1;
        for (int c = 0; c < a->relation->ncols && key->attnums[k] != 0; c++)
            if ((m->map != NULL ? m->map[c] : c) == key->attnums[k] - 1) l->cols[k] = c;
    }
    return QN_OK;
}

/* Which partitions of the level are read: alive[i] by partition. */
static void
prune_level(const Level *l, const ExprList *conds, bool *alive)
{
    Value keys[32];
    int only = -1;
    bool exact = l->d->key->nkeys <= 32 && all_keys_equal(l, conds, keys);
    if (exact) only = partition_find(l->d, keys);
    for (int p = 0; p < l->d->nparts; p++) {
        alive[p] = !exact || p == only;
        for (int i = 0; i < conds->count && alive[p]; i++) alive[p] = may_match(l, p, conds->items[i]);
    }
}

Status
rw_prune_append(PlanState *ps, LAppend *a, const ExprList *conds)
{
    bool *alive;
    int n = 0;
    if (a->relation->partitions == NULL || conds->count == 0) return QN_OK;
    TRY_ALLOC(ps->ctx, alive, ARENA_ARRAY(ps->arena, bool, a->members.count + 1));
    for (int i = 0; i < a->members.count; i++) alive[i] = true;
    for (int i = 0; i < a->members.count; i++) {
        const Member *m = &a->members.items[i];
        Level l;
        bool *parts;
        if (m->up >= 0 && !alive[m->up]) alive[i] = false;
        if (!alive[i] || m->rel->partitions == NULL) continue;
        TRY(level_of(ps, a, m, &l));
        TRY_ALLOC(ps->ctx, parts, ARENA_ARRAY(ps->arena, bool, l.d->nparts + 1));
        prune_level(&l, conds, parts);
        for (int k = i + 1; k < a->members.count; k++)
            for (int p = 0; a->members.items[k].up == i && p < l.d->nparts; p++)
                if (l.d->parts[p]->child_oid == a->members.items[k].rel->oid) alive[k] = parts[p];
    }
    for (int i = 0; i < a->nchildren; i++)
        if (alive[a->children[i].at]) a->children[n++] = a->children[i];
    a->nchildren = n;
    return QN_OK;
}
