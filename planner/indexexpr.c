/* indexexpr.c - what an index computes of its table's rows: its expressions and its predicate, bound for CREATE INDEX, for
 * those who write entries, and for the planner to compare with what a query asks.
 *
 * The catalog keeps them as text, printed from the bound form: so it says what was meant when the index was made. */
#include "planner/indexexpr.h"
#include "planner/bind_priv.h"
#include "planner/explain.h"
#include "planner/planner.h"
#include "planner/rewrite.h"
#include "common/bits.h"

/* ---- CREATE INDEX ---- */

typedef struct Inspection {
    const Relation *rel;
    bool is_mutable;
    uint64_t *uses; /* bit a: attribute a + 1 */
    bool has_system;
} Inspection;

/* Types whose in and out functions are immutable, whatever settings they look at: PostgreSQL's. */
static bool
has_immutable_text(Oid type)
{
    switch (type_base(type)) {
    case TYPE_BOOL: case TYPE_INT2: case TYPE_INT4: case TYPE_INT8: case TYPE_NUMERIC: case TYPE_FLOAT4: case TYPE_FLOAT8:
    case TYPE_TEXT: case TYPE_VARCHAR: case TYPE_BPCHAR: case TYPE_NAME: case TYPE_CHAR: case TYPE_OID: case TYPE_UUID:
    case TYPE_BYTEA: case TYPE_JSON: case TYPE_JSONB: case TYPE_INET: case TYPE_CIDR: case TYPE_MACADDR: case TYPE_BIT:
    case TYPE_VARBIT: return true;
    default: return false;
    }
}

static bool
is_mutable_call(const Expr *e)
{
    switch (e->tag) {
    case EXPR_Func: return (((const FuncExpr *)e)->fn->flags & FN_IMMUTABLE) == 0;
    case EXPR_Distinct: return (((const DistinctExpr *)e)->fn->flags & FN_IMMUTABLE) == 0;
    case EXPR_NullIf: return (((const NullIfExpr *)e)->fn->flags & FN_IMMUTABLE) == 0;
    case EXPR_ArrayOp: return (((const ArrayOpExpr *)e)->fn->flags & FN_IMMUTABLE) == 0;
    case EXPR_CoerceIO: {
        const CoerceIOExpr *c = (const CoerceIOExpr *)e;
        return !has_immutable_text(e->type) || !has_immutable_text(c->arg->type);
    }
    default: return false;
    }
}

static Status
inspect(Ctx *ctx, Expr **slot, void *arg)
{
    Inspection *in = arg;
    const Expr *e = *slot;
    if (e == NULL) return QN_OK;
    if (e->tag == EXPR_ColumnRef) {
        int col = ((const ColumnRefExpr *)e)->col;
        if (col >= 0) bits_set(in->uses, (size_t)col);
        else in->has_system = true;
        return QN_OK;
    }
    in->is_mutable |= is_mutable_call(e);
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, inspect, arg);
}

static Status
bind_elem(Ctx *ctx, Arena *arena, const char *sql, const Ast *ast, const Relation *rel, bool is_predicate, bool keep_calls,
          PlanState **ps_out, Expr **out)
{
    Binder b = {.ctx = ctx};
    Scope *s;
    TRY(scope_of_row(&b, arena, sql, rel, &s));
    b.ps->keep_calls = keep_calls;
    TRY(bind_expr_in(s, ast, is_predicate ? CLAUSE_INDEX_PREDICATE : CLAUSE_INDEX_EXPR, out));
    if (is_predicate) TRY(coerce_to_boolean(b.ps, out, "WHERE"));
    *ps_out = b.ps;
    return QN_OK;
}

static Status
elem_text(Ctx *ctx, Arena *arena, const Expr *e, const char **out)
{
    static const Plan no_plan = {0};
    ExplainNames names = {.ctx = ctx, .arena = arena, .plan = &no_plan};
    StrBuf b = strbuf_new(arena);
    char *text;
    TRY(explain_expr(&names, &b, NULL, PLACE_OUTPUT, e));
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

Status
plan_index_elem(Ctx *ctx, Arena *arena, const char *sql, const Ast *ast, const Relation *rel, bool is_predicate, IndexElemExpr *out)
{
    PlanState *ps;
    Expr *written, *e;
    Inspection in = {.rel = rel};
    TRY(bind_elem(ctx, arena, sql, ast, rel, is_predicate, true, &ps, &written));
    TRY(elem_text(ctx, arena, written, &out->text));
    TRY_ALLOC(ctx, out->needs, ARENA_ARRAY(arena, Oid, ps->routines.count + 1));
    out->nneeds = ps->routines.count;
    for (int i = 0; i < out->nneeds; i++) out->needs[i] = ps->routines.items[i]->fn.oid;
    TRY(bind_elem(ctx, arena, sql, ast, rel, is_predicate, false, &ps, &e));
    TRY(fold_expr(ps, &e));
    TRY_ALLOC(ctx, in.uses, arena_zalloc(arena, BITS_WORDS(rel->ncols + 1) * sizeof(uint64_t)));
    TRY(inspect(ctx, &written, &in));
    bool written_mutable = in.is_mutable;
    in.is_mutable = false;
    TRY(inspect(ctx, &e, &in));
    if (in.is_mutable && written_mutable)
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "functions in index %s must be marked IMMUTABLE",
                     is_predicate ? "predicate" : "expression");
    if (in.has_system) return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "index creation on system columns is not supported");
    TRY_ALLOC(ctx, out->uses, ARENA_ARRAY(arena, int, rel->ncols + 1));
    out->nuses = 0;
    for (int i = 0; i < rel->ncols; i++)
        if (bits_get(in.uses, (size_t)i)) out->uses[out->nuses++] = i + 1;
    out->expr = e;
    return QN_OK;
}

/* ---- an index that is there ---- */

/* The parts of a condition that are ANDed. */
static Status
add_conjuncts(PlanState *ps, Expr *e, ExprList *out)
{
    if (e->tag != EXPR_Bool || ((BoolExpr *)e)->kind != BOOL_AND) return array_push(ps->ctx, ps->arena, out, e);
    TRY(ctx_check_depth(ps->ctx));
    const BoolExpr *b = (const BoolExpr *)e;
    for (int i = 0; i < b->args.count; i++) TRY(add_conjuncts(ps, b->args.items[i], out));
    return QN_OK;
}

static Status
bind_exprs(Scope *s, NsItem *row, const IndexDef *ix, IndexExprs *out)
{
    PlanState *ps = s->ps;
    *out = (IndexExprs){0};
    TRY_ALLOC(s->ctx, out->columns, ARENA_ARRAY(ps->arena, Expr *, ix->ncols));
    for (int i = 0; i < ix->ncols; i++) {
        if (ix->exprs[i] == NULL) continue;
        TRY(bind_stored(s, ix->exprs[i], row, CLAUSE_INDEX_EXPR, &out->columns[i]));
        TRY(fold_expr(ps, &out->columns[i]));
    }
    if (ix->predicate == NULL) return QN_OK;
    Expr *e;
    TRY(bind_stored(s, ix->predicate, row, CLAUSE_INDEX_PREDICATE, &e));
    TRY(coerce_to_boolean(ps, &e, "WHERE"));
    TRY(fold_expr(ps, &e));
    return add_conjuncts(ps, e, &out->predicate);
}

Status
plan_index_exprs(Ctx *ctx, Arena *arena, const Relation *rel, const IndexDef *ix, IndexExprs *out)
{
    Binder b = {.ctx = ctx};
    Scope *s;
    TRY(scope_of_row(&b, arena, "", rel, &s));
    return bind_exprs(s, s->items.items[0], ix, out);
}

Status
bind_index_exprs(PlanState *ps, const Relation *rel, int rel_number, const IndexDef *ix, IndexExprs *out)
{
    Binder b = {.ctx = ps->ctx, .ps = ps};
    Scope *s;
    NsItem *row;
    TRY(scope_new(&b, NULL, &s));
    TRY_ALLOC(ps->ctx, row, ARENA_NEW(ps->arena, NsItem));
    row->name = rel->name;
    row->relation = rel;
    row->rel = rel_number;
    row->ncols = rel->ncols;
    row->rel_visible = row->cols_visible = row->lateral_ok = true;
    TRY(rel_set_level(s, rel_number));
    return bind_exprs(s, row, ix, out);
}

Status
rel_index_exprs(PlanState *ps, const LGet *get, int i, const IndexExprs **out)
{
    const Relation *rel = get->relation;
    RelInfo *info = &ps->rels[get->base.rel];
    if (info->index_exprs == NULL) TRY_ALLOC(ps->ctx, info->index_exprs, ARENA_ARRAY(ps->arena, IndexExprs *, rel->nindexes));
    if (info->index_exprs[i] == NULL) {
        IndexExprs *e;
        TRY_ALLOC(ps->ctx, e, ARENA_NEW(ps->arena, IndexExprs));
        TRY(bind_index_exprs(ps, rel, get->base.rel, rel->indexes[i], e));
        ps->rels[get->base.rel].index_exprs[i] = e;
    }
    *out = ps->rels[get->base.rel].index_exprs[i];
    return QN_OK;
}
