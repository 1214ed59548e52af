/* partition_sql.c - partition keys, bounds and constraints as SQL. */
#include "catalog/define.h"
#include "catalog/partition.h"
#include "parser/deparse.h"

static Status
finish(Ctx *ctx, StrBuf *b, const char **out)
{
    char *text;
    TRY(strbuf_finish(ctx, b, &text, NULL));
    *out = text;
    return QN_OK;
}

/* ---- pieces ---- */

static bool
is_plain_number(const Value *v)
{
    return (v->type == TYPE_INT2 && v->i16 >= 0) || (v->type == TYPE_INT4 && v->i32 >= 0) || (v->type == TYPE_INT8 && v->i64 >= 0);
}

/* typed: 'x'::text; else as in FOR VALUES. */
static Status
add_value(Ctx *ctx, Arena *arena, StrBuf *b, const Value *v, bool typed)
{
    StrBuf text = strbuf_new(arena);
    const char *type, *s;
    if (v->is_null) {
        strbuf_addz(b, "NULL");
        return QN_OK;
    }
    TRY(value_out(ctx, &text, v));
    TRY(finish(ctx, &text, &s));
    if (is_plain_number(v)) {
        strbuf_addz(b, s);
        return QN_OK;
    }
    if (v->type == TYPE_BOOL) {
        strbuf_addz(b, v->b ? "true" : "false");
        return QN_OK;
    }
    deparse_literal(b, s);
    if (!typed) return QN_OK;
    TRY(type_format(ctx, arena, v->type, -1, &type));
    strbuf_addf(b, "::%s", type);
    return QN_OK;
}

/* An expression that is no function call stands in parentheses. */
static void
add_key(StrBuf *b, const Relation *rel, int i)
{
    const PartitionKey *k = rel->partition_key;
    if (k->attnums[i] != 0) {
        deparse_ident(b, rel->cols[k->attnums[i] - 1].name);
        return;
    }
    const char *e = k->exprs[i], *p = e;
    while (ascii_is_alpha(*p) || ascii_is_digit(*p) || *p == '_') p++;
    bool call = p > e && *p == '(' && e[strlen(e) - 1] == ')';
    strbuf_addf(b, call ? "%s" : "(%s)", e);
}

Status
partition_key_sql(Ctx *ctx, Arena *arena, const Relation *rel, const char **out)
{
    const PartitionKey *k = rel->partition_key;
    StrBuf b = strbuf_new(arena);
    strbuf_addz(&b, k->strategy == PARTITION_LIST ? "LIST (" : k->strategy == PARTITION_RANGE ? "RANGE (" : "HASH (");
    for (int i = 0; i < k->nkeys; i++) {
        if (i > 0) strbuf_addz(&b, ", ");
        add_key(&b, rel, i);
    }
    strbuf_addc(&b, ')');
    return finish(ctx, &b, out);
}

static Status
add_side(Ctx *ctx, Arena *arena, StrBuf *b, const PartitionBound *p, int from, int n)
{
    strbuf_addc(b, '(');
    for (int i = from; i < from + n; i++) {
        if (i > from) strbuf_addz(b, ", ");
        if (p->infinite[i] != 0) strbuf_addz(b, p->infinite[i] < 0 ? "MINVALUE" : "MAXVALUE");
        else TRY(add_value(ctx, arena, b, &p->values[i], false));
    }
    strbuf_addc(b, ')');
    return QN_OK;
}

Status
partition_bound_sql(Ctx *ctx, Arena *arena, const PartitionBound *p, const char **out)
{
    StrBuf b = strbuf_new(arena);
    switch (p->kind) {
    case PARTITION_DEFAULT: strbuf_addz(&b, "DEFAULT"); break;
    case PARTITION_HASH: strbuf_addf(&b, "FOR VALUES WITH (modulus %d, remainder %d)", p->modulus, p->remainder); break;
    case PARTITION_LIST:
        strbuf_addz(&b, "FOR VALUES IN (");
        for (int i = 0; i < p->nvalues; i++) {
            if (i > 0) strbuf_addz(&b, ", ");
            TRY(add_value(ctx, arena, &b, &p->values[i], false));
        }
        strbuf_addc(&b, ')');
        break;
    default:
        strbuf_addz(&b, "FOR VALUES FROM ");
        TRY(add_side(ctx, arena, &b, p, 0, p->nvalues / 2));
        strbuf_addz(&b, " TO ");
        TRY(add_side(ctx, arena, &b, p, p->nvalues / 2, p->nvalues / 2));
    }
    return finish(ctx, &b, out);
}

/* ---- constraints ---- */

typedef struct Writer {
    Ctx *ctx;
    Arena *arena;
    const Relation *rel;
    StrBuf *b;
    bool first; /* nothing written in this AND list yet */
    int nterms; /* of the AND lists so far */
} Writer;

static void
and_next(Writer *w)
{
    if (!w->first) strbuf_addz(w->b, " AND ");
    w->first = false;
    w->nterms++;
}

static Status
add_comparison(Writer *w, int key, const char *op, const Value *v)
{
    strbuf_addc(w->b, '(');
    add_key(w->b, w->rel, key);
    strbuf_addf(w->b, " %s ", op);
    TRY(add_value(w->ctx, w->arena, w->b, v, true));
    strbuf_addc(w->b, ')');
    return QN_OK;
}

static void
add_not_nulls(Writer *w)
{
    for (int i = 0; i < w->rel->partition_key->nkeys; i++) {
        and_next(w);
        strbuf_addc(w->b, '(');
        add_key(w->b, w->rel, i);
        strbuf_addz(w->b, " IS NOT NULL)");
    }
}

/* One side of a range from key `from` on: (a > 1) OR ((a = 1) AND (b >= 2)). */
static Status
add_range_side(Writer *w, const PartitionBound *p, int from, bool upper)
{
    int n = w->rel->partition_key->nkeys, at = upper ? n : 0, end = from;
    while (end < n && p->infinite[at + end] == 0) end++;
    if (end == from) return QN_OK;
    bool several = end - from > 1;
    and_next(w);
    if (several) strbuf_addc(w->b, '(');
    for (int j = from; j < end; j++) {
        /* The last one decides for its equals, as what follows it says. */
        bool last = j == end - 1;
        int next = last && end < n ? p->infinite[at + end] : 0;
        bool equal_in = last && (upper ? next > 0 : next < 0 || end == n);
        const char *op = upper ? (equal_in ? "<=" : "<") : (equal_in ? ">=" : ">");
        if (j > from) strbuf_addz(w->b, " OR (");
        for (int k = from; k < j; k++) {
            TRY(add_comparison(w, k, "=", &p->values[at + k]));
            strbuf_addz(w->b, " AND ");
        }
        TRY(add_comparison(w, j, op, &p->values[at + j]));
        if (j > from) strbuf_addc(w->b, ')');
    }
    if (several) strbuf_addc(w->b, ')');
    return QN_OK;
}

static Status
add_range(Writer *w, const PartitionBound *p)
{
    int n = w->rel->partition_key->nkeys, same = 0;
    while (same < n - 1 && p->infinite[same] == 0 && p->infinite[n + same] == 0 &&
           type_info(p->values[same].type)->cmp(&p->values[same], &p->values[n + same]) == 0) {
        and_next(w);
        TRY(add_comparison(w, same, "=", &p->values[same]));
        same++;
    }
    TRY(add_range_side(w, p, same, false));
    return add_range_side(w, p, same, true);
}

/* Values other than NULL as = or = ANY; with_null: NULL is one of them. */
static Status
add_list(Writer *w, const Value *const *values, int n, bool with_null)
{
    if (with_null) {
        strbuf_addc(w->b, '(');
        add_key(w->b, w->rel, 0);
        strbuf_addz(w->b, n > 0 ? " IS NULL) OR " : " IS NULL)");
    } else {
        w->first = true;
        add_not_nulls(w);
        if (n > 0) strbuf_addz(w->b, " AND ");
    }
    if (n == 0) return QN_OK;
    if (n == 1) return add_comparison(w, 0, "=", values[0]);
    strbuf_addc(w->b, '(');
    add_key(w->b, w->rel, 0);
    strbuf_addz(w->b, " = ANY (ARRAY[");
    for (int i = 0; i < n; i++) {
        if (i > 0) strbuf_addz(w->b, ", ");
        TRY(add_value(w->ctx, w->arena, w->b, values[i], true));
    }
    strbuf_addz(w->b, "]))");
    return QN_OK;
}

static Status
add_list_bound(Writer *w, const PartitionBound *p)
{
    const Value **values;
    int n = 0;
    bool with_null = false;
    TRY_ALLOC(w->ctx, values, ARENA_ARRAY(w->arena, const Value *, p->nvalues + 1));
    for (int i = 0; i < p->nvalues; i++) {
        if (p->values[i].is_null) with_null = true;
        else values[n++] = &p->values[i];
    }
    return add_list(w, values, n, with_null);
}

/* NOT (what the others take). */
static Status
add_default(Writer *w, const PartitionDesc *d)
{
    strbuf_addz(w->b, "NOT (");
    if (d->key->strategy == PARTITION_LIST) {
        const Value **values;
        TRY_ALLOC(w->ctx, values, ARENA_ARRAY(w->arena, const Value *, d->nlist + 1));
        for (int i = 0; i < d->nlist; i++) values[i] = &d->list[i].value;
        TRY(add_list(w, values, d->nlist, d->null_part >= 0));
    } else {
        int n = d->nparts - 1;
        add_not_nulls(w);
        strbuf_addz(w->b, n > 1 ? " AND (" : " AND ");
        for (int i = 0; i < n; i++) {
            StrBuf one = strbuf_new(w->arena);
            Writer range = {w->ctx, w->arena, w->rel, &one, true, 0};
            const char *text;
            TRY(add_range(&range, d->parts[i]->bound));
            TRY(finish(w->ctx, &one, &text));
            if (i > 0) strbuf_addz(w->b, " OR ");
            strbuf_addf(w->b, range.nterms > 1 ? "(%s)" : "%s", range.nterms > 0 ? text : "true");
        }
        if (n > 1) strbuf_addc(w->b, ')');
    }
    strbuf_addc(w->b, ')');
    return QN_OK;
}

static Status
add_hash(Writer *w, const PartitionBound *p)
{
    strbuf_addf(w->b, "satisfies_hash_partition('%u'::oid, %d, %d", w->rel->oid, p->modulus, p->remainder);
    for (int i = 0; i < w->rel->partition_key->nkeys; i++) {
        strbuf_addz(w->b, ", ");
        add_key(w->b, w->rel, i);
    }
    strbuf_addc(w->b, ')');
    return QN_OK;
}

Status
partition_constraint_sql(Ctx *ctx, Arena *arena, const Relation *rel, const PartitionBound *bound, const char **out)
{
    StrBuf b = strbuf_new(arena);
    Writer w = {ctx, arena, rel, &b, true, 0};
    *out = NULL;
    if (bound->kind == PARTITION_DEFAULT && rel->partitions->nparts <= 1) return QN_OK;
    if (bound->kind == PARTITION_HASH) {
        TRY(add_hash(&w, bound));
        return finish(ctx, &b, out);
    }
    strbuf_addc(&b, '(');
    switch (bound->kind) {
    case PARTITION_LIST: TRY(add_list_bound(&w, bound)); break;
    case PARTITION_RANGE:
        add_not_nulls(&w);
        TRY(add_range(&w, bound));
        break;
    default: TRY(add_default(&w, rel->partitions));
    }
    strbuf_addc(&b, ')');
    return finish(ctx, &b, out);
}

Status
partition_full_constraint_sql(Ctx *ctx, Arena *arena, const Relation *rel, const char **out)
{
    const char *all = NULL;
    while (relation_bound(rel) != NULL) {
        const Relation *parent;
        const char *one;
        TRY(catalog_relation_by_oid(ctx, rel->parents[0]->parent_oid, &parent));
        TRY(partition_constraint_sql(ctx, arena, parent, relation_bound(rel), &one));
        if (one != NULL && all != NULL) TRY_ALLOC(ctx, all, arena_printf(arena, "%s AND %s", one, all));
        else if (one != NULL) all = one;
        rel = parent;
    }
    *out = all;
    return QN_OK;
}
