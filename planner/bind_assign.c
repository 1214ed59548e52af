/* bind_assign.c - assignment to a part of a column: INSERT (a[1], c.f), UPDATE SET a[1].f = x. What the column becomes is an
 * expression over what it was: ArraySet and FieldSet, nested as deep as the path goes. A domain around it is checked once, when all
 * parts assigned by the statement are in. */
#include "planner/bind_priv.h"

/* One path at work. */
typedef struct Assign {
    Scope *s;
    const ResTarget *target;
    Expr *value; /* NULL: only the type of the part is asked for */
    Oid type;    /* of the part, once the end is reached */
    int32_t typmod;
} Assign;

static Status
raise_part(Assign *a, Status st)
{
    return err_position(a->s->ctx, st, a->target->loc);
}

/* The end of the path: the value as the part's type. of_element: the part is an element or a slice. */
static Status
assign_value(Assign *a, Oid type, int32_t typmod, const char *field, bool of_element, Expr **out)
{
    Scope *s = a->s;
    a->type = type;
    a->typmod = typmod;
    *out = NULL;
    if (a->value == NULL) return QN_OK;
    TRY(coerce_to_target(s->ps, a->value, type, typmod, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, out));
    if (*out != NULL) return QN_OK;
    Status st = of_element ? RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "subscripted assignment to \"%s\" requires type %s but expression is of type %s",
                                   a->target->name, type_text(s->ps, type), type_text(s->ps, a->value->type))
                           : RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "subfield \"%s\" is of type %s but expression is of type %s", field,
                                   type_text(s->ps, type), type_text(s->ps, a->value->type));
    return err_position(s->ctx, err_hint(s->ctx, st, "You will need to rewrite or cast the expression."), expr_location(a->value));
}

static Status assign_at(Assign *a, Expr *base, Oid type, int32_t typmod, int at, const char *field, bool of_element, Expr **out);

static Status
assign_field(Assign *a, Expr *base, Oid type, int at, Expr **out)
{
    Scope *s = a->s;
    const char *name = ast_str(a->target->path.items[at]);
    TypeShape shape;
    FieldSetExpr *e;
    Expr *old, *value;
    const char *column = a->target->name;
    if (!type_is_row(type) || type_base(type) == TYPE_RECORD)
        return raise_part(a, RAISE(s->ctx, ERR_DATATYPE_MISMATCH,
                                   "cannot assign to field \"%s\" of column \"%s\" because its type %s is not a composite type", name, column,
                                   type_text(s->ps, type)));
    TRY(expr_shape(s->ps, base, &shape));
    int field = 0;
    while (field < shape.n && (shape.names[field] == NULL || strcmp(shape.names[field], name) != 0)) field++;
    if (field == shape.n)
        return raise_part(a, RAISE(s->ctx, ERR_UNDEFINED_COLUMN,
                                   "cannot assign to field \"%s\" of column \"%s\" because there is no such column in data type %s", name,
                                   column, type_text(s->ps, type)));
    TRY(field_of(s, base, &shape, field, 0, &old));
    TRY(assign_at(a, old, shape.types[field], shape.typmods[field], at + 1, name, false, &value));
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, FieldSet, type_base(type), -1, 0));
    e->arg = base;
    e->value = value;
    e->field = field;
    *out = &e->base;
    return QN_OK;
}

static Status
assign_elements(Assign *a, Expr *base, Oid type, int32_t typmod, int at, Expr **out)
{
    Scope *s = a->s;
    const AstList *path = &a->target->path;
    int n = 0;
    Expr *old, *value;
    ArraySetExpr *e;
    while (at + n < path->count && ast_is(path->items[at + n], A_Indices)) n++;
    if (type_base(type) == TYPE_JSONB) {
        TRY(assign_at(a, base, TYPE_JSONB, -1, at + n, NULL, true, &value));
        return bind_jsonb_assignment(s, base, &path->items[at], n, value, out);
    }
    TRY(bind_subscripts(s, base, &path->items[at], n, &old));
    SubscriptExpr *sub = (SubscriptExpr *)old;
    Oid part = sub->is_slice ? type_base(type) : type_info(type_base(type))->elem_oid;
    TRY(assign_at(a, old, part, typmod, at + n, NULL, true, &value));
    TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, ArraySet, type_base(type), -1, 0));
    e->base_expr = base;
    e->value = value;
    e->lowers = sub->lowers;
    e->uppers = sub->uppers;
    e->is_slice = sub->is_slice;
    *out = &e->base;
    return QN_OK;
}

/* base, of this type, with the part from path item at on replaced. */
static Status
assign_at(Assign *a, Expr *base, Oid type, int32_t typmod, int at, const char *field, bool of_element, Expr **out)
{
    Scope *s = a->s;
    TRY(ctx_check_depth(s->ctx));
    if (at == a->target->path.count) return assign_value(a, type, typmod, field, of_element, out);
    int32_t inner_typmod = typmod;
    type_base_typmod(type, &inner_typmod);
    if (ast_is(a->target->path.items[at], A_Indices)) TRY(assign_elements(a, base, type, inner_typmod, at, out));
    else TRY(assign_field(a, base, type, at, out));
    if (type_kind(type) == TYPTYPE_DOMAIN && a->value != NULL) return coerce_to_domain(s->ps, *out, type, COERCE_IMPLICIT, 0, out);
    return QN_OK;
}

/* What an earlier part assignment gave, without the check of the column's own domain: that waits for all parts. */
static Expr *
without_domain(Expr *e, Oid column_type)
{
    if (e->tag == EXPR_CoerceToDomain && e->type == column_type) return ((CoerceToDomainExpr *)e)->arg;
    return e;
}

Status
bind_part_type(Scope *s, const ResTarget *target, const Column *c, Oid *type_out, int32_t *typmod_out)
{
    Assign a = {.s = s, .target = target};
    Expr *base, *unused;
    TRY_ALLOC(s->ctx, base, make_null_const(s->ps, c->type, c->typmod));
    TRY(assign_at(&a, base, c->type, c->typmod, 0, NULL, false, &unused));
    *type_out = a.type;
    *typmod_out = a.typmod;
    return QN_OK;
}

Status
bind_part_assignment(Scope *s, const ResTarget *target, const Column *c, Expr *old, Expr *value, Expr **out)
{
    Assign a = {.s = s, .target = target, .value = value};
    if (old == NULL) TRY_ALLOC(s->ctx, old, make_null_const(s->ps, c->type, c->typmod));
    return assign_at(&a, without_domain(old, c->type), c->type, c->typmod, 0, NULL, false, out);
}

Status
check_part_default(Scope *s, const ResTarget *target, const Ast *value)
{
    if (target->path.count == 0 || !ast_is(value, SetToDefault)) return QN_OK;
    bool element = ast_is(target->path.items[target->path.count - 1], A_Indices);
    return err_position(s->ctx, element ? RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot set an array element to DEFAULT")
                                        : RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot set a subfield to DEFAULT"),
                        target->loc);
}
