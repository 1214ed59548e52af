/* partition.c - finding a row's partition. See partition.h. */
#include "catalog/partition.h"

#include "storage/tx.h"
#include "types/hash_pg.h"
#include <stdlib.h>

static int
compare_values(const Value *a, const Value *b)
{
    return type_info(a->type)->cmp(a, b);
}

int
partition_compare(const PartitionKey *key, const Value *keys, const PartitionBound *b, bool upper)
{
    int at = upper ? key->nkeys : 0;
    for (int i = 0; i < key->nkeys; i++) {
        if (b->infinite[at + i] != 0) return -b->infinite[at + i];
        int c = compare_values(&keys[i], &b->values[at + i]);
        if (c != 0) return c;
    }
    return 0;
}

int
partition_compare_bounds(const PartitionKey *key, const PartitionBound *a, bool a_upper, const PartitionBound *b, bool b_upper)
{
    int x = a_upper ? key->nkeys : 0, y = b_upper ? key->nkeys : 0;
    for (int i = 0; i < key->nkeys; i++) {
        int ia = a->infinite[x + i], ib = b->infinite[y + i];
        if (ia != ib) return ia - ib;
        if (ia != 0) return 0; /* what follows an infinite value says nothing */
        int c = compare_values(&a->values[x + i], &b->values[y + i]);
        if (c != 0) return c;
    }
    return 0;
}

bool
partition_hash(const PartitionKey *key, const Value *keys, uint64_t *out)
{
    uint64_t hash = 0, h;
    for (int i = 0; i < key->nkeys; i++) {
        if (keys[i].is_null) continue;
        if (!hash_pg_value(&keys[i], HASH_PARTITION_SEED, &h)) return false;
        hash = hash_pg_combine(hash, h);
    }
    *out = hash;
    return true;
}

/* ---- the description ---- */

typedef struct Sorter {
    const PartitionKey *key;
    const InheritLink *link;
    const Value *first; /* list: the smallest value that is not NULL, or NULL */
} Sorter;

static int
by_bound(const void *x, const void *y)
{
    const Sorter *a = x, *b = y;
    const PartitionBound *p = a->link->bound, *q = b->link->bound;
    if ((p->kind == PARTITION_DEFAULT) != (q->kind == PARTITION_DEFAULT)) return p->kind == PARTITION_DEFAULT ? 1 : -1;
    switch (p->kind) {
    case PARTITION_RANGE: return partition_compare_bounds(a->key, p, false, q, false);
    case PARTITION_HASH: return p->modulus != q->modulus ? p->modulus - q->modulus : p->remainder - q->remainder;
    case PARTITION_LIST:
        if (a->first == NULL || b->first == NULL) return (a->first == NULL) - (b->first == NULL);
        return compare_values(a->first, b->first);
    default: return 0;
    }
}

static int
by_value(const void *x, const void *y)
{
    return compare_values(&((const ListValue *)x)->value, &((const ListValue *)y)->value);
}

static Status
sort_parts(Ctx *ctx, Arena *arena, const Relation *rel, bool all, const InheritLink ***out, int *n_out)
{
    int n = 0;
    Sorter *s;
    TRY_ALLOC(ctx, s, ARENA_ARRAY(arena, Sorter, rel->nchildren + 1));
    TRY_ALLOC(ctx, *out, ARENA_ARRAY(arena, const InheritLink *, rel->nchildren + 1));
    for (int i = 0; i < rel->nchildren; i++) {
        const PartitionBound *b = rel->children[i]->bound;
        if (!all && rel->children[i]->detach_xid != 0) continue;
        Sorter *to = &s[n++];
        *to = (Sorter){.key = rel->partition_key, .link = rel->children[i]};
        for (int k = 0; b->kind == PARTITION_LIST && k < b->nvalues; k++)
            if (!b->values[k].is_null && (to->first == NULL || compare_values(&b->values[k], to->first) < 0)) to->first = &b->values[k];
    }
    if (n > 1) qsort(s, (size_t)n, sizeof(*s), by_bound);
    for (int i = 0; i < n; i++) (*out)[i] = s[i].link;
    *n_out = n;
    return QN_OK;
}

static Status
collect_list(Ctx *ctx, Arena *arena, PartitionDesc *d)
{
    int n = 0;
    ListValue *list;
    for (int i = 0; i < d->nparts; i++) n += d->parts[i]->bound->nvalues;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(arena, ListValue, n + 1));
    n = 0;
    for (int i = 0; i < d->nparts; i++) {
        const PartitionBound *b = d->parts[i]->bound;
        for (int k = 0; k < b->nvalues; k++) {
            if (b->values[k].is_null) d->null_part = i;
            else list[n++] = (ListValue){b->values[k], i};
        }
    }
    if (n > 1) qsort(list, (size_t)n, sizeof(*list), by_value);
    d->list = list;
    d->nlist = n;
    return QN_OK;
}

static Status
collect_hash(Ctx *ctx, Arena *arena, PartitionDesc *d)
{
    int *table;
    for (int i = 0; i < d->nparts; i++)
        if (d->parts[i]->bound->modulus > d->modulus) d->modulus = d->parts[i]->bound->modulus;
    TRY_ALLOC(ctx, table, ARENA_ARRAY(arena, int, d->modulus + 1));
    for (int i = 0; i < d->modulus; i++) table[i] = -1;
    for (int i = 0; i < d->nparts; i++) {
        const PartitionBound *b = d->parts[i]->bound;
        for (int r = b->remainder; r < d->modulus; r += b->modulus) table[r] = i;
    }
    d->by_remainder = table;
    return QN_OK;
}

static Status
build_desc(Ctx *ctx, Arena *arena, const Relation *rel, bool all, const PartitionDesc **out)
{
    PartitionDesc *d;
    const InheritLink **parts;
    int nparts;
    TRY_ALLOC(ctx, d, ARENA_NEW(arena, PartitionDesc));
    TRY(sort_parts(ctx, arena, rel, all, &parts, &nparts));
    *d = (PartitionDesc){.key = rel->partition_key, .nparts = nparts, .parts = parts, .default_part = -1, .null_part = -1};
    if (d->nparts > 0 && parts[d->nparts - 1]->bound->kind == PARTITION_DEFAULT) d->default_part = d->nparts - 1;
    *out = d;
    if (d->key->strategy == PARTITION_LIST) return collect_list(ctx, arena, d);
    return d->key->strategy == PARTITION_HASH ? collect_hash(ctx, arena, d) : QN_OK;
}

Status
partition_descs_build(Ctx *ctx, Arena *arena, Relation *rel)
{
    TRY(build_desc(ctx, arena, rel, true, &rel->all_partitions));
    rel->partitions = rel->all_partitions;
    for (int i = 0; i < rel->nchildren; i++)
        if (rel->children[i]->detach_xid != 0) return build_desc(ctx, arena, rel, false, &rel->partitions);
    return QN_OK;
}

Status
partition_table_whole(Ctx *ctx, Arena *arena, const Relation *rel, const Relation **out)
{
    Relation *copy;
    *out = rel;
    if (rel->partitions == rel->all_partitions) return QN_OK;
    TRY_ALLOC(ctx, copy, arena_memdup(arena, rel, sizeof(*rel)));
    copy->partitions = rel->all_partitions;
    *out = copy;
    return QN_OK;
}

Status
partition_table_as_seen(Ctx *ctx, Arena *arena, const Relation *rel, const Relation **out)
{
    *out = rel;
    if (rel->partitions == rel->all_partitions) return QN_OK;
    /* There is one at most at a time. */
    for (int i = 0; i < rel->nchildren; i++)
        if (rel->children[i]->detach_xid != 0 && tx_sees(ctx, rel->children[i]->detach_xid)) return QN_OK;
    return partition_table_whole(ctx, arena, rel, out);
}

/* ---- finding ---- */

static int
find_in_list(const PartitionDesc *d, const Value *v)
{
    int lo = 0, hi = d->nlist - 1;
    if (v->is_null) return d->null_part >= 0 ? d->null_part : d->default_part;
    while (lo <= hi) {
        int mid = (lo + hi) / 2, c = compare_values(v, &d->list[mid].value);
        if (c == 0) return d->list[mid].part;
        if (c < 0) hi = mid - 1;
        else lo = mid + 1;
    }
    return d->default_part;
}

static int
find_in_ranges(const PartitionDesc *d, const Value *keys)
{
    int lo = 0, hi = (d->default_part >= 0 ? d->nparts - 1 : d->nparts) - 1;
    for (int i = 0; i < d->key->nkeys; i++)
        if (keys[i].is_null) return d->default_part;
    while (lo <= hi) {
        int mid = (lo + hi) / 2;
        const PartitionBound *b = d->parts[mid]->bound;
        if (partition_compare(d->key, keys, b, false) < 0) hi = mid - 1;
        else if (partition_compare(d->key, keys, b, true) >= 0) lo = mid + 1;
        else return mid;
    }
    return d->default_part;
}

int
partition_find(const PartitionDesc *d, const Value *keys)
{
    uint64_t hash;
    switch (d->key->strategy) {
    case PARTITION_LIST: return find_in_list(d, &keys[0]);
    case PARTITION_RANGE: return find_in_ranges(d, keys);
    default:
        if (d->modulus == 0 || !partition_hash(d->key, keys, &hash)) return -1;
        return d->by_remainder[hash % (uint64_t)d->modulus];
    }
}
