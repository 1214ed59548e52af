/* bind_inherit.c - a table's name that stands for more tables: its descendants by inheritance, or its partitions. They become
 * the children of one LAppend, each with where it keeps the named table's columns. */
#include "catalog/partition.h"
#include "planner/bind_priv.h"

static int
child_position(const Relation *child, const char *name)
{
    for (int i = 0; i < child->ncols; i++)
        if (!child->cols[i].dropped && strcmp(child->cols[i].name, name) == 0) return i;
    return -1;
}

static Status
map_columns(Scope *s, const Relation *parent, const Relation *child, const int **out)
{
    int *map;
    bool same = parent->ncols <= child->ncols;
    *out = NULL;
    if (parent == child) return QN_OK;
    TRY_ALLOC(s->ctx, map, ARENA_ARRAY(s->ps->arena, int, parent->ncols + 1));
    for (int i = 0; i < parent->ncols; i++) {
        map[i] = parent->cols[i].dropped ? -1 : child_position(child, parent->cols[i].name);
        if (map[i] < 0 && !parent->cols[i].dropped)
            return RAISE_INTERNAL(s->ctx, "table \"%s\" lacks column \"%s\" of its parent", child->name, parent->cols[i].name);
        same = same && map[i] == i;
    }
    if (!same || parent->ncols != child->ncols) *out = map;
    return QN_OK;
}

static Status
add_member(Scope *s, const Relation *parent, const InheritLink *link, int up, int lock_mode, MemberList *list)
{
    const Relation *child;
    Member m = {.up = up, .link = link};
    for (int i = 0; i < list->count; i++)
        if (list->items[i].rel->oid == link->child_oid) return QN_OK; /* by another way already */
    TRY(catalog_relation_by_oid(s->ctx, link->child_oid, &child));
    if (child == NULL) return QN_OK; /* dropped meanwhile; the plan's versions will say so */
    if (catalog_is_other_temp(s->ctx, child)) return QN_OK; /* nobody else's business */
    TRY(add_dep(s, child, lock_mode));
    TRY(relation_as_seen(s, &child));
    m.rel = child;
    TRY(map_columns(s, parent, child, &m.map));
    return array_push(s->ctx, s->ps->arena, list, m);
}

/* Partitions in the order of their bounds, each followed by its own. */
static Status
add_partitions(Scope *s, const Relation *root, int up, int lock_mode, MemberList *list)
{
    const PartitionDesc *d = list->items[up].rel->partitions;
    TRY(ctx_check_depth(s->ctx));
    for (int i = 0; i < d->nparts; i++) {
        int before = list->count;
        TRY(add_member(s, root, d->parts[i], up, lock_mode, list));
        if (list->count > before && list->items[before].rel->partitions != NULL) TRY(add_partitions(s, root, before, lock_mode, list));
    }
    return QN_OK;
}

/* Descendants level by level, each by oid: PostgreSQL's order. */
Status
relation_members(Scope *s, const Relation *r, int lock_mode, MemberList *out)
{
    TRY(array_push(s->ctx, s->ps->arena, out, ((Member){.rel = r, .up = -1})));
    if (r->partitions != NULL) return add_partitions(s, r, 0, lock_mode, out);
    for (int i = 0; i < out->count; i++) {
        const Relation *at = out->items[i].rel;
        for (int k = 0; k < at->nchildren; k++) TRY(add_member(s, r, at->children[k], i, lock_mode, out));
    }
    return QN_OK;
}

/* only: the named table's own rows. */
Status
bind_append(Scope *s, const Relation *r, const char *alias, bool only, int lock_mode, LNode **out)
{
    LAppend *a;
    TRY_ALLOC(s->ctx, a, LNODE_NEW(s->ps, Append, r->ncols));
    a->relation = r;
    a->alias = alias;
    *out = (LNode *)a;
    if (only) return array_push(s->ctx, s->ps->arena, &a->members, ((Member){.rel = r, .up = -1}));
    TRY(relation_members(s, r, lock_mode, &a->members));
    TRY_ALLOC(s->ctx, a->children, ARENA_ARRAY(s->ps->arena, AppendChild, a->members.count + 1));
    for (int i = 0; i < a->members.count; i++) {
        const Member *m = &a->members.items[i];
        LGet *g;
        if (m->rel->kind == RELKIND_PARTITIONED) continue; /* no rows of its own */
        TRY_ALLOC(s->ctx, g, LNODE_NEW(s->ps, Get, m->rel->ncols));
        g->relation = m->rel;
        g->alias = alias;
        s->ps->rels[g->base.rel].append_rel = a->base.rel;
        TRY(rel_set_level(s, g->base.rel));
        a->children[a->nchildren++] = (AppendChild){.node = (LNode *)g, .at = i, .rel = g->base.rel, .member = *m};
    }
    return QN_OK;
}

/* ---- where a new row belongs ---- */

/* The partition key of rel as expressions over row, whose columns have the names rel's have. */
static Status
bind_key(Scope *s, const Relation *rel, NsItem *row, ExprList *out)
{
    const PartitionKey *k = rel->partition_key;
    for (int i = 0; i < k->nkeys; i++) {
        Expr *e;
        if (k->attnums[i] != 0) TRY(item_column(s, row, child_position(row->relation, rel->cols[k->attnums[i] - 1].name), 0, &e));
        else TRY(bind_stored(s, k->exprs[i], row, CLAUSE_CHECK, &e));
        TRY(array_push(s->ctx, s->ps->arena, out, e));
    }
    return QN_OK;
}

/* Numbers of targets: the members that have rows, in their order. */
Status
bind_partition_steps(Scope *s, const MemberList *members, NsItem *row, PartitionStep **out, int *n_out)
{
    Arena *arena = s->ps->arena;
    int n = 0, ntargets = 0, *number;
    PartitionStep *steps;
    TRY_ALLOC(s->ctx, steps, ARENA_ARRAY(arena, PartitionStep, members->count + 1));
    TRY_ALLOC(s->ctx, number, ARENA_ARRAY(arena, int, members->count + 1));
    for (int i = 0; i < members->count; i++) number[i] = members->items[i].rel->partitions != NULL ? ~n++ : ntargets++;
    n = 0;
    for (int i = 0; i < members->count; i++) {
        const Relation *rel = members->items[i].rel;
        const PartitionDesc *d = rel->partitions;
        int *next;
        if (d == NULL) continue;
        TRY_ALLOC(s->ctx, next, ARENA_ARRAY(arena, int, d->nparts + 1));
        for (int k = 0; k < d->nparts; k++)
            for (int m = 0; m < members->count; m++)
                if (members->items[m].rel->oid == d->parts[k]->child_oid) next[k] = number[m];
        steps[n] = (PartitionStep){.rel = rel, .next = next};
        TRY(bind_key(s, rel, row, &steps[n++].keys));
    }
    *out = steps;
    *n_out = n;
    return QN_OK;
}

/* r is a partition: the tables above it, and which of their partitions it stands in. */
Status
bind_partition_above(Scope *s, const Relation *r, NsItem *row, PartitionStep **out, int *n_out)
{
    ARRAY(PartitionStep) steps = {0};
    while (relation_bound(r) != NULL) {
        PartitionStep step = {0};
        TRY(catalog_relation_by_oid(s->ctx, r->parents[0]->parent_oid, &step.rel));
        if (step.rel == NULL) return RAISE_INTERNAL(s->ctx, "partition \"%s\" has no parent", r->name);
        TRY(add_dep(s, step.rel, LOCK_ACCESS_SHARE_MODE));
        TRY(partition_table_whole(s->ctx, s->ps->arena, step.rel, &step.rel)); /* with this one, if it is on its way out */
        while (step.rel->partitions->parts[step.part]->child_oid != r->oid) step.part++;
        TRY(bind_key(s, step.rel, row, &step.keys));
        TRY(array_push(s->ctx, s->ps->arena, &steps, step));
        r = step.rel;
    }
    *out = steps.items;
    *n_out = steps.count;
    return QN_OK;
}
