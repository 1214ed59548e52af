/* tsrewrite.c - ts_rewrite: one query in the place of another inside a third. */
#include "types/kernel.h"
#include "types/tsquery_tree.h"
#include <stdlib.h>

/* A query with operands of & and | gathered under one operator and in a fixed order, so that a part is found however it was grouped. */
typedef struct Part Part;
struct Part {
    uint8_t kind, weights, prefix;
    bool is_new; /* put there by a replacement: not looked into */
    uint32_t distance;
    const char *text;
    uint32_t nbytes;
    int n;
    Part **operands;
};

static int
kind_rank(int kind)
{
    static const int rank[] = {[TS_VALUE] = 0, [TS_NOT] = 1, [TS_AND] = 2, [TS_OR] = 3, [TS_PHRASE] = 4};
    return rank[kind];
}

/* Weights and prefixes do not count. Operands are compared from the right, as PostgreSQL keeps them. */
static int
compare_parts(const Part *a, const Part *b)
{
    bool va = a->kind == TS_VALUE, vb = b->kind == TS_VALUE;
    if (va != vb) return va ? 1 : -1;
    if (va) return ts_compare_values(a->text, a->nbytes, b->text, b->nbytes);
    if (a->kind != b->kind) return kind_rank(a->kind) > kind_rank(b->kind) ? -1 : 1;
    if (a->n != b->n) return a->n > b->n ? -1 : 1;
    for (int i = 0; i < a->n; i++) {
        int c = compare_parts(a->operands[i], b->operands[i]);
        if (c != 0) return c;
    }
    if (a->kind == TS_PHRASE && a->distance != b->distance) return a->distance > b->distance ? -1 : 1;
    return 0;
}

static int
compare_slots(const void *x, const void *y)
{
    return compare_parts(*(Part *const *)x, *(Part *const *)y);
}

static Status
sort_operands(Ctx *ctx, Part *p)
{
    TRY(ctx_check_depth(ctx));
    for (int i = 0; i < p->n; i++) TRY(sort_operands(ctx, p->operands[i]));
    if (p->n > 1 && p->kind != TS_PHRASE) qsort(p->operands, (size_t)p->n, sizeof(Part *), compare_slots);
    return QN_OK;
}

typedef ARRAY(Part *) Parts;

static Status part_of(Ctx *ctx, Arena *arena, const TsNode *n, bool flat, Part **out);

/* The operands of n and of operators of its kind (0: none) beneath it, from the right. */
static Status
gather(Ctx *ctx, Arena *arena, const TsNode *n, int kind, bool flat, Parts *out)
{
    Part *p;
    TRY(ctx_check_depth(ctx));
    if (n->kind == kind) {
        TRY(gather(ctx, arena, n->right, kind, flat, out));
        return gather(ctx, arena, n->left, kind, flat, out);
    }
    TRY(part_of(ctx, arena, n, flat, &p));
    return array_push(ctx, arena, out, p);
}

/* flat: operands are gathered; else two to an operator, as the query has them. */
static Status
part_of(Ctx *ctx, Arena *arena, const TsNode *n, bool flat, Part **out)
{
    Parts list = {0};
    TRY_ALLOC(ctx, *out, ARENA_NEW(arena, Part));
    **out = (Part){.kind = n->kind, .weights = n->weights, .prefix = n->prefix, .distance = n->distance, .text = n->text, .nbytes = n->nbytes};
    if (n->kind == TS_VALUE) return QN_OK;
    int kind = flat && (n->kind == TS_AND || n->kind == TS_OR) ? n->kind : 0;
    TRY(gather(ctx, arena, n->right, kind, flat, &list));
    if (n->left != NULL) TRY(gather(ctx, arena, n->left, kind, flat, &list));
    (*out)->operands = list.items;
    (*out)->n = list.count;
    return QN_OK;
}

/* Two operands at a time under one operator: the first two become one, and the last takes the place of the second. */
static Status
node_of(Ctx *ctx, Arena *arena, const Part *p, TsNode **out)
{
    TsNode **nodes;
    int n = p->n;
    TRY(ctx_check_depth(ctx));
    TRY_ALLOC(ctx, nodes, ARENA_ARRAY(arena, TsNode *, n + 1));
    for (int i = 0; i < n; i++) TRY(node_of(ctx, arena, p->operands[i], &nodes[i]));
    while (n > 2) {
        TRY(ts_node(ctx, arena, (TsKind)p->kind, nodes[1], nodes[0], p->distance, &nodes[0]));
        nodes[1] = nodes[--n];
    }
    TRY(ts_node(ctx, arena, (TsKind)p->kind, n > 1 ? nodes[1] : NULL, n > 0 ? nodes[0] : NULL, p->distance, out));
    (*out)->text = p->text;
    (*out)->nbytes = p->nbytes;
    (*out)->weights = p->weights;
    (*out)->prefix = p->prefix;
    return QN_OK;
}

typedef struct Rewrite {
    Ctx *ctx;
    Arena *arena;
    const Part *target;
    const Part *with; /* NULL: nothing */
} Rewrite;

static Status
replacement(Rewrite *r, Part **out)
{
    *out = NULL;
    if (r->with == NULL) return QN_OK;
    TRY_ALLOC(r->ctx, *out, arena_memdup(r->arena, r->with, sizeof(Part)));
    (*out)->is_new = true;
    return QN_OK;
}

/* Some of the operands are the target's: they give way to the replacement. */
static Status
replace_some(Rewrite *r, Part *p)
{
    bool *taken;
    Part *with;
    int n = 0, found = 0;
    TRY_ALLOC(r->ctx, taken, ARENA_ARRAY(r->arena, bool, p->n + 1));
    for (int i = 0; i < r->target->n; i++)
        for (int k = 0; k < p->n; k++)
            if (!taken[k] && compare_parts(p->operands[k], r->target->operands[i]) == 0) {
                taken[k] = true;
                found++;
                break;
            }
    if (found < r->target->n) return QN_OK;
    for (int k = 0; k < p->n; k++)
        if (!taken[k]) p->operands[n++] = p->operands[k];
    TRY(replacement(r, &with));
    if (with != NULL) p->operands[n++] = with;
    p->n = n;
    return sort_operands(r->ctx, p);
}

/* *slot NULL: it is gone. */
static Status
rewrite(Rewrite *r, Part **slot)
{
    Part *p = *slot;
    int n = 0;
    TRY(ctx_check_depth(r->ctx));
    if (p->is_new) return QN_OK;
    if (compare_parts(p, r->target) == 0) return replacement(r, slot);
    if (p->kind == TS_VALUE) return QN_OK;
    if (p->kind == r->target->kind && p->n > r->target->n && r->target->n > 0) TRY(replace_some(r, p));
    for (int i = 0; i < p->n; i++) {
        TRY(rewrite(r, &p->operands[i]));
        if (p->operands[i] != NULL) p->operands[n++] = p->operands[i];
    }
    p->n = n;
    if (n == 0) *slot = NULL;
    if (n == 1 && p->kind != TS_NOT) *slot = p->operands[0];
    return QN_OK;
}

static Status
unpack_part(Ctx *ctx, Arena *arena, const Str *s, bool flat, Part **out)
{
    TsQuery q = tsquery_view(s);
    TsNode *n;
    *out = NULL;
    TRY(tsquery_unpack(ctx, arena, &q, &n));
    if (n == NULL) return QN_OK;
    TRY(part_of(ctx, arena, n, flat, out));
    return flat ? sort_operands(ctx, *out) : QN_OK;
}

Status
ts_rewrite(Ctx *ctx, Arena *arena, const Str *query, const Str *target, const Str *with, Str *out)
{
    Rewrite r = {.ctx = ctx, .arena = arena};
    Part *in, *part;
    TsNode *root = NULL;
    TRY(unpack_part(ctx, arena, query, true, &in));
    TRY(unpack_part(ctx, arena, target, true, &part));
    r.target = part;
    TRY(unpack_part(ctx, arena, with, false, &part));
    r.with = part;
    if (in == NULL || r.target == NULL) return str_copy(ctx, arena, str_data(query), query->len, out);
    TRY(rewrite(&r, &in));
    if (in != NULL) TRY(node_of(ctx, arena, in, &root));
    return tsquery_pack(ctx, arena, root, out);
}

Status
fn_tsquery_rewrite(KernelCall *call)
{
    ROWS(call, i) {
        const Str *q[3];
        for (int a = 0; a < 3; a++) q[a] = &((const Str *)call->args[a]->data)[arg_at(call->args[a], i)];
        TRY(ts_rewrite(call->ctx, call->arena, q[0], q[1], q[2], &OUT(call, Str, i)));
    }
    return QN_OK;
}
