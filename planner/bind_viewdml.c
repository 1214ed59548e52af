/* bind_viewdml.c - views that are written: down to the table, what each column of the view is in it, which rows it has, what a new
 * row must satisfy (WITH CHECK OPTION). */
#include "planner/bind_viewdml.h"
#include "common/settings.h"
#include "planner/rewrite.h"

static const char *
command_words(Clause clause)
{
    return clause == CLAUSE_INSERT ? "insert into" : clause == CLAUSE_UPDATE ? "update" : "delete from";
}

static Status
raise_not_updatable(Scope *s, const Relation *view, const char *why, Clause clause)
{
    Status st = RAISE(s->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot %s view \"%s\"", command_words(clause), view->name);
    const char *doing = clause == CLAUSE_INSERT ? "inserting into" : clause == CLAUSE_UPDATE ? "updating" : "deleting from";
    const char *word = clause == CLAUSE_INSERT ? "INSERT" : clause == CLAUSE_UPDATE ? "UPDATE" : "DELETE";
    st = err_detail(s->ctx, st, "%s", why);
    return err_hint(s->ctx, st, "To enable %s the view, provide an INSTEAD OF %s trigger or an unconditional ON %s DO INSTEAD rule.",
                    doing, word, word);
}

Status
view_target_column(Scope *s, const ViewTarget *v, int col, Clause clause, int *attr_out)
{
    *attr_out = v->attrs[col];
    if (*attr_out >= 0) return QN_OK;
    Status st = RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, clause == CLAUSE_INSERT ? "cannot insert into column \"%s\" of view \"%s\""
                                                                                  : "cannot update column \"%s\" of view \"%s\"",
                      v->view->cols[col].name, v->view->name);
    return err_detail(s->ctx, st, "%s", v->why_not[col]);
}

/* Table or view that a view's query reads. */
static Status
bind_source(Scope *vs, const RangeVar *rv, int lock_mode, Clause clause, ViewTarget *v, LNode **node, NsItem **item)
{
    const Relation *r;
    TRY(open_relation(vs, rv, lock_mode, &r));
    if (r->kind == RELKIND_VIEW) return bind_view_target(vs, r, AST_AS(Alias, rv->alias), lock_mode, clause, v, node, item);
    TRY(bind_table(vs, r, AST_AS(Alias, rv->alias), rv->only || (clause == CLAUSE_INSERT && r->partitions == NULL), lock_mode,
                   node, item));
    v->base = r;
    v->base_node = *node;
    TRY_ALLOC(vs->ctx, v->defaults, ARENA_ARRAY(vs->ps->arena, const char *, r->ncols + 1));
    TRY_ALLOC(vs->ctx, v->attrs, ARENA_ARRAY(vs->ps->arena, int, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) v->attrs[i] = i;
    return QN_OK;
}

/* Where each column of the view lies, by what the source's columns are. */
static Status
map_columns(Scope *s, const Relation *r, const ViewForm *f, const NsItem *source, ViewTarget *v)
{
    int *attrs;
    TRY_ALLOC(s->ctx, attrs, ARENA_ARRAY(s->ps->arena, int, r->ncols + 1));
    TRY_ALLOC(s->ctx, v->why_not, ARENA_ARRAY(s->ps->arena, const char *, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) {
        attrs[i] = -1;
        v->why_not[i] = f->col_why_not[i];
        const Column *c = f->base_names[i] != NULL ? relation_column(source->relation, f->base_names[i]) : NULL;
        if (c == NULL) continue;
        attrs[i] = v->attrs[c->attnum - 1];
        if (attrs[i] < 0) v->why_not[i] = "View columns that are not columns of their base relation are not updatable.";
        if (attrs[i] >= 0 && r->cols[i].default_sql != NULL) v->defaults[attrs[i]] = r->cols[i].default_sql;
    }
    v->attrs = attrs;
    return QN_OK;
}

/* Its target list as expressions over the table, and its condition. */
static Status
bind_parts(Scope *vs, const Relation *r, const ViewForm *f, NsItem *source, Expr ***exprs_out, ExprList *conds)
{
    SelectState *st;
    Expr **exprs;
    TRY(ns_push(vs, &vs->items, source));
    TRY_ALLOC(vs->ctx, st, ARENA_NEW(vs->ps->arena, SelectState));
    st->scope = vs;
    TRY(bind_targets(st, &f->query->targets, CLAUSE_SELECT));
    if (st->targets.count != r->ncols)
        return RAISE(vs->ctx, ERR_DATA_CORRUPTED, "view \"%s\" has %d columns but its query %d", r->name, r->ncols, st->targets.count);
    TRY_ALLOC(vs->ctx, exprs, ARENA_ARRAY(vs->ps->arena, Expr *, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) {
        TRY(resolve_unknown(vs, &st->targets.items[i].expr));
        exprs[i] = st->targets.items[i].expr;
    }
    *exprs_out = exprs;
    return f->query->where != NULL ? bind_condition(vs, f->query->where, CLAUSE_WHERE, "WHERE", conds) : QN_OK;
}

static Status
bind_inside(Scope *s, const Relation *r, const ViewForm *f, int lock_mode, Clause clause, ViewTarget *v, LNode **node,
            Expr ***exprs_out)
{
    Scope *vs;
    NsItem *source;
    ExprList conds = {0};
    TRY(scope_new(s->b, NULL, &vs));
    vs->level = s->level;
    int level = v->nlevels++;
    if (level == VIEW_LEVELS_MAX) return RAISE(s->ctx, ERR_STATEMENT_TOO_COMPLEX, "views are nested too deeply at \"%s\"", r->name);
    TRY(bind_source(vs, f->from, lock_mode, clause, v, node, &source));
    TRY(map_columns(s, r, f, source, v));
    TRY(bind_parts(vs, r, f, source, exprs_out, &conds));
    v->levels[level] = (ViewLevel){.view = r, .conds = conds};
    return QN_OK;
}

Status
bind_view_target(Scope *s, const Relation *r, const Alias *alias, int lock_mode, Clause clause, ViewTarget *v, LNode **node,
                 NsItem **item)
{
    Ctx *ctx = s->ctx;
    ViewForm f;
    Expr **exprs;
    const char **names;
    struct Settings *settings;
    const struct Settings *saved = ctx->settings;
    TRY(ctx_check_depth(ctx));
    TRY(view_form(ctx, s->ps->arena, r, &f));
    if (f.why_not != NULL) return raise_not_updatable(s, r, f.why_not, clause);
    if (saved != NULL && r->view_path != NULL) {
        TRY_ALLOC(ctx, settings, arena_memdup(s->ps->arena, saved, sizeof(*settings)));
        settings->search_path = r->view_path;
        ctx->settings = settings;
    }
    s->b->view_depth++;
    Status st = bind_inside(s, r, &f, lock_mode, clause, v, node, &exprs);
    s->b->view_depth--;
    ctx->settings = saved;
    if (st != QN_OK) {
        ctx->err.position = 0;
        return st;
    }
    v->view = r;
    TRY_ALLOC(ctx, names, ARENA_ARRAY(s->ps->arena, const char *, r->ncols + 1));
    for (int i = 0; i < r->ncols; i++) names[i] = r->cols[i].name;
    TRY(new_item(s, NULL, alias != NULL ? alias->name : r->name, r->ncols, names, item));
    (*item)->relation = r;
    (*item)->exprs = exprs;
    return apply_alias_columns(s, alias, *item);
}

/* ---- the same over another row ---- */

typedef struct Move {
    PlanState *ps;
    int from, to;
    const int *map; /* column of the table in the other row; NULL: the same */
} Move;

static Status
move_column(Ctx *ctx, Expr **slot, void *arg)
{
    const Move *m = arg;
    Expr *e = *slot;
    if (e->tag == EXPR_Const) return QN_OK;
    if (e->tag == EXPR_ColumnRef) {
        ColumnRefExpr *c = (ColumnRefExpr *)e;
        if (c->rel != m->from) return QN_OK;
        c->rel = m->to;
        if (m->map != NULL && c->col >= 0) c->col = m->map[c->col];
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    if (e->tag == EXPR_SubPlan && ((SubPlanExpr *)e)->query != NULL)
        TRY(query_walk_exprs(ctx, ((SubPlanExpr *)e)->query, move_column, arg));
    return expr_children(ctx, e, move_column, arg);
}

static Status
moved(Scope *s, const ViewTarget *v, const Expr *e, int rel, const int *map, Expr **out)
{
    Move m = {.ps = s->ps, .from = v->base_node->rel, .to = rel, .map = map};
    TRY_ALLOC(s->ctx, *out, expr_copy(s->ps->arena, e));
    return move_column(s->ctx, out, &m);
}

Status
view_row_item(Scope *s, const ViewTarget *v, const NsItem *like, int rel, const char *name, NsItem **out)
{
    NsItem *item;
    TRY_ALLOC(s->ctx, item, arena_memdup(s->ps->arena, like, sizeof(*like)));
    item->name = name;
    item->rel = rel;
    TRY_ALLOC(s->ctx, item->exprs, ARENA_ARRAY(s->ps->arena, Expr *, like->ncols + 1));
    for (int i = 0; i < like->ncols; i++) TRY(moved(s, v, like->exprs[i], rel, NULL, &item->exprs[i]));
    *out = item;
    return QN_OK;
}

/* All conditions of a level, true and not NULL. */
static Status
level_check(Scope *s, const ViewTarget *v, const ViewLevel *l, int rel, const int *map, Expr **out)
{
    Expr **conds, *all;
    BoolTestExpr *test;
    TRY_ALLOC(s->ctx, conds, ARENA_ARRAY(s->ps->arena, Expr *, l->conds.count));
    for (int i = 0; i < l->conds.count; i++) TRY(moved(s, v, l->conds.items[i], rel, map, &conds[i]));
    TRY(make_bool(s->ps, BOOL_AND, conds, l->conds.count, 0, &all));
    TRY_ALLOC(s->ctx, test, EXPR_NEW(s->ps->arena, BoolTest, TYPE_BOOL, -1, 0));
    test->arg = all;
    test->kind = IS_TRUE;
    *out = &test->base;
    return QN_OK;
}

/* A subquery in a condition is one object: to look at another row it is bound once more. */
static Status
own_conditions(Scope *s, const ViewTarget **v)
{
    bool has_subplan = false;
    ViewTarget *fresh;
    LNode *node;
    NsItem *item;
    for (int i = 0; i < (*v)->nlevels && !has_subplan; i++)
        for (int k = 0; k < (*v)->levels[i].conds.count && !has_subplan; k++)
            TRY(expr_has_subplan(s->ctx, (*v)->levels[i].conds.items[k], &has_subplan));
    if (!has_subplan) return QN_OK;
    TRY_ALLOC(s->ctx, fresh, ARENA_NEW(s->ps->arena, ViewTarget));
    TRY(bind_view_target(s, (*v)->view, NULL, LOCK_ACCESS_SHARE_MODE, CLAUSE_UPDATE, fresh, &node, &item));
    *v = fresh;
    return QN_OK;
}

Status
view_checks(Scope *s, const ViewTarget *v, ModifyTarget *t)
{
    bool wanted[VIEW_LEVELS_MAX], cascaded = false;
    const char **names;
    int n = 0;
    for (int i = 0; i < v->nlevels; i++) { /* from the view that was named down */
        char check = v->levels[i].view->view_check;
        wanted[i] = (cascaded || check != 0) && v->levels[i].conds.count > 0;
        cascaded |= check == 'c';
        n += wanted[i];
    }
    if (n == 0) return QN_OK;
    TRY(own_conditions(s, &v));
    TRY_ALLOC(s->ctx, names, ARENA_ARRAY(s->ps->arena, const char *, t->checks.count + n));
    if (t->checks.count > 0) memcpy(names, t->check_names, sizeof(char *) * (size_t)t->checks.count);
    t->check_names = names;
    for (int i = v->nlevels - 1; i >= 0; i--) { /* the innermost is asked first */
        Expr *e;
        if (!wanted[i]) continue;
        TRY(level_check(s, v, &v->levels[i], t->row_rel, t->map, &e));
        names[t->checks.count] = v->levels[i].view->name;
        TRY(array_push(s->ctx, s->ps->arena, &t->checks, e));
        t->nview_checks++;
    }
    return QN_OK;
}

Status
view_filter(Scope *s, const ViewTarget *v, LNode **root)
{
    for (int i = v->nlevels - 1; i >= 0; i--) {
        ExprList conds = {0};
        for (int k = 0; k < v->levels[i].conds.count; k++) {
            Expr *e;
            TRY_ALLOC(s->ctx, e, expr_copy(s->ps->arena, v->levels[i].conds.items[k]));
            TRY(array_push(s->ctx, s->ps->arena, &conds, e));
        }
        if (conds.count > 0) TRY(add_filter(s, root, &conds));
    }
    return QN_OK;
}
