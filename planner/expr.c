/* expr.c - what works on every bound expression: copy, equal, hash, children, made from expr.def. */
#include "planner/expr.h"
#include "common/hash.h"

size_t
expr_bytes(ExprTag tag)
{
    static const uint16_t bytes[EXPR_TAG_COUNT] = {
#define EXPR(T, fields) [EXPR_##T] = sizeof(T##Expr),
#include "planner/expr.def"
#undef EXPR
    };
    return bytes[tag];
}

const char *
expr_tag_name(ExprTag tag)
{
    static const char *const names[EXPR_TAG_COUNT] = {
        [EXPR_NONE] = "None",
#define EXPR(T, fields) [EXPR_##T] = #T,
#include "planner/expr.def"
#undef EXPR
    };
    return names[tag];
}

Expr *
expr_new(Arena *arena, ExprTag tag, Oid type, int32_t typmod, int loc)
{
    Expr *e = arena_zalloc(arena, expr_bytes(tag));
    if (e == NULL) return NULL;
    e->tag = (uint8_t)tag;
    e->type = type;
    e->typmod = typmod;
    e->loc = loc;
    return e;
}

int
expr_location(const Expr *e)
{
    int loc = 0;
    while (e != NULL) {
        if (e->loc > 0 && (loc == 0 || e->loc < loc)) loc = e->loc;
        const ExprList *args = NULL;
        const Expr *first = NULL;
        switch ((ExprTag)e->tag) {
        case EXPR_Func: args = &((const FuncExpr *)e)->args; break;
        case EXPR_Bool: args = &((const BoolExpr *)e)->args; break;
        case EXPR_NullTest: first = ((const NullTestExpr *)e)->arg; break;
        case EXPR_BoolTest: first = ((const BoolTestExpr *)e)->arg; break;
        case EXPR_Distinct: first = ((const DistinctExpr *)e)->left; break;
        case EXPR_NullIf: first = ((const NullIfExpr *)e)->left; break;
        case EXPR_ArrayOp: first = ((const ArrayOpExpr *)e)->left; break;
        case EXPR_Relabel: first = ((const RelabelExpr *)e)->arg; break;
        case EXPR_CoerceIO: first = ((const CoerceIOExpr *)e)->arg; break;
        case EXPR_CoerceToDomain: first = ((const CoerceToDomainExpr *)e)->arg; break;
        case EXPR_ArrayCoerce: first = ((const ArrayCoerceExpr *)e)->arg; break;
        case EXPR_Subscript: first = ((const SubscriptExpr *)e)->base_expr; break;
        case EXPR_Field: first = ((const FieldExpr *)e)->arg; break;
        default: break;
        }
        e = args != NULL && args->count > 0 ? args->items[0] : first;
    }
    return loc;
}

/* ---- copy ---- */

static bool
copy_slot(Arena *arena, Expr **slot)
{
    if (*slot == NULL) return true;
    *slot = expr_copy(arena, *slot);
    return *slot != NULL;
}

static bool
copy_list(Arena *arena, ExprList *list)
{
    if (list->count == 0) {
        *list = (ExprList){0};
        return true;
    }
    Expr **items = arena_alloc(arena, sizeof(Expr *) * (size_t)list->count);
    if (items == NULL) return false;
    for (int i = 0; i < list->count; i++) {
        items[i] = list->items[i];
        if (!copy_slot(arena, &items[i])) return false;
    }
    list->items = items;
    list->cap = list->count;
    return true;
}

static bool
copy_sort(Arena *arena, SortKeyList *list)
{
    if (list->count == 0) {
        *list = (SortKeyList){0};
        return true;
    }
    SortKey *items = arena_memdup(arena, list->items, sizeof(SortKey) * (size_t)list->count);
    if (items == NULL) return false;
    for (int i = 0; i < list->count; i++)
        if (!copy_slot(arena, &items[i].expr)) return false;
    list->items = items;
    list->cap = list->count;
    return true;
}

#define E_VAL(type, f)
#define E_PTR(type, f)
#define E_VALUE(f)
#define E_NAME(f)
#define E_FORM(type, f)
#define E_EXPR(f) if (!copy_slot(arena, &e->f)) return false;
#define E_LIST(f) if (!copy_list(arena, &e->f)) return false;
#define E_SORT(f) if (!copy_sort(arena, &e->f)) return false;
#define EXPR(T, fields)                                                                            \
    static bool copy_##T(Arena *arena, Expr *x)                                                    \
    {                                                                                              \
        T##Expr *e = (T##Expr *)x;                                                                 \
        (void)arena, (void)e;                                                                      \
        fields return true;                                                                        \
    }
#include "planner/expr.def"
#undef EXPR
#undef E_VAL
#undef E_PTR
#undef E_VALUE
#undef E_NAME
#undef E_FORM
#undef E_EXPR
#undef E_LIST
#undef E_SORT

Expr *
expr_copy(Arena *arena, const Expr *e)
{
    static bool (*const table[EXPR_TAG_COUNT])(Arena *, Expr *) = {
#define EXPR(T, fields) [EXPR_##T] = copy_##T,
#include "planner/expr.def"
#undef EXPR
    };
    if (e == NULL) return NULL;
    Expr *copy = arena_memdup(arena, e, expr_bytes(e->tag));
    if (copy == NULL || !table[e->tag](arena, copy)) return NULL;
    return copy;
}

/* ---- equal ---- */

bool
value_equal_bits(const Value *a, const Value *b)
{
    if (a->type != b->type || a->is_null != b->is_null) return false;
    if (a->is_null) return true;
    if (a->phys != b->phys || a->scale != b->scale) return false;
    if (a->phys == PHYS_STR) return str_eq(&a->str, &b->str);
    if (a->phys == PHYS_INTERVAL)
        return a->interval.us == b->interval.us && a->interval.days == b->interval.days &&
               a->interval.months == b->interval.months;
    return memcmp(&a->b, &b->b, phys_width[a->phys]) == 0;
}

static bool
equal_list(const ExprList *a, const ExprList *b)
{
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (!expr_equal(a->items[i], b->items[i])) return false;
    return true;
}

static bool
equal_sort(const SortKeyList *a, const SortKeyList *b)
{
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++) {
        const SortKey *x = &a->items[i], *y = &b->items[i];
        if (x->desc != y->desc || x->nulls_first != y->nulls_first || x->lt_op != y->lt_op ||
            !expr_equal(x->expr, y->expr))
            return false;
    }
    return true;
}

#define E_VAL(type, f) if (a->f != b->f) return false;
#define E_PTR(type, f) if (a->f != b->f) return false;
#define E_VALUE(f) if (!value_equal_bits(&a->f, &b->f)) return false;
#define E_NAME(f)
#define E_FORM(type, f)
#define E_EXPR(f) if (!expr_equal(a->f, b->f)) return false;
#define E_LIST(f) if (!equal_list(&a->f, &b->f)) return false;
#define E_SORT(f) if (!equal_sort(&a->f, &b->f)) return false;
#define EXPR(T, fields)                                                                            \
    static bool equal_##T(const Expr *x, const Expr *y)                                            \
    {                                                                                              \
        const T##Expr *a = (const T##Expr *)x, *b = (const T##Expr *)y;                            \
        (void)a, (void)b;                                                                          \
        fields return true;                                                                        \
    }
#include "planner/expr.def"
#undef EXPR
#undef E_VAL
#undef E_PTR
#undef E_VALUE
#undef E_NAME
#undef E_FORM
#undef E_EXPR
#undef E_LIST
#undef E_SORT

bool
expr_equal(const Expr *a, const Expr *b)
{
    static bool (*const table[EXPR_TAG_COUNT])(const Expr *, const Expr *) = {
#define EXPR(T, fields) [EXPR_##T] = equal_##T,
#include "planner/expr.def"
#undef EXPR
    };
    if (a == b) return true;
    if (a == NULL || b == NULL || a->tag != b->tag || a->type != b->type || a->typmod != b->typmod ||
        a->collation != b->collation)
        return false;
    return table[a->tag](a, b);
}

/* ---- hash ---- */

static uint64_t
hash_value(const Value *v)
{
    if (v->is_null) return HASH_NULL;
    if (v->phys == PHYS_STR) return hash_bytes(str_data(&v->str), v->str.len);
    if (v->phys == PHYS_INTERVAL) return hash_u64((uint64_t)v->interval.us ^ (uint64_t)v->interval.days << 32);
    return hash_bytes(&v->b, phys_width[v->phys]);
}

static uint64_t
hash_list(uint64_t h, const ExprList *list)
{
    for (int i = 0; i < list->count; i++) h = hash_combine(h, expr_hash(list->items[i]));
    return h;
}

static uint64_t
hash_sort(uint64_t h, const SortKeyList *list)
{
    for (int i = 0; i < list->count; i++) h = hash_combine(h, expr_hash(list->items[i].expr));
    return h;
}

#define E_VAL(type, f) h = hash_combine(h, (uint64_t)e->f);
#define E_PTR(type, f) h = hash_combine(h, (uint64_t)(uintptr_t)e->f);
#define E_VALUE(f) h = hash_combine(h, hash_value(&e->f));
#define E_NAME(f)
#define E_FORM(type, f)
#define E_EXPR(f) h = hash_combine(h, expr_hash(e->f));
#define E_LIST(f) h = hash_list(h, &e->f);
#define E_SORT(f) h = hash_sort(h, &e->f);
#define EXPR(T, fields)                                                                            \
    static uint64_t hash_##T(uint64_t h, const Expr *x)                                            \
    {                                                                                              \
        const T##Expr *e = (const T##Expr *)x;                                                     \
        (void)e;                                                                                   \
        fields return h;                                                                           \
    }
#include "planner/expr.def"
#undef EXPR
#undef E_VAL
#undef E_PTR
#undef E_VALUE
#undef E_NAME
#undef E_FORM
#undef E_EXPR
#undef E_LIST
#undef E_SORT

uint64_t
expr_hash(const Expr *e)
{
    static uint64_t (*const table[EXPR_TAG_COUNT])(uint64_t, const Expr *) = {
#define EXPR(T, fields) [EXPR_##T] = hash_##T,
#include "planner/expr.def"
#undef EXPR
    };
    if (e == NULL) return HASH_NULL;
    return table[e->tag](hash_u64((uint64_t)e->tag << 32 | e->type), e);
}

/* ---- children ---- */

static Status
walk_list(Ctx *ctx, ExprList *list, ExprWalkFn fn, void *arg)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] != NULL) TRY(fn(ctx, &list->items[i], arg));
    return QN_OK;
}

static Status
walk_sort(Ctx *ctx, SortKeyList *list, ExprWalkFn fn, void *arg)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i].expr != NULL) TRY(fn(ctx, &list->items[i].expr, arg));
    return QN_OK;
}

#define E_VAL(type, f)
#define E_PTR(type, f)
#define E_VALUE(f)
#define E_NAME(f)
#define E_FORM(type, f)
#define E_EXPR(f) if (e->f != NULL) TRY(fn(ctx, &e->f, arg));
#define E_LIST(f) if (e->f.count != 0) TRY(walk_list(ctx, &e->f, fn, arg));
#define E_SORT(f) if (e->f.count != 0) TRY(walk_sort(ctx, &e->f, fn, arg));
#define EXPR(T, fields)                                                                            \
    static Status walk_##T(Ctx *ctx, Expr *x, ExprWalkFn fn, void *arg)                            \
    {                                                                                              \
        T##Expr *e = (T##Expr *)x;                                                                 \
        (void)ctx, (void)e, (void)fn, (void)arg;                                                   \
        fields return QN_OK;                                                                       \
    }
#include "planner/expr.def"
#undef EXPR

Status
expr_children(Ctx *ctx, Expr *e, ExprWalkFn fn, void *arg)
{
    static Status (*const table[EXPR_TAG_COUNT])(Ctx *, Expr *, ExprWalkFn, void *) = {
#define EXPR(T, fields) [EXPR_##T] = walk_##T,
#include "planner/expr.def"
#undef EXPR
    };
    return table[e->tag](ctx, e, fn, arg);
}
