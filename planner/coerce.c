/* coerce.c - casts: whether there is one, and the expression that does it. */
#include "planner/resolve.h"
#include "types/range.h"
#include "types/record.h"

enum { MULTIRANGE_OF_ONE = 4281 }; /* multirange(range): makes whatever multirange its result is */

char
type_category(Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL ? t->category : TYPCAT_USER;
}

bool
type_is_preferred(char category, Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL && t->category == category && t->preferred;
}

bool
type_is_collatable(Oid type)
{
    const TypeInfo *t = type_info(type_base(type));
    if (t != NULL && t->elem_oid != 0) type = t->elem_oid;
    type = type_base(type);
    return type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR || type == TYPE_NAME;
}

const char *
type_text(PlanState *ps, Oid type)
{
    const char *s;
    if (type == 0) return "-";
    if (type_format(ps->ctx, ps->arena, type, -1, &s) != QN_OK) return "?";
    return s;
}

static int
context_rank(uint8_t context)
{
    return context == CAST_IMPLICIT ? 0 : context == CAST_ASSIGNMENT ? 1 : 2;
}

static Oid
elem_of(Oid type)
{
    const TypeInfo *t = type_info(type_base(type));
    return t != NULL ? t->elem_oid : 0;
}

CoercePath
coerce_path(Oid target, Oid source, CastContext context, const Function **fn_out)
{
    if (fn_out != NULL) *fn_out = NULL;
    source = type_base(source);
    target = type_base(target);
    if (source == target) return CASTPATH_RELABEL;
    char source_kind = type_kind(source), target_kind = type_kind(target);
    if (source_kind == TYPTYPE_COMPOSITE && target == TYPE_RECORD) return CASTPATH_RELABEL;
    if (source == TYPE_RECORD && target_kind == TYPTYPE_COMPOSITE) return CASTPATH_ROW;
    if (type_is_polymorphic(target)) return CASTPATH_NONE;
    if (context == CAST_EXPLICIT && source_kind == TYPTYPE_RANGE && range_multirange(source) == target) {
        if (fn_out != NULL) *fn_out = fn_by_oid(MULTIRANGE_OF_ONE);
        return CASTPATH_FUNC;
    }

    const Cast *cast = cast_find(source, target);
    if (cast != NULL) {
        if (context_rank(context) < context_rank(cast->context)) return CASTPATH_NONE;
        if (cast->method == CAST_BINARY) return CASTPATH_RELABEL;
        if (cast->method == CAST_INOUT) return CASTPATH_IO;
        if (cast->function >= OID_FIRST_USER) return CASTPATH_FUNC; /* see user_cast */
        const Function *fn = fn_by_oid(cast->function);
        if (fn_out != NULL) *fn_out = fn;
        return fn != NULL ? CASTPATH_FUNC : CASTPATH_NONE;
    }
    Oid target_elem = elem_of(target), source_elem = elem_of(source);
    if (target_elem != 0 && source_elem != 0 && coerce_path(target_elem, source_elem, context, NULL) != CASTPATH_NONE)
        return CASTPATH_ARRAY;
    if (context_rank(context) >= 1 && type_category(target) == TYPCAT_STRING &&
        type_category(source) != TYPCAT_PSEUDO)
        return CASTPATH_IO;
    if (context_rank(context) >= 1 && type_category(target) == TYPCAT_STRING &&
        (source == TYPE_RECORD || source == TYPE_VOID || source == TYPE_CSTRING))
        return CASTPATH_IO;
    if (context_rank(context) >= 2 && type_category(source) == TYPCAT_STRING && target != TYPE_RECORD)
        return CASTPATH_IO;
    return CASTPATH_NONE;
}

/* ---- constants ---- */

Expr *
make_const(PlanState *ps, const Value *v, int32_t typmod, int loc)
{
    ConstExpr *c = EXPR_NEW(ps->arena, Const, v->type, typmod, loc);
    if (c == NULL) return NULL;
    c->value = *v;
    return (Expr *)c;
}

Expr *
make_bool_const(PlanState *ps, bool b)
{
    Value v = value_null(TYPE_BOOL);
    v.is_null = false;
    v.phys = PHYS_BOOL;
    v.b = b;
    return make_const(ps, &v, -1, 0);
}

Expr *
make_int_const(PlanState *ps, int32_t i)
{
    Value v = value_i32(TYPE_INT4, i);
    return make_const(ps, &v, -1, 0);
}

Expr *
make_null_const(PlanState *ps, Oid type, int32_t typmod)
{
    Value v = value_null(type);
    return make_const(ps, &v, typmod, 0);
}

Status
make_func(PlanState *ps, const Function *fn, Expr **args, int n, Oid type, int loc, FuncExpr **out)
{
    FuncExpr *f;
    TRY_ALLOC(ps->ctx, f, EXPR_NEW(ps->arena, Func, type, -1, loc));
    f->fn = fn;
    f->args.items = args;
    f->args.count = f->args.cap = n;
    *out = f;
    return QN_OK;
}

Status
make_bool(PlanState *ps, BoolKind kind, Expr **args, int n, int loc, Expr **out)
{
    if (n == 1 && kind != BOOL_NOT) {
        *out = args[0];
        return QN_OK;
    }
    BoolExpr *b;
    TRY_ALLOC(ps->ctx, b, EXPR_NEW(ps->arena, Bool, TYPE_BOOL, -1, loc));
    b->kind = kind;
    b->args.items = args;
    b->args.count = b->args.cap = n;
    *out = (Expr *)b;
    return QN_OK;
}

/* ---- one value to another type ---- */

/* A literal is read by the target's input function now; its length, if any, is applied afterwards. */
static Status
coerce_literal(PlanState *ps, ConstExpr *c, Oid target, int32_t typmod, Expr **out)
{
    Value v = value_null(target);
    if (!c->value.is_null) {
        int32_t in_typmod = target == TYPE_INTERVAL ? typmod : -1;
        const Str *s = &c->value.str;
        Status st = value_in(ps->ctx, ps->arena, str_data(s), s->len, target, in_typmod, &v);
        if (st != QN_OK) return err_position(ps->ctx, st, c->base.loc);
        v.type = target;
    }
    TRY_ALLOC(ps->ctx, *out, make_const(ps, &v, -1, c->base.loc));
    const UserType *t;
    TRY(catalog_user_type(ps->ctx, target, &t));
    if (t != NULL) TRY(plan_needs_type(ps, t->oid, t->version)); /* a label may be renamed */
    return c->value.is_null ? QN_OK : check_domains(ps, *out, target, COERCE_IMPLICIT, c->base.loc, out);
}

static Status
coerce_param(PlanState *ps, ParamExpr *p, Oid target, Expr **out)
{
    Oid *known = &ps->param_types[p->id - 1];
    if (*known == 0 || *known == TYPE_UNKNOWN) {
        *known = target;
    } else if (*known != target) {
        Status st = RAISE(ps->ctx, ERR_AMBIGUOUS_PARAMETER, "inconsistent types deduced for parameter $%d", p->id);
        st = err_detail(ps->ctx, st, "%s versus %s", type_text(ps, *known), type_text(ps, target));
        return err_position(ps->ctx, st, p->base.loc);
    }
    p->base.type = target;
    *out = (Expr *)p;
    return QN_OK;
}

static Status
coerce_array(PlanState *ps, Expr *e, Oid target, int32_t typmod, CastContext context, CoerceKind kind, int loc, Expr **out)
{
    Oid from = elem_of(e->type), to = elem_of(target);
    Expr *test, *elem;
    /* ARRAY[...] is coerced item by item, which keeps constants foldable. */
    if (e->tag == EXPR_Array && context == CAST_EXPLICIT && !((ArrayExpr *)e)->multi_dim) {
        ArrayExpr *a = (ArrayExpr *)e;
        for (int i = 0; i < a->items.count; i++)
            TRY(coerce_type(ps, a->items.items[i], to, typmod, context, kind, loc, &a->items.items[i]));
        a->elem_type = to;
        a->base.type = target;
        *out = e;
        return QN_OK;
    }
    TRY_ALLOC(ps->ctx, test, (Expr *)EXPR_NEW(ps->arena, CaseTest, from, -1, 0));
    TRY(coerce_type(ps, test, to, typmod, context, kind, loc, &elem));
    if (elem == test || elem->tag == EXPR_Relabel) {
        RelabelExpr *r;
        TRY_ALLOC(ps->ctx, r, EXPR_NEW(ps->arena, Relabel, target, typmod, loc));
        r->arg = e;
        r->coerce = kind;
        *out = (Expr *)r;
        return QN_OK;
    }
    ArrayCoerceExpr *a;
    TRY_ALLOC(ps->ctx, a, EXPR_NEW(ps->arena, ArrayCoerce, target, typmod, loc));
    a->arg = e;
    a->elem = elem;
    a->coerce = kind;
    *out = (Expr *)a;
    return QN_OK;
}

/* Cast functions take the value, and some also the length and whether the cast was written. */
static Status
call_cast(PlanState *ps, const Function *fn, Expr *e, Oid type, int32_t typmod, CastContext context,
          CoerceKind kind, int loc, Expr **out)
{
    Expr **args;
    FuncExpr *f;
    TRY_ALLOC(ps->ctx, args, arena_alloc(ps->arena, 3 * sizeof(Expr *)));
    args[0] = e;
    if (fn->nargs >= 2) TRY_ALLOC(ps->ctx, args[1], make_int_const(ps, typmod));
    if (fn->nargs >= 3) TRY_ALLOC(ps->ctx, args[2], make_bool_const(ps, context == CAST_EXPLICIT));
    TRY(make_func(ps, fn, args, fn->nargs < 1 ? 1 : fn->nargs > 3 ? 3 : fn->nargs, type, loc, &f));
    f->base.typmod = typmod;
    f->is_cast = true;
    f->coerce = kind;
    *out = (Expr *)f;
    return QN_OK;
}

static Status
apply_typmod(PlanState *ps, Expr *e, int32_t typmod, CastContext context, CoerceKind kind, int loc, Expr **out)
{
    *out = e;
    if (typmod < 0 || typmod == e->typmod) return QN_OK;
    Oid elem = elem_of(e->type);
    if (elem != 0) {
        const Cast *elem_cast = cast_find(type_base(elem), type_base(elem));
        if (elem_cast == NULL) return QN_OK;
        Expr *test, *conv;
        TRY_ALLOC(ps->ctx, test, (Expr *)EXPR_NEW(ps->arena, CaseTest, elem, -1, 0));
        TRY(apply_typmod(ps, test, typmod, context, kind, loc, &conv));
        if (conv == test) return QN_OK;
        ArrayCoerceExpr *a;
        TRY_ALLOC(ps->ctx, a, EXPR_NEW(ps->arena, ArrayCoerce, e->type, typmod, loc));
        a->arg = e;
        a->elem = conv;
        a->coerce = kind;
        *out = (Expr *)a;
        return QN_OK;
    }
    const Cast *cast = cast_find(e->type, e->type);
    const Function *fn = cast != NULL && cast->method == CAST_FUNCTION ? fn_by_oid(cast->function) : NULL;
    if (fn == NULL) return QN_OK; /* a type without lengths */
    return call_cast(ps, fn, e, e->type, typmod, context, kind, loc, out);
}

/* The user's function of a cast. */
static Status
user_cast(PlanState *ps, Oid source, Oid target, const Function **out)
{
    const Cast *cast = cast_find(type_base(source), type_base(target));
    const Oid types[3] = {type_base(source), TYPE_INT4, TYPE_BOOL};
    const Routine *r;
    if (cast == NULL) return RAISE_INTERNAL(ps->ctx, "a cast is gone");
    TRY(catalog_routine(ps->ctx, ps->arena, cast->function, &r));
    return plan_routine(ps, INVALID_OID, cast->function, types, r != NULL ? r->fn.nargs : 1, out);
}

static Status coerce_inherited(PlanState *ps, Expr *e, Oid target, int loc, Expr **out);

Status
coerce_type(PlanState *ps, Expr *e, Oid target, int32_t typmod, CastContext context, CoerceKind kind, int loc,
            Expr **out)
{
    const Function *fn;
    if (loc < 0) loc = e->loc;
    *out = e;
    if (target == e->type || target == TYPE_ANY || type_is_polymorphic(target)) return QN_OK;
    if (target == TYPE_RECORD && type_is_row(e->type)) return QN_OK; /* it is one, and keeps its names */
    if (type_kind(target) == TYPTYPE_DOMAIN) {
        int32_t base_typmod = -1;
        Oid base = type_base_typmod(target, &base_typmod);
        if (type_base(e->type) != base || e->tag == EXPR_Param) TRY(coerce_type(ps, e, base, base_typmod, context, kind, loc, &e));
        TRY(apply_typmod(ps, e, base_typmod, context, kind, loc, &e));
        return coerce_to_domain(ps, e, target, kind, loc, out);
    }
    if (e->type == TYPE_UNKNOWN) {
        if (e->tag == EXPR_Const) return coerce_literal(ps, (ConstExpr *)e, target, typmod, out);
        if (e->tag == EXPR_Param) return coerce_param(ps, (ParamExpr *)e, target, out);
    }
    Oid source = e->type == TYPE_UNKNOWN ? TYPE_TEXT : e->type; /* a column of a subquery left unknown is text */
    switch (coerce_path(target, source, context, &fn)) {
    case CASTPATH_ROW: {
        if (e->tag == EXPR_Row) return coerce_row(ps, e, target, context, kind, loc, out);
        Status st = RAISE(ps->ctx, ERR_CANNOT_COERCE, "cannot cast type %s to %s", type_text(ps, source), type_text(ps, target));
        return err_position(ps->ctx, st, loc);
    }
    case CASTPATH_RELABEL: {
        if (e->tag == EXPR_Const && !type_has_domains(source)) { /* constants just change their type */
            ConstExpr *c;
            TRY_ALLOC(ps->ctx, c, (ConstExpr *)expr_copy(ps->arena, e));
            c->base.type = c->value.type = target;
            c->base.typmod = -1;
            *out = (Expr *)c;
            return QN_OK;
        }
        RelabelExpr *r;
        TRY_ALLOC(ps->ctx, r, EXPR_NEW(ps->arena, Relabel, target, -1, loc));
        r->arg = e;
        r->coerce = kind;
        r->base.collation = e->collation;
        *out = (Expr *)r;
        return QN_OK;
    }
    case CASTPATH_FUNC:
        if (fn == NULL) TRY(user_cast(ps, source, target, &fn));
        TRY(call_cast(ps, fn, e, target, fn->nargs >= 2 ? typmod : -1, context, kind, loc, out));
        return QN_OK;
    case CASTPATH_ARRAY: return coerce_array(ps, e, target, typmod, context, kind, loc, out);
    case CASTPATH_IO: {
        CoerceIOExpr *io;
        TRY_ALLOC(ps->ctx, io, EXPR_NEW(ps->arena, CoerceIO, target, -1, loc));
        io->arg = e;
        io->coerce = kind;
        return check_domains(ps, (Expr *)io, target, kind, loc, out);
    }
    case CASTPATH_NONE:
        if (row_inherits(ps, source, target)) return coerce_inherited(ps, e, target, loc, out);
        break;
    }
    return RAISE_INTERNAL(ps->ctx, "failed to find conversion function from %s to %s", type_text(ps, e->type),
                          type_text(ps, target));
}

/* ---- rows of a table as those of one it inherits from ---- */

/* Whether the relation child inherits from parent, near or far. */
static bool
inherits_from(Ctx *ctx, Oid child, Oid parent)
{
    const Relation *r;
    if (ctx_check_depth(ctx) != QN_OK || catalog_relation_by_oid(ctx, child, &r) != QN_OK) {
        err_clear(&ctx->err);
        return false;
    }
    for (int i = 0; r != NULL && i < r->nparents; i++)
        if (r->parents[i]->parent_oid == parent || inherits_from(ctx, r->parents[i]->parent_oid, parent)) return true;
    return false;
}

bool
row_inherits(PlanState *ps, Oid source, Oid target)
{
    source = type_base(source);
    if (source == target || type_kind(source) != TYPTYPE_COMPOSITE || type_kind(target) != TYPTYPE_COMPOSITE) return false;
    Oid child = catalog_type_relation(ps->ctx, source), parent = catalog_type_relation(ps->ctx, target);
    return child != INVALID_OID && parent != INVALID_OID && inherits_from(ps->ctx, child, parent);
}

/* The fields that the target has, by their names. */
static Status
coerce_inherited(PlanState *ps, Expr *e, Oid target, int loc, Expr **out)
{
    TypeShape from, to;
    RowExpr *r;
    Oid source = type_base(e->type), rels[2] = {catalog_type_relation(ps->ctx, source), catalog_type_relation(ps->ctx, target)};
    TRY(record_shape(ps->ctx, ps->arena, source, &from));
    TRY(record_shape(ps->ctx, ps->arena, target, &to));
    TRY_ALLOC(ps->ctx, r, EXPR_NEW(ps->arena, Row, target, -1, loc));
    for (int i = 0; i < to.n; i++) {
        int at = from.n - 1;
        Expr *field;
        if (to.names[i] == NULL) {
            TRY_ALLOC(ps->ctx, field, make_null_const(ps, TYPE_INT4, -1));
            TRY(array_push(ps->ctx, ps->arena, &r->fields, field));
            continue;
        }
        while (at >= 0 && (from.names[at] == NULL || strcmp(from.names[at], to.names[i]) != 0)) at--;
        if (at < 0) return RAISE_INTERNAL(ps->ctx, "type %s lacks column \"%s\"", type_text(ps, source), to.names[i]);
        FieldExpr *f;
        TRY_ALLOC(ps->ctx, f, EXPR_NEW(ps->arena, Field, from.types[at], from.typmods[at], loc));
        TRY_ALLOC(ps->ctx, f->arg, expr_copy(ps->arena, e));
        f->field = at;
        f->name = from.names[at];
        field = e->tag == EXPR_Row ? ((RowExpr *)e)->fields.items[at] : (Expr *)f;
        TRY(array_push(ps->ctx, ps->arena, &r->fields, field));
    }
    r->present = e->tag == EXPR_Row ? ((RowExpr *)e)->present : e;
    for (int i = 0; i < 2; i++) TRY(plan_needs_type(ps, rels[i], catalog_relation_version(ps->ctx, rels[i])));
    *out = (Expr *)r;
    return QN_OK;
}

Status
coerce_to_target(PlanState *ps, Expr *e, Oid target, int32_t typmod, CastContext context, CoerceKind kind,
                 int loc, Expr **out)
{
    Oid source = e->type;
    if (source == target && (typmod < 0 || typmod == e->typmod || type_kind(target) == TYPTYPE_DOMAIN)) {
        *out = e;
        return QN_OK;
    }
    if (!coerce_possible_rows(ps, 1, &source, &target, context)) {
        *out = NULL;
        return QN_OK;
    }
    if (loc < 0) loc = e->loc;
    TRY(coerce_type(ps, e, target, typmod, context, kind, loc, &e));
    return apply_typmod(ps, e, typmod, context, kind, loc, out);
}

Status
coerce_to_boolean(PlanState *ps, Expr **slot, const char *construct)
{
    Expr *e = *slot;
    if (e->type == TYPE_BOOL) return QN_OK;
    TRY(coerce_to_target(ps, e, TYPE_BOOL, -1, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, slot));
    if (*slot != NULL) return QN_OK;
    Status st = RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "argument of %s must be type boolean, not type %s", construct,
                      type_text(ps, e->type));
    return err_position(ps->ctx, st, expr_location(e));
}

Status
coerce_to_bigint(PlanState *ps, Expr **slot, const char *construct)
{
    Expr *e = *slot;
    if (e->type == TYPE_INT8) return QN_OK;
    TRY(coerce_to_target(ps, e, TYPE_INT8, -1, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, slot));
    if (*slot != NULL) return QN_OK;
    Status st = RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "argument of %s must be type bigint, not type %s", construct,
                      type_text(ps, e->type));
    return err_position(ps->ctx, st, expr_location(e));
}

Status
coerce_to_common(PlanState *ps, Expr **slot, Oid type, const char *construct)
{
    Expr *e = *slot;
    if (e->type == type) return QN_OK;
    if (coerce_possible_rows(ps, 1, &e->type, &type, CAST_IMPLICIT))
        return coerce_type(ps, e, type, -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, slot);
    /* translator: first is a construct such as CASE */
    Status st = RAISE(ps->ctx, ERR_CANNOT_COERCE, "%s could not convert type %s to %s", construct,
                      type_text(ps, e->type), type_text(ps, type));
    return err_position(ps->ctx, st, expr_location(e));
}

Status
coerce_arguments(PlanState *ps, Expr **args, int n, const Oid *declared)
{
    for (int i = 0; i < n; i++)
        if (args[i]->type != declared[i] && declared[i] != TYPE_ANY)
            TRY(coerce_type(ps, args[i], declared[i], -1, CAST_IMPLICIT, COERCE_IMPLICIT, -1, &args[i]));
    return QN_OK;
}

/* ---- the type several expressions have in common ---- */

Status
select_common_type(PlanState *ps, Expr *const *exprs, int n, const char *construct, Oid *type_out, Expr **which_out)
{
    Oid type = exprs[0]->type;
    Expr *which = exprs[0];
    int i = 1;

    if (type != TYPE_UNKNOWN) {
        while (i < n && exprs[i]->type == type) i++;
        if (i == n) {
            *type_out = type;
            if (which_out != NULL) *which_out = which;
            return QN_OK;
        }
    }
    type = type_base(type);
    char category = type_category(type);
    bool preferred = type_is_preferred(category, type);
    for (; i < n; i++) {
        Oid next = type_base(exprs[i]->type);
        if (next == TYPE_UNKNOWN || next == type) continue;
        char next_category = type_category(next);
        if (type == TYPE_UNKNOWN) {
            which = exprs[i];
            type = next;
            category = next_category;
            preferred = type_is_preferred(category, type);
        } else if (next_category != category) {
            if (construct == NULL) {
                *type_out = 0;
                return QN_OK;
            }
            Status st = RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "%s types %s and %s cannot be matched", construct,
                              type_text(ps, type), type_text(ps, next));
            return err_position(ps->ctx, st, expr_location(exprs[i]));
        } else if (!preferred && coerce_possible(1, &type, &next, CAST_IMPLICIT) &&
                   !coerce_possible(1, &next, &type, CAST_IMPLICIT)) {
            which = exprs[i];
            type = next;
            preferred = type_is_preferred(category, type);
        }
    }
    if (type == TYPE_UNKNOWN) type = TYPE_TEXT;
    *type_out = type;
    if (which_out != NULL) *which_out = which;
    return QN_OK;
}

int32_t
select_common_typmod(Expr *const *exprs, int n, Oid type)
{
    int32_t typmod = -1;
    for (int i = 0; i < n; i++) {
        if (exprs[i]->type != type) return -1;
        if (i == 0) typmod = exprs[i]->typmod;
        else if (typmod != exprs[i]->typmod) return -1;
    }
    return typmod;
}
