/* bind_merge.c - MERGE: source and target joined, and what each WHEN does with a row of that. */
#include "planner/bind_dml.h"

static Status
check_reachable(Scope *s, const MergeStmt *stmt)
{
    bool always[2] = {false, false};
    for (int i = 0; i < stmt->whens.count; i++) {
        const MergeWhenClause *w = AST_AS(MergeWhenClause, stmt->whens.items[i]);
        if (always[w->matched])
            return RAISE(s->ctx, ERR_SYNTAX_ERROR, "unreachable WHEN clause specified after unconditional WHEN clause");
        always[w->matched] = w->condition == NULL;
    }
    return QN_OK;
}

static Status
check_target(Scope *s, const RangeVar *rv)
{
    const Relation *r;
    TRY(open_relation(s, rv, LOCK_ROW_EXCLUSIVE_MODE, &r));
    if (relation_base_kind(r) == RELKIND_TABLE && r->systable == NULL) return QN_OK;
    if (r->systable != NULL) return RAISE(s->ctx, ERR_INSUFFICIENT_PRIVILEGE, "permission denied: \"%s\" is a system catalog", r->name);
    Status st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot execute MERGE on relation \"%s\"", r->name);
    return err_detail(s->ctx, st, "This operation is not supported for %s.",
                      r->kind == RELKIND_VIEW ? "views" : r->kind == RELKIND_SEQUENCE ? "sequences" : "materialized views");
}

/* The join of what USING gives with the target; the namespaces of both in *source and item. */
static Status
bind_join_of(Dml *d, const MergeStmt *stmt, LNode *target, NsItem *item, NsList *source, NsList *both)
{
    Scope *s = d->s;
    LJoin *join;
    bool inserts = false;
    for (int i = 0; i < stmt->whens.count; i++) inserts |= !AST_AS(MergeWhenClause, stmt->whens.items[i])->matched;
    TRY_ALLOC(s->ctx, join, LNODE_NEW(s->ps, Join, -1));
    join->jointype = inserts ? JOIN_LEFT : JOIN_INNER;
    s->clause = CLAUSE_NONE;
    TRY(bind_from_item(s, stmt->source, &join->base.left, source));
    join->base.right = target;
    TRY(ns_push(s, both, item));
    for (int i = 0; i < source->count; i++) {
        if (source->items[i]->rel_visible && source->items[i]->name != NULL && strcmp(source->items[i]->name, item->name) == 0) {
            Status st = RAISE(s->ctx, ERR_DUPLICATE_ALIAS, "name \"%s\" specified more than once", item->name);
            return err_detail(s->ctx, st, "The name is used both as MERGE target table and data source.");
        }
        TRY(ns_push(s, both, source->items[i]));
    }
    s->items = *both;
    TRY(bind_condition(s, stmt->on, CLAUSE_JOIN_ON, "JOIN/ON", &join->conds));
    d->root = (LNode *)join;
    return QN_OK;
}

static Status
bind_insert_action(Dml *d, const MergeWhenClause *w)
{
    Scope *s = d->s;
    InsertStmt ins = {.base = {AST_InsertStmt}, .columns = w->targets, .overriding = w->overriding};
    ListNode row = {.base = {AST_ListNode}, .items = w->values};
    Ast *rows[1] = {&row.base};
    SelectStmt values = {.base = {AST_SelectStmt}, .values = {rows, 1, 1}};
    Targets t = {0};
    LNode *root = d->root;
    s->clause = CLAUSE_INSERT;
    TRY(insert_columns(d, &ins, &t));
    if (w->values.count > 0) TRY(insert_values(d, &ins, &values, &t));
    s->clause = CLAUSE_NONE;
    d->root = root; /* the rows are those of the join */
    return insert_defaults(d);
}

static Status
bind_action(Dml *d, const MergeWhenClause *w, MergeAction *a)
{
    Scope *s = d->s;
    a->matched = w->matched;
    if (w->condition != NULL) {
        TRY(bind_expr_in(s, w->condition, CLAUSE_MERGE_WHEN, &a->when));
        TRY(coerce_to_boolean(s->ps, &a->when, "WHEN"));
    }
    memset(d->values, 0, sizeof(Expr *) * (size_t)d->r->ncols);
    switch (w->command) {
    case AST_CMD_INSERT:
        a->kind = MERGE_INSERT;
        TRY(bind_insert_action(d, w));
        break;
    case AST_CMD_UPDATE:
        a->kind = MERGE_UPDATE;
        TRY(update_targets(d, &w->targets, d->values));
        forget_generated(d->r, d->values);
        break;
    case AST_CMD_DELETE: a->kind = MERGE_DELETE; break;
    default: a->kind = MERGE_NOTHING; break;
    }
    TRY_ALLOC(s->ctx, a->cols, ARENA_ARRAY(s->ps->arena, int, d->r->ncols + 1));
    for (int i = 0; i < d->r->ncols; i++) {
        if (d->values[i] == NULL) continue;
        a->cols[a->values.count] = i;
        TRY(array_push(s->ctx, s->ps->arena, &a->values, d->values[i]));
    }
    return QN_OK;
}

/* Columns that any UPDATE sets: which locks and indexes they need is decided once. */
static Status
note_updated(Dml *d)
{
    LModify *m = d->m;
    TRY_ALLOC(d->s->ctx, m->cols, ARENA_ARRAY(d->s->ps->arena, int, d->r->ncols + 1));
    for (int c = 0; c < d->r->ncols; c++) {
        bool set = false;
        for (int i = 0; i < m->nactions; i++)
            for (int k = 0; m->actions[i].kind == MERGE_UPDATE && k < m->actions[i].values.count; k++)
                set |= m->actions[i].cols[k] == c;
        if (set) m->cols[m->ncols_set++] = c;
    }
    return QN_OK;
}

NOINLINE Status
bind_merge(Scope *parent, const MergeStmt *stmt, Query **out)
{
    Scope *s;
    Dml d = {0};
    LNode *node;
    NsItem *item;
    NsList source = {0}, both = {0};
    ViewTarget *view;
    const RangeVar *rv = AST_AS(RangeVar, stmt->rel);
    TRY(scope_new(parent->b, parent, &s));
    if (stmt->with != NULL && AST_AS(WithClause, stmt->with)->recursive)
        return RAISE(s->ctx, ERR_SYNTAX_ERROR, "WITH RECURSIVE is not supported for MERGE statement");
    if (stmt->with != NULL) TRY(bind_with(s, AST_AS(WithClause, stmt->with)));
    TRY(check_reachable(s, stmt));
    TRY(check_target(s, rv));
    s->clause = CLAUSE_UPDATE;
    TRY(bind_target_relation(s, rv, LOCK_ROW_EXCLUSIVE_MODE, &node, &item, &view));
    TRY(dml_begin(s, DML_MERGE, item, view, &d));
    TRY(bind_join_of(&d, stmt, node, item, &source, &both));
    TRY_ALLOC(s->ctx, d.m->actions, ARENA_ARRAY(s->ps->arena, MergeAction, stmt->whens.count + 1));
    for (int i = 0; i < stmt->whens.count; i++) {
        const MergeWhenClause *w = AST_AS(MergeWhenClause, stmt->whens.items[i]);
        s->items = w->matched ? both : source; /* without a match there is no row of the target */
        TRY(bind_action(&d, w, &d.m->actions[i]));
        d.m->nactions++;
    }
    s->items = both;
    TRY(note_updated(&d));
    TRY(push_tid(&d, node));
    d.m->base.left = d.root;
    TRY(bind_targets_of(&d, node));
    TRY_ALLOC(s->ctx, *out, ARENA_NEW(s->ps->arena, Query));
    (*out)->root = (LNode *)d.m;
    return QN_OK;
}
