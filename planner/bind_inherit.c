/* bind_inherit.c - a table's name that stands for more tables: its descendants by inheritance, or its partitions. They become
 * the children of one LAppend, each with where it keeps the named table's columns. */
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
add_member(Scope *s, const Relation *parent, Oid oid, int lock_mode, MemberList *list)
{
    const Relation *child;
    Member m = {0};
    for (int i = 0; i < list->count; i++)
        if (list->items[i].rel->oid == oid) return QN_OK; /* by another way already */
    TRY(catalog_relation_by_oid(s->ctx, oid, &child));
    if (child == NULL) return QN_OK; /* dropped meanwhile; the plan's versions will say so */
    TRY(add_dep(s, child, lock_mode));
    m.rel = child;
    TRY(map_columns(s, parent, child, &m.map));
    return array_push(s->ctx, s->ps->arena, list, m);
}

/* Level by level, each by oid: PostgreSQL's order. */
Status
relation_members(Scope *s, const Relation *r, int lock_mode, MemberList *out)
{
    TRY(array_push(s->ctx, s->ps->arena, out, (Member){.rel = r}));
    for (int i = 0; i < out->count; i++) {
        const Relation *at = out->items[i].rel;
        for (int k = 0; k < at->nchildren; k++) TRY(add_member(s, r, at->children[k]->child_oid, lock_mode, out));
    }
    return QN_OK;
}

Status
bind_append(Scope *s, const Relation *r, const char *alias, int lock_mode, LNode **out)
{
    LAppend *a;
    MemberList members = {0};
    TRY(relation_members(s, r, lock_mode, &members));
    TRY_ALLOC(s->ctx, a, LNODE_NEW(s->ps, Append, r->ncols));
    a->relation = r;
    a->alias = alias;
    TRY_ALLOC(s->ctx, a->children, ARENA_ARRAY(s->ps->arena, AppendChild, members.count + 1));
    for (int i = 0; i < members.count; i++) {
        LGet *g;
        if (members.items[i].rel->kind == RELKIND_PARTITIONED) continue; /* no rows of its own */
        TRY_ALLOC(s->ctx, g, LNODE_NEW(s->ps, Get, members.items[i].rel->ncols));
        g->relation = members.items[i].rel;
        TRY_ALLOC(s->ctx, g->alias, arena_printf(s->ps->arena, "%s_%d", alias, a->nchildren + 1));
        s->ps->rels[g->base.rel].alias = g->alias;
        s->ps->rels[g->base.rel].append_rel = a->base.rel;
        TRY(rel_set_level(s, g->base.rel));
        a->children[a->nchildren++] = (AppendChild){.node = (LNode *)g, .rel = g->base.rel, .member = members.items[i]};
    }
    *out = (LNode *)a;
    return QN_OK;
}
