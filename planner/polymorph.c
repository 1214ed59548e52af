/* polymorph.c - polymorphic parameters: what anyelement, anyarray, anyrange and their compatible cousins become for given
 * arguments (PostgreSQL's manual, "Polymorphic Types").
 *
 * Two families that do not look at each other. In the first all arguments agree exactly; in the second they have a common type.
 * Within a family an element, its array, its range and its multirange decide each other. */
#include "planner/resolve.h"
#include "types/range.h"

enum { POLY_ARGS_MAX = 100 };

/* What each polymorphic type asks for. */
typedef enum PolyForm { POLY_NOT, POLY_ELEM, POLY_ARRAY, POLY_NONARRAY, POLY_ENUM, POLY_RANGE, POLY_MULTIRANGE } PolyForm;

static const struct PolyType {
    Oid oid;
    PolyForm form;
    bool compatible;
    const char *name;
} poly_types[] = {
    {TYPE_ANYELEMENT, POLY_ELEM, false, "anyelement"},
    {TYPE_ANYARRAY, POLY_ARRAY, false, "anyarray"},
    {TYPE_ANYNONARRAY, POLY_NONARRAY, false, "anynonarray"},
    {TYPE_ANYENUM, POLY_ENUM, false, "anyenum"},
    {TYPE_ANYRANGE, POLY_RANGE, false, "anyrange"},
    {TYPE_ANYMULTIRANGE, POLY_MULTIRANGE, false, "anymultirange"},
    {TYPE_ANYCOMPATIBLE, POLY_ELEM, true, "anycompatible"},
    {TYPE_ANYCOMPATIBLEARRAY, POLY_ARRAY, true, "anycompatiblearray"},
    {TYPE_ANYCOMPATIBLENONARRAY, POLY_NONARRAY, true, "anycompatiblenonarray"},
    {TYPE_ANYCOMPATIBLERANGE, POLY_RANGE, true, "anycompatiblerange"},
    {TYPE_ANYCOMPATIBLEMULTIRANGE, POLY_MULTIRANGE, true, "anycompatiblemultirange"},
};

static const struct PolyType *
poly_type(Oid oid)
{
    if (oid < TYPE_ANY || oid > TYPE_ANYCOMPATIBLERANGE) return NULL;
    for (size_t i = 0; i < sizeof(poly_types) / sizeof(poly_types[0]); i++)
        if (poly_types[i].oid == oid) return &poly_types[i];
    return NULL;
}

bool
type_is_polymorphic(Oid type)
{
    return poly_type(type) != NULL;
}

bool
type_is_compatible_family(Oid type)
{
    const struct PolyType *p = poly_type(type);
    return p != NULL && p->compatible;
}

bool
type_is_range_family(Oid type)
{
    const struct PolyType *p = poly_type(type);
    return p != NULL && (p->form == POLY_RANGE || p->form == POLY_MULTIRANGE);
}

static Oid
elem_of(Oid type)
{
    const TypeInfo *t = type_info(type_base(type));
    return t != NULL ? t->elem_oid : 0;
}

static Oid
array_of(Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL ? t->array_oid : 0;
}

/* Without a PlanState it only asks: any status but QN_OK is a no. */
#define POLY_FAIL(code, ...) return ps == NULL ? ERR_DATATYPE_MISMATCH : RAISE(ps->ctx, code, __VA_ARGS__)

static Status
inconsistent(PlanState *ps, const char *a, const char *b, Oid ta, Oid tb)
{
    if (ps == NULL) return ERR_DATATYPE_MISMATCH;
    Status st = RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "argument declared %s is not consistent with argument declared %s", a, b);
    return err_detail(ps->ctx, st, "%s versus %s", type_text(ps, ta), type_text(ps, tb));
}

/* The common type of oids by the rules of UNION; 0 if there is none. */
static Oid
common_type_of(const Oid *types, int n)
{
    Oid type = types[0];
    for (int i = 1; i < n; i++) {
        Oid next = types[i];
        if (next == TYPE_UNKNOWN || next == type) continue;
        if (type == TYPE_UNKNOWN) {
            type = next;
            continue;
        }
        type = type_base(type);
        next = type_base(next);
        if (type_category(next) != type_category(type)) return 0;
        if (!type_is_preferred(type_category(type), type) && coerce_possible(1, &type, &next, CAST_IMPLICIT) &&
            !coerce_possible(1, &next, &type, CAST_IMPLICIT))
            type = next;
    }
    return type == TYPE_UNKNOWN ? TYPE_TEXT : type;
}

/* What the arguments of one family say. */
typedef struct Family {
    bool compatible;
    bool used, nonarray, is_enum, unknown;
    Oid elem, array, range, multirange;
    Oid seen[POLY_ARGS_MAX]; /* compatible: types of elements */
    int nseen;
} Family;

/* An argument declared as a container: it has to be one, and all of them alike. */
static Status
note_container(PlanState *ps, Oid *slot, Oid actual, bool fits, const char *declared, const char *what)
{
    if (*slot != 0 && *slot != actual) POLY_FAIL(ERR_DATATYPE_MISMATCH, "arguments declared \"%s\" are not all alike", declared);
    if (!fits) POLY_FAIL(ERR_DATATYPE_MISMATCH, "argument declared %s is not %s but type %s", declared, what, type_text(ps, actual));
    *slot = actual;
    return QN_OK;
}

static Status
gather(PlanState *ps, const Oid *actual, const Oid *declared, int n, Family *f)
{
    for (int i = 0; i < n; i++) {
        const struct PolyType *p = poly_type(declared[i]);
        Oid a = actual[i];
        if (p == NULL || p->compatible != f->compatible) continue;
        f->used = true;
        if (p->form == POLY_NONARRAY) f->nonarray = true;
        if (p->form == POLY_ENUM) f->is_enum = true;
        if (a == TYPE_UNKNOWN) {
            f->unknown = true;
            continue;
        }
        Oid base = type_base(a);
        switch (p->form) {
        case POLY_ARRAY:
            if (f->compatible) {
                if (elem_of(base) == 0)
                    POLY_FAIL(ERR_DATATYPE_MISMATCH, "argument declared %s is not an array but type %s", p->name, type_text(ps, base));
                f->seen[f->nseen++] = elem_of(base);
                break;
            }
            TRY(note_container(ps, &f->array, base, base == TYPE_ANYARRAY || elem_of(base) != 0, p->name, "an array"));
            break;
        case POLY_RANGE: TRY(note_container(ps, &f->range, base, range_subtype(base) != 0, p->name, "a range type")); break;
        case POLY_MULTIRANGE:
            TRY(note_container(ps, &f->multirange, base, multirange_range(base) != 0, p->name, "a multirange type"));
            break;
        default:
            if (f->compatible) {
                f->seen[f->nseen++] = a;
            } else {
                if (f->elem != 0 && f->elem != a) POLY_FAIL(ERR_DATATYPE_MISMATCH, "arguments declared \"%s\" are not all alike", "anyelement");
                f->elem = a;
            }
        }
    }
    return QN_OK;
}

/* Ranges and multiranges decide each other. */
static Status
settle_ranges(PlanState *ps, Family *f)
{
    const char *range_name = f->compatible ? "anycompatiblerange" : "anyrange";
    const char *multi_name = f->compatible ? "anycompatiblemultirange" : "anymultirange";
    if (f->multirange != 0) {
        Oid range = multirange_range(f->multirange);
        if (f->range == 0) f->range = range;
        else if (f->range != range) return inconsistent(ps, multi_name, range_name, f->multirange, f->range);
    } else if (f->range != 0) {
        f->multirange = range_multirange(f->range);
    }
    return QN_OK;
}

static Status
settle_exact(PlanState *ps, Family *f)
{
    TRY(settle_ranges(ps, f));
    if (f->array != 0) {
        Oid e = f->array == TYPE_ANYARRAY ? TYPE_ANYELEMENT : elem_of(f->array);
        if (f->elem == 0) f->elem = e;
        else if (type_base(f->elem) != type_base(e)) return inconsistent(ps, "anyarray", "anyelement", f->array, f->elem);
    }
    if (f->range != 0) {
        Oid e = range_subtype(f->range);
        if (f->elem == 0) f->elem = e;
        else if (f->elem != e)
            return inconsistent(ps, "anyrange", "anyelement", f->range, f->elem);
    }
    if (f->elem == 0) {
        if (ps == NULL) return QN_OK; /* unknown everywhere: acceptable to ask about, decided when it is called */
        POLY_FAIL(ERR_DATATYPE_MISMATCH, "could not determine polymorphic type because input has type %s", "unknown");
    }
    if (f->nonarray && elem_of(f->elem) != 0)
        POLY_FAIL(ERR_DATATYPE_MISMATCH, "type matched to anynonarray is an array type: %s", type_text(ps, f->elem));
    if (f->is_enum && type_kind(f->elem) != TYPTYPE_ENUM)
        POLY_FAIL(ERR_DATATYPE_MISMATCH, "type matched to anyenum is not an enum type: %s", type_text(ps, f->elem));
    /* Parts of an aggregate are looked up with its own types, polymorphic as they are. */
    if (f->array == 0) f->array = f->elem == TYPE_ANYELEMENT ? TYPE_ANYARRAY : array_of(f->elem);
    return QN_OK;
}

static Status
settle_compatible(PlanState *ps, Family *f)
{
    TRY(settle_ranges(ps, f));
    if (f->range != 0) f->seen[f->nseen++] = range_subtype(f->range);
    f->elem = f->nseen > 0 ? common_type_of(f->seen, f->nseen) : TYPE_TEXT;
    if (f->elem == 0) POLY_FAIL(ERR_DATATYPE_MISMATCH, "arguments of anycompatible family cannot be cast to a common type");
    if (f->range != 0 && f->elem != range_subtype(f->range)) {
        if (ps == NULL) return ERR_DATATYPE_MISMATCH;
        return RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "anycompatiblerange type %s does not match anycompatible type %s", type_text(ps, f->range),
                     type_text(ps, f->elem));
    }
    if (f->nonarray && elem_of(f->elem) != 0)
        POLY_FAIL(ERR_DATATYPE_MISMATCH, "type matched to anycompatiblenonarray is an array type: %s", type_text(ps, f->elem));
    for (int i = 0; i < f->nseen; i++)
        if (f->seen[i] != TYPE_UNKNOWN && !coerce_possible(1, &f->seen[i], &f->elem, CAST_IMPLICIT))
            POLY_FAIL(ERR_DATATYPE_MISMATCH, "arguments of anycompatible family cannot be cast to a common type");
    f->array = array_of(f->elem);
    return QN_OK;
}

/* The type that a declared one stands for; 0: it cannot be told. */
static Status
resolve_one(PlanState *ps, const Family *exact, const Family *compatible, Oid declared, Oid *out)
{
    const struct PolyType *p = poly_type(declared);
    *out = declared;
    if (p == NULL) return QN_OK;
    const Family *f = p->compatible ? compatible : exact;
    switch (p->form) {
    case POLY_ARRAY: *out = f->array; break;
    case POLY_RANGE: *out = f->range; break;
    case POLY_MULTIRANGE: *out = f->multirange; break;
    default: *out = f->elem;
    }
    if (*out != 0 || ps == NULL) return QN_OK;
    if (p->form == POLY_ARRAY)
        return RAISE(ps->ctx, ERR_UNDEFINED_OBJECT, "could not find array type for data type %s", type_text(ps, f->elem));
    return RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "could not determine polymorphic type %s because input has type %s", p->name, "unknown");
}

Status
resolve_polymorphic(PlanState *ps, const Oid *actual, Oid *declared, int n, Oid result, Oid *result_out)
{
    Family exact, compatible;
    bool any = result != 0 && type_is_polymorphic(result);
    if (result_out != NULL) *result_out = result;
    for (int i = 0; i < n && !any; i++) any = type_is_polymorphic(declared[i]);
    if (!any) return QN_OK;
    memset(&exact, 0, offsetof(Family, seen));
    memset(&compatible, 0, offsetof(Family, seen));
    exact.nseen = compatible.nseen = 0;
    compatible.compatible = true;
    TRY(gather(ps, actual, declared, n, &exact));
    TRY(gather(ps, actual, declared, n, &compatible));
    if (exact.used) TRY(settle_exact(ps, &exact));
    if (compatible.used) TRY(settle_compatible(ps, &compatible));
    if (!compatible.used) compatible.elem = TYPE_TEXT;
    if (ps == NULL) return QN_OK;
    if (!exact.used && !compatible.used) { /* array_in, anyrange_in: there are no values of such a type */
        if (result == TYPE_ANYARRAY) return RAISE(ps->ctx, ERR_DATATYPE_MISMATCH, "function has unsupported return type %s", "anyarray");
        return RAISE(ps->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot accept a value of type %s", type_text(ps, result));
    }
    for (int i = 0; i < n; i++) TRY(resolve_one(ps, &exact, &compatible, declared[i], &declared[i]));
    return result_out != NULL ? resolve_one(ps, &exact, &compatible, result, result_out) : QN_OK;
}
