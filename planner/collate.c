/* collate.c - which collation an expression has: PostgreSQL's rules of derivation, and their errors. As all collations order by bytes,
 * nothing else asks. What differs from the default is noted while binding (COLLATE, columns with a collation of their own); as
 * long as nothing is, there is nothing to check. */
#include "planner/bind_priv.h"
#include "catalog/collation.h"
#include "types/agg_user.h"

#define NO_COLLATION 1u /* of a column of a subquery whose parts disagree */

typedef struct Noted { /* expr COLLATE oid */
    const Expr *expr;
    Oid oid;
    int loc;
} Noted;

typedef struct NotedRel {
    int rel, n;
    const Oid *of; /* [n] by column */
} NotedRel;

typedef struct Collations {
    ARRAY(Noted) explicit;
    ARRAY(NotedRel) rels;
} Collations;

typedef enum Strength { STRENGTH_NONE, STRENGTH_IMPLICIT, STRENGTH_CONFLICT, STRENGTH_EXPLICIT } Strength;

typedef struct CollState {
    Strength strength;
    Oid oid, other; /* other: with CONFLICT, the second one */
    int loc;
} CollState;

/* ---- noting ---- */

static Status
notes(PlanState *ps, Collations **out)
{
    if (ps->collations == NULL) TRY_ALLOC(ps->ctx, ps->collations, ARENA_NEW(ps->arena, Collations));
    *out = ps->collations;
    return QN_OK;
}

Status
collate_note(Scope *s, const Expr *e, Oid oid, int loc)
{
    Collations *c;
    TRY(notes(s->ps, &c));
    return array_push(s->ctx, s->ps->arena, &c->explicit, ((Noted){e, oid, loc}));
}

static Status
note_rel(PlanState *ps, int rel, const Oid *of, int n)
{
    Collations *c;
    TRY(notes(ps, &c));
    return array_push(ps->ctx, ps->arena, &c->rels, ((NotedRel){rel, n, of}));
}

Status
collate_note_relation(Scope *s, int rel, const Relation *r)
{
    bool any = false;
    Oid *of;
    for (int i = 0; i < r->ncols && !any; i++) any = r->cols[i].collation != INVALID_OID && r->cols[i].collation != OID_COLLATION_DEFAULT;
    if (!any) return QN_OK;
    TRY_ALLOC(s->ctx, of, ARENA_ARRAY(s->ps->arena, Oid, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) of[i] = r->cols[i].collation;
    return note_rel(s->ps, rel, of, r->ncols);
}

/* ---- deriving ---- */

static const char *
collation_text(PlanState *ps, Oid oid)
{
    const char *name;
    if (catalog_collation_name(ps->ctx, ps->arena, oid, &name) != QN_OK || name == NULL) return "?";
    size_t n = strlen(name); /* messages have quotes of their own */
    return n > 2 && name[0] == '"' ? arena_strndup(ps->arena, name + 1, n - 2) : name;
}

static Status
mismatch(PlanState *ps, const CollState *a, const CollState *b, const char *kind)
{
    Status st = RAISE(ps->ctx, ERR_COLLATION_MISMATCH, "collation mismatch between %s collations \"%s\" and \"%s\"", kind,
                      collation_text(ps, a->oid), collation_text(ps, b->strength == STRENGTH_CONFLICT ? b->other : b->oid));
    return err_position(ps->ctx, st, b->loc);
}

static Status
raise_implicit(PlanState *ps, const CollState *s)
{
    Status st = mismatch(ps, s, s, "implicit");
    return err_hint(ps->ctx, st, "You can choose the collation by applying the COLLATE clause to one or both expressions.");
}

/* What a part adds to the whole. */
static Status
merge(PlanState *ps, CollState *into, const CollState *from)
{
    if (from->strength > into->strength) {
        *into = *from;
        return QN_OK;
    }
    if (from->strength < into->strength || from->oid == into->oid) return QN_OK;
    if (from->strength == STRENGTH_EXPLICIT) return mismatch(ps, into, from, "explicit");
    if (from->strength != STRENGTH_IMPLICIT) return QN_OK;
    if (into->oid == OID_COLLATION_DEFAULT) {
        *into = *from;
    } else if (from->oid != OID_COLLATION_DEFAULT) {
        into->strength = STRENGTH_CONFLICT;
        into->other = from->oid;
        into->loc = from->loc;
    }
    return QN_OK;
}

static Status
raise_undetermined(PlanState *ps, const char *what, int loc)
{
    Status st = RAISE(ps->ctx, ERR_INDETERMINATE_COLLATION, "could not determine which collation to use for %s", what);
    st = err_hint(ps->ctx, st, "Use the COLLATE clause to set the collation explicitly.");
    return err_position(ps->ctx, st, loc);
}

static Status derive(PlanState *ps, const Expr *e, CollState *out);

typedef struct Merging {
    PlanState *ps;
    CollState state;
} Merging;

static Status
merge_child(Ctx *ctx, Expr **slot, void *arg)
{
    Merging *m = arg;
    CollState child;
    (void)ctx;
    TRY(derive(m->ps, *slot, &child));
    return merge(m->ps, &m->state, &child);
}

static Status
merge_list(PlanState *ps, const ExprList *list, CollState *into)
{
    for (int i = 0; i < list->count; i++) {
        CollState child;
        TRY(derive(ps, list->items[i], &child));
        TRY(merge(ps, into, &child));
    }
    return QN_OK;
}

/* Sort keys of an aggregate stand for themselves; so do the pairs of a hypothetical set. */
static Status
derive_aggregate(PlanState *ps, const AggExpr *a, CollState *out)
{
    CollState alone;
    for (int i = 0; i < a->order.count; i++) TRY(derive(ps, a->order.items[i].expr, &alone));
    if (a->filter != NULL) TRY(derive(ps, a->filter, &alone));
    if (a->agg->kind == 'n') return merge_list(ps, &a->args, out);
    for (int i = 0; a->agg->kind == 'h' && i < a->direct.count && i < a->args.count; i++) {
        CollState pair = {0};
        TRY(derive(ps, a->direct.items[i], &pair));
        TRY(derive(ps, a->args.items[i], &alone));
        TRY(merge(ps, &pair, &alone));
    }
    if (a->agg->kind == 'o') TRY(merge_list(ps, &a->direct, out));
    return a->agg->kind == 'o' && a->args.count == 1 ? merge_list(ps, &a->args, out) : QN_OK;
}

static void
derive_column(PlanState *ps, const ColumnRefExpr *c, CollState *out)
{
    for (int i = 0; i < ps->collations->rels.count; i++) {
        const NotedRel *r = &ps->collations->rels.items[i];
        if (r->rel != c->rel || c->col < 0 || c->col >= r->n || r->of[c->col] == INVALID_OID) continue;
        out->strength = r->of[c->col] == NO_COLLATION ? STRENGTH_CONFLICT : STRENGTH_IMPLICIT;
        out->oid = out->other = r->of[c->col];
    }
}

static Status
derive_parts(PlanState *ps, const Expr *e, CollState *out)
{
    Merging m = {.ps = ps};
    Expr *copy = (Expr *)e;
    switch (e->tag) {
    case EXPR_ColumnRef: derive_column(ps, (const ColumnRefExpr *)e, out); return QN_OK;
    case EXPR_Const:
    case EXPR_Param: return QN_OK;
    case EXPR_Agg: return derive_aggregate(ps, (const AggExpr *)e, out);
    case EXPR_Row:
        for (int i = 0; i < ((const RowExpr *)e)->fields.count; i++) {
            CollState alone;
            TRY(derive(ps, ((const RowExpr *)e)->fields.items[i], &alone));
        }
        return QN_OK;
    case EXPR_SubPlan: {
        const SubPlanExpr *sub = (const SubPlanExpr *)e;
        const Query *q = sub->query;
        if (sub->kind == SUBPLAN_SCALAR && q != NULL && q->out.count == 1) TRY(derive(ps, q->out.items[0], out));
        if (out->strength == STRENGTH_EXPLICIT) out->strength = STRENGTH_IMPLICIT;
        return QN_OK;
    }
    default: break;
    }
    TRY(expr_children(ps->ctx, copy, merge_child, &m));
    *out = m.state;
    return QN_OK;
}

/* Comparisons and changes of case need to know it. */
static Status
check_use(PlanState *ps, const Expr *e, const CollState *parts)
{
    static const char *const names[] = {"lower", "upper", "initcap"};
    if (e->tag != EXPR_Func || parts->strength != STRENGTH_CONFLICT) return QN_OK;
    const FuncExpr *f = (const FuncExpr *)e;
    if (f->op != NULL && f->base.type == TYPE_BOOL) return raise_undetermined(ps, "string comparison", e->loc);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(f->fn->name, names[i]) == 0)
            return raise_undetermined(ps, i == 0 ? "lower() function" : i == 1 ? "upper() function" : "initcap() function", e->loc);
    return QN_OK;
}

static Status
derive(PlanState *ps, const Expr *e, CollState *out)
{
    *out = (CollState){.loc = e->loc};
    TRY(ctx_check_depth(ps->ctx));
    TRY(derive_parts(ps, e, out));
    TRY(check_use(ps, e, out));
    if (!type_is_collatable(e->type)) *out = (CollState){.loc = e->loc};
    else if (out->strength == STRENGTH_NONE) *out = (CollState){STRENGTH_IMPLICIT, OID_COLLATION_DEFAULT, 0, e->loc};
    for (int i = 0; i < ps->collations->explicit.count; i++) {
        const Noted *n = &ps->collations->explicit.items[i];
        if (n->expr == e) *out = (CollState){STRENGTH_EXPLICIT, n->oid, 0, n->loc};
    }
    return QN_OK;
}

/* ---- queries ---- */

Status
collate_check_select(SelectState *st)
{
    PlanState *ps = st->scope->ps;
    CollState state;
    if (ps->collations == NULL) return QN_OK;
    for (int i = 0; i < st->targets.count; i++) {
        const Target *t = &st->targets.items[i];
        bool sorted = false;
        TRY(derive(ps, t->expr, &state));
        for (int k = 0; k < st->sort.count; k++) sorted |= st->sort.items[k].target == i;
        for (int k = 0; k < st->group.count; k++) sorted |= st->group.items[k] == i;
        if (!sorted || state.strength != STRENGTH_CONFLICT) continue;
        return state.oid == NO_COLLATION ? raise_undetermined(ps, "string comparison", t->expr->loc) : raise_implicit(ps, &state);
    }
    for (int i = 0; i < st->where.count; i++) TRY(derive(ps, st->where.items[i], &state));
    return st->having != NULL ? derive(ps, st->having, &state) : QN_OK;
}

static Oid
output_of(const CollState *s)
{
    return s->strength == STRENGTH_CONFLICT ? NO_COLLATION : s->strength == STRENGTH_NONE ? INVALID_OID : s->oid;
}

Status
collate_note_outputs(Scope *s, int rel, const ExprList *const *rows, int nrows, const char *distinct_op)
{
    PlanState *ps = s->ps;
    int n = nrows > 0 ? rows[0]->count : 0;
    Oid *of;
    bool any = false;
    if (ps->collations == NULL) return QN_OK;
    TRY_ALLOC(ps->ctx, of, ARENA_ARRAY(ps->arena, Oid, n + 1));
    for (int i = 0; i < n; i++) {
        CollState whole = {0};
        for (int r = 0; r < nrows; r++) {
            CollState part;
            TRY(derive(ps, rows[r]->items[i], &part));
            TRY(merge(ps, &whole, &part));
        }
        if (distinct_op != NULL && whole.strength == STRENGTH_CONFLICT && whole.oid != NO_COLLATION) return raise_implicit(ps, &whole);
        of[i] = output_of(&whole);
        any |= of[i] != INVALID_OID && of[i] != OID_COLLATION_DEFAULT;
    }
    return any ? note_rel(ps, rel, of, n) : QN_OK;
}

Status
collate_check_recursion(Scope *s, const char *name, const ExprList *seed, const ExprList *step)
{
    PlanState *ps = s->ps;
    if (ps->collations == NULL) return QN_OK;
    for (int i = 0; i < seed->count && i < step->count; i++) {
        CollState first, other, whole;
        TRY(derive(ps, seed->items[i], &first));
        TRY(derive(ps, step->items[i], &other));
        whole = first;
        TRY(merge(ps, &whole, &other));
        if (output_of(&whole) == output_of(&first)) continue;
        Status st = RAISE(ps->ctx, ERR_COLLATION_MISMATCH,
                          "recursive query \"%s\" column %d has collation \"%s\" in non-recursive term but collation \"%s\" overall", name,
                          i + 1, collation_text(ps, first.oid), collation_text(ps, whole.oid));
        st = err_hint(ps->ctx, st, "Use the COLLATE clause to set the collation of the non-recursive term.");
        return err_position(ps->ctx, st, seed->items[i]->loc);
    }
    return QN_OK;
}

Status
collate_check_sort(Scope *s, const Expr *e)
{
    CollState state;
    if (s->ps->collations == NULL) return QN_OK;
    TRY(derive(s->ps, e, &state));
    return state.strength == STRENGTH_CONFLICT ? raise_undetermined(s->ps, "string comparison", e->loc) : QN_OK;
}

Status
collate_of(Scope *s, const Expr *e, Oid *out)
{
    Collations *c;
    CollState state;
    TRY(notes(s->ps, &c));
    TRY(derive(s->ps, e, &state));
    *out = state.strength == STRENGTH_CONFLICT || state.strength == STRENGTH_NONE ? INVALID_OID : state.oid;
    return QN_OK;
}
