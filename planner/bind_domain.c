/* bind_domain.c - domains and composite types as targets of conversions: what a domain asks for is bound where a value becomes one.
 *
 * A value of a domain is a value of its base type; only the expression's type says more. CoerceToDomain passes the value through
 * and raises where it is NULL or a CHECK is false. What comes from text (literals, COPY) is read as the base type first
 * and checked by the same node, elements of arrays and fields of rows included. */
#include "planner/bind_priv.h"
#include "planner/planner.h"
#include "parser/parse.h"

Status
bind_stored(Scope *s, const char *sql, NsItem *item, Clause clause, Expr **out)
{
    StrBuf b = strbuf_new(s->ps->arena);
    char *text;
    size_t nbytes, consumed;
    Ast *stmt;
    Scope *inner;
    strbuf_addz(&b, "SELECT ");
    strbuf_addz(&b, sql);
    TRY(strbuf_finish(s->ctx, &b, &text, &nbytes));
    Status st = parse_sql(s->ctx, s->ps->arena, text, nbytes, &stmt, &consumed);
    if (st == QN_OK) st = scope_new(s->b, NULL, &inner);
    if (st == QN_OK) {
        inner->level = s->level;
        inner->domain_value = s->domain_value;
        if (item != NULL) st = ns_push(s, &inner->items, item);
    }
    if (st == QN_OK) {
        const ResTarget *t = AST_AS(ResTarget, AST_AS(SelectStmt, stmt)->targets.items[0]);
        st = bind_expr_in(inner, t->value, clause, out);
    }
    if (st != QN_OK) {
        s->ctx->err.position = 0;
        return st;
    }
    (*out)->loc = 0;
    return QN_OK;
}

/* A scope of no query in which VALUE is a value of the type. */
static Status
value_scope(PlanState *ps, Oid type, int32_t typmod, Scope **out)
{
    Binder *b;
    Expr *value;
    TRY_ALLOC(ps->ctx, b, ARENA_NEW(ps->arena, Binder));
    b->ctx = ps->ctx;
    b->ps = ps;
    TRY(scope_new(b, NULL, out));
    TRY_ALLOC(ps->ctx, value, (Expr *)EXPR_NEW(ps->arena, DomainValue, type, typmod, 0));
    (*out)->domain_value = value;
    return QN_OK;
}

Status
plan_domain_check(Ctx *ctx, Arena *arena, const char *sql, const Ast *expr, Oid type, int32_t typmod, Expr **out)
{
    PlanState *ps;
    Scope *s;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = sql;
    TRY(value_scope(ps, type, typmod, &s));
    TRY(bind_expr_in(s, expr, CLAUSE_CHECK, out));
    return coerce_to_boolean(ps, out, "CHECK");
}

/* A plan that was made for this type is made again when the type changes. */
Status
plan_needs_type(PlanState *ps, Oid oid, uint64_t version)
{
    for (int i = 0; i < ps->deps.count; i++)
        if (ps->deps.items[i].oid == oid) return QN_OK;
    PlanDep dep = {.oid = oid, .version = version, .lock_mode = 0};
    return array_push(ps->ctx, ps->arena, &ps->deps, dep);
}

/* The constraints of a domain and of those it is over, theirs first. */
static Status
gather_checks(PlanState *ps, Oid domain, CoerceToDomainExpr *e, int *nnames)
{
    const UserType *t;
    Scope *s;
    TRY(ctx_check_depth(ps->ctx));
    TRY(catalog_user_type(ps->ctx, domain, &t));
    if (t == NULL || t->kind != TYPTYPE_DOMAIN) return QN_OK;
    TRY(gather_checks(ps, t->base, e, nnames));
    TRY(plan_needs_type(ps, t->oid, t->version));
    e->not_null |= t->not_null;
    int n = *nnames + t->nconstraints;
    const char **names;
    TRY_ALLOC(ps->ctx, names, ARENA_ARRAY(ps->arena, const char *, n + 1));
    if (*nnames > 0) memcpy(names, e->check_names, sizeof(char *) * (size_t)*nnames);
    e->check_names = names;
    for (int i = 0; i < t->nconstraints; i++) {
        Expr *check;
        TRY(value_scope(ps, t->base, t->typmod, &s));
        TRY(bind_stored(s, t->constraints[i]->check_sql, NULL, CLAUSE_CHECK, &check));
        TRY(coerce_to_boolean(ps, &check, "CHECK"));
        TRY(array_push(ps->ctx, ps->arena, &e->checks, check));
        TRY_ALLOC(ps->ctx, names[*nnames], arena_strdup(ps->arena, t->constraints[i]->name));
        (*nnames)++;
    }
    return QN_OK;
}

Status
coerce_to_domain(PlanState *ps, Expr *arg, Oid domain, CoerceKind kind, int loc, Expr **out)
{
    CoerceToDomainExpr *e;
    int nnames = 0;
    TRY_ALLOC(ps->ctx, e, EXPR_NEW(ps->arena, CoerceToDomain, domain, -1, loc));
    e->arg = arg;
    e->coerce = kind;
    e->base.collation = arg->collation;
    TRY_ALLOC(ps->ctx, e->domain_name, arena_strdup(ps->arena, type_text(ps, domain)));
    TRY(gather_checks(ps, domain, e, &nnames));
    *out = (Expr *)e;
    if (!e->not_null && e->checks.count == 0) { /* nothing to ask for: the same value under another name */
        RelabelExpr *r;
        TRY_ALLOC(ps->ctx, r, EXPR_NEW(ps->arena, Relabel, domain, -1, loc));
        r->arg = arg;
        r->coerce = kind;
        *out = (Expr *)r;
    }
    return QN_OK;
}

bool
type_has_domains(Oid type)
{
    const TypeInfo *t = type_info(type);
    if (t == NULL || type < TYPE_FIRST_USER) return false;
    if (t->made == TYPTYPE_DOMAIN) return true;
    return t->elem_oid != 0 && type_has_domains(t->elem_oid);
}

/* e holds values of the type that were read as their base types: the same with the domains inside it checked. */
Status
check_domains(PlanState *ps, Expr *e, Oid type, CoerceKind kind, int loc, Expr **out)
{
    const TypeInfo *t = type_info(type);
    *out = e;
    if (!type_has_domains(type)) return QN_OK;
    TRY(ctx_check_depth(ps->ctx));
    if (t->made == TYPTYPE_DOMAIN) {
        /* What the base type itself holds comes first. */
        TRY(check_domains(ps, e, t->base_oid, kind, loc, &e));
        return coerce_to_domain(ps, e, type, kind, loc, out);
    }
    Expr *test;
    ArrayCoerceExpr *a;
    TRY_ALLOC(ps->ctx, test, (Expr *)EXPR_NEW(ps->arena, CaseTest, type_base(t->elem_oid), -1, 0));
    TRY_ALLOC(ps->ctx, a, EXPR_NEW(ps->arena, ArrayCoerce, type, -1, loc));
    a->arg = e;
    a->coerce = kind;
    TRY(check_domains(ps, test, t->elem_oid, kind, loc, &a->elem));
    *out = (Expr *)a;
    return QN_OK;
}

/* ---- rows ---- */

static Status
raise_row_cast(PlanState *ps, Oid from, Oid target, int loc, const char *detail, const char *a, const char *b, int column)
{
    Status st = RAISE(ps->ctx, ERR_CANNOT_COERCE, "cannot cast type %s to %s", type_text(ps, from), type_text(ps, target));
    st = detail != NULL ? err_detail(ps->ctx, st, "%s", detail)
                        : err_detail(ps->ctx, st, "Cannot cast type %s to %s in column %d.", a, b, column);
    return err_position(ps->ctx, st, loc);
}

Status
coerce_row(PlanState *ps, Expr *e, Oid target, CastContext context, CoerceKind kind, int loc, Expr **out)
{
    RowExpr *from = (RowExpr *)e, *r;
    TypeShape shape;
    int at = 0;
    const TypeInfo *t = type_info(target);
    (void)kind;
    TRY(t->shape(ps->ctx, ps->arena, t, &shape));
    TRY_ALLOC(ps->ctx, r, EXPR_NEW(ps->arena, Row, target, -1, loc));
    TRY_ALLOC(ps->ctx, r->fields.items, ARENA_ARRAY(ps->arena, Expr *, shape.n + 1));
    for (int i = 0; i < shape.n; i++) {
        Expr *f;
        if (shape.names[i] == NULL) {
            TRY_ALLOC(ps->ctx, r->fields.items[i], make_null_const(ps, TYPE_INT4, -1));
            continue;
        }
        if (at == from->fields.count) return raise_row_cast(ps, e->type, target, loc, "Input has too few columns.", NULL, NULL, 0);
        f = from->fields.items[at++];
        TRY(coerce_to_target(ps, f, shape.types[i], shape.typmods[i], context, COERCE_IMPLICIT, -1, &r->fields.items[i]));
        if (r->fields.items[i] == NULL)
            return raise_row_cast(ps, e->type, target, loc, NULL, type_text(ps, f->type), type_text(ps, shape.types[i]), at);
    }
    if (at < from->fields.count) return raise_row_cast(ps, e->type, target, loc, "Input has too many columns.", NULL, NULL, 0);
    r->fields.count = r->fields.cap = shape.n;
    Oid rel = catalog_type_relation(ps->ctx, target);
    if (rel != INVALID_OID) TRY(plan_needs_type(ps, rel, catalog_relation_version(ps->ctx, rel)));
    *out = (Expr *)r;
    return QN_OK;
}

/* The plan of one row: $1, a value of the domain's base type, as one of the domain. */
Status
plan_domain_value(Ctx *ctx, Arena *arena, Oid domain, Plan **out)
{
    static const char *name = "value";
    PlanState *ps;
    Query *q;
    ParamExpr *e;
    Expr *checked;
    int32_t typmod = -1;
    TRY_ALLOC(ctx, ps, ARENA_NEW(arena, PlanState));
    ps->ctx = ctx;
    ps->arena = arena;
    ps->sql = "";
    ps->nparams = 1;
    TRY_ALLOC(ctx, ps->param_types, ARENA_ARRAY(arena, Oid, 1));
    ps->param_types[0] = type_base_typmod(domain, &typmod);
    TRY_ALLOC(ctx, e, EXPR_NEW(arena, Param, ps->param_types[0], -1, 0));
    e->kind = PARAM_EXTERN;
    e->id = 1;
    TRY(coerce_to_domain(ps, &e->base, domain, COERCE_EXPLICIT, 0, &checked));
    TRY_ALLOC(ctx, q, ARENA_NEW(arena, Query));
    TRY_ALLOC(ctx, q->root, lnode_new(ps, LOGICAL_OneRow, -1));
    TRY(array_push(ctx, arena, &q->out, checked));
    q->out_names = &name;
    TRY(passes_run(ps, q));
    return physical_plan(ps, q, out);
}
