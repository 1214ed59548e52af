/* bind_dml.c - INSERT, UPDATE, DELETE: target columns, assignment casts, defaults, ON CONFLICT, RETURNING, the
 * expressions of constraints and generated columns. */
#include "planner/bind_dml.h"
#include "planner/indexexpr.h"
#include "planner/opt.h"
#include "planner/predtest.h"
#include "planner/rewrite.h"

static Status
row_item(Scope *s, const Relation *r, int rel, const char *name, NsItem **out)
{
    NsItem *item;
    TRY_ALLOC(s->ctx, item, ARENA_NEW(s->ps->arena, NsItem));
    item->name = name;
    item->relation = r;
    item->rel = rel;
    item->ncols = r->ncols;
    item->rel_visible = item->cols_visible = item->lateral_ok = true;
    item->has_alias = strcmp(name, r->name) != 0;
    TRY(rel_set_level(s, rel));
    *out = item;
    return QN_OK;
}

/* A row of the table as the statement knows it: with a view, the view's columns. */
static Status
own_row_item(Dml *d, int rel, const char *name, NsItem **out)
{
    TRY(rel_set_level(d->s, rel));
    if (d->view != NULL) return view_row_item(d->s, d->view, d->named, rel, name, out);
    return row_item(d->s, d->r, rel, name, out);
}

/* The relation that errors name. */
static const Relation *
named_relation(const Dml *d)
{
    return d->view != NULL ? d->view->view : d->r;
}

Status
dml_begin(Scope *s, DmlKind kind, NsItem *named, ViewTarget *view, Dml *d)
{
    const Relation *r = view != NULL ? view->base : named->relation;
    const char *alias = named->name;
    d->s = s;
    d->r = r;
    d->view = view;
    d->named = named;
    TRY_ALLOC(s->ctx, d->m, LNODE_NEW(s->ps, Modify, r->ncols));
    d->m->kind = kind;
    d->m->relation = r;
    d->m->alias = alias;
    s->ps->rels[d->m->base.rel].alias = alias;
    TRY_ALLOC(s->ctx, d->values, ARENA_ARRAY(s->ps->arena, Expr *, r->ncols + 1));
    return own_row_item(d, d->m->base.rel, alias, &d->new_row);
}

/* ---- stored expressions ---- */

static Status
raise_assignment(Scope *s, const Column *c, const Expr *e, const char *what)
{
    Status st = RAISE(s->ctx, ERR_DATATYPE_MISMATCH, "column \"%s\" is of type %s but %s is of type %s", c->name, type_text(s->ps, c->type),
                      what, type_text(s->ps, e->type));
    st = err_hint(s->ctx, st, "You will need to rewrite or cast the expression.");
    return err_position(s->ctx, st, expr_location(e));
}

static Status
assign_cast(Scope *s, const Column *c, Expr **slot)
{
    Expr *e = *slot;
    if (e->type == c->type && (c->typmod < 0 || c->typmod == e->typmod)) return QN_OK;
    TRY(coerce_to_target(s->ps, e, c->type, c->typmod, CAST_ASSIGNMENT, COERCE_IMPLICIT, -1, slot));
    return *slot != NULL ? QN_OK : raise_assignment(s, c, e, "expression");
}

static Status
column_default(Dml *d, const Column *c, Expr **out)
{
    Scope *s = d->s;
    const char *view_default = d->view != NULL && c->generated == 0 ? d->view->defaults[c->attnum - 1] : NULL;
    const char *sql = view_default != NULL ? view_default : c->default_sql;
    if (sql == NULL) { /* the type may have one */
        const UserType *t;
        TRY(catalog_user_type(s->ctx, c->type, &t));
        if (t != NULL) sql = t->default_sql;
    }
    if (sql == NULL || c->generated != 0) {
        TRY_ALLOC(s->ctx, *out, make_null_const(s->ps, TYPE_UNKNOWN, -1));
        return assign_cast(s, c, out);
    }
    TRY(bind_stored(s, sql, NULL, CLAUSE_NONE, out));
    return assign_cast(s, c, out);
}

/* ---- targets ---- */

typedef struct TableOid {
    Scope *s;
    const ModifyTarget *t;
} TableOid;

/* A row that is being written knows its table. */
static Status
put_table_oid(Ctx *ctx, Expr **slot, void *arg)
{
    const TableOid *w = arg;
    const ColumnRefExpr *c = (const ColumnRefExpr *)*slot;
    if (c->base.tag == EXPR_ColumnRef) {
        if (c->rel != w->t->row_rel || c->col != SCANCOL_TABLEOID) return QN_OK;
        ConstExpr *k;
        TRY_ALLOC(ctx, k, EXPR_NEW(w->s->ps->arena, Const, TYPE_OID, -1, 0));
        k->value = (Value){.type = TYPE_OID, .phys = PHYS_I32, .i32 = (int32_t)w->t->rel->oid};
        *slot = &k->base;
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, put_table_oid, arg);
}

static Status
target_generated(Scope *s, NsItem *row, ModifyTarget *t)
{
    TableOid oid = {s, t};
    TRY_ALLOC(s->ctx, t->generated_cols, ARENA_ARRAY(s->ps->arena, int, t->rel->ncols + 1));
    for (int i = 0; i < t->rel->ncols; i++) {
        const Column *c = &t->rel->cols[i];
        Expr *e;
        if (c->dropped || c->generated == 0) continue;
        TRY(bind_stored(s, c->default_sql, row, CLAUSE_GENERATED, &e));
        TRY(assign_cast(s, c, &e));
        TRY(put_table_oid(s->ctx, &e, &oid));
        t->generated_cols[t->generated.count] = i;
        TRY(array_push(s->ctx, s->ps->arena, &t->generated, e));
    }
    return QN_OK;
}

static Status
target_checks(Scope *s, NsItem *row, ModifyTarget *t)
{
    TableOid oid = {s, t};
    TRY_ALLOC(s->ctx, t->check_names, ARENA_ARRAY(s->ps->arena, const char *, t->rel->nconstraints + 1));
    for (int i = 0; i < t->rel->nconstraints; i++) {
        const RelConstraint *c = t->rel->constraints[i];
        if (c->kind != CONSTRAINT_CHECK) continue;
        Expr *e;
        TRY(bind_stored(s, c->check_sql, row, CLAUSE_CHECK, &e));
        TRY(coerce_to_boolean(s->ps, &e, "CHECK"));
        TRY(put_table_oid(s->ctx, &e, &oid));
        int at = t->checks.count; /* evaluated in order of name */
        TRY(array_push(s->ctx, s->ps->arena, &t->checks, e));
        for (; at > 0 && strcmp(t->check_names[at - 1], c->name) > 0; at--) {
            t->check_names[at] = t->check_names[at - 1];
            t->checks.items[at] = t->checks.items[at - 1];
        }
        t->check_names[at] = c->name;
        t->checks.items[at] = e;
    }
    return QN_OK;
}

/* The index of rel that stands for index `oid` of the named table. */
static int
index_for(const MemberList *members, const Member *m, Oid oid)
{
    if (m->up >= 0) {
        const Member *up = &members->items[m->up];
        int above = index_for(members, up, oid);
        if (above < 0) return -1;
        oid = up->rel->indexes[above]->oid;
    }
    for (int i = 0; i < m->rel->nindexes; i++)
        if ((m->up >= 0 ? m->rel->indexes[i]->parent_index : m->rel->indexes[i]->oid) == oid) return i;
    return -1;
}

static Status
target_arbiters(Dml *d, const Member *m, const MemberList *members, ModifyTarget *t)
{
    const OnConflict *oc = d->m->on_conflict;
    int *list;
    if (members == NULL || oc->narbiters == 0) return QN_OK;
    TRY_ALLOC(d->s->ctx, list, ARENA_ARRAY(d->s->ps->arena, int, oc->narbiters));
    for (int i = 0; i < oc->narbiters; i++) {
        list[i] = index_for(members, m, d->r->indexes[oc->arbiters[i]]->oid);
        if (list[i] < 0) /* CREATE INDEX ON ONLY, not completed yet */
            return RAISE(d->s->ctx, ERR_INVALID_COLUMN_REFERENCE, "there is no unique or exclusion constraint matching the ON CONFLICT specification");
    }
    t->arbiters = list;
    return QN_OK;
}

static Status
bind_target(Dml *d, const Member *m, const MemberList *members, ModifyTarget *t)
{
    Scope *s = d->s;
    NsItem *row;
    t->rel = m->rel;
    t->map = m->map;
    if (m->rel == d->r) {
        t->row_rel = d->m->base.rel;
    } else {
        LGet *g; /* its rows are columns of no scan, but have types */
        TRY_ALLOC(s->ctx, g, LNODE_NEW(s->ps, Get, m->rel->ncols));
        g->relation = m->rel;
        t->row_rel = g->base.rel;
    }
    if (d->m->kind == DML_DELETE) return QN_OK;
    TRY(row_item(s, m->rel, t->row_rel, m->rel->name, &row));
    TRY(target_generated(s, row, t));
    TRY(target_checks(s, row, t));
    if (d->view != NULL) TRY(view_checks(s, d->view, t));
    return d->m->on_conflict != NULL ? target_arbiters(d, m, members, t) : QN_OK;
}

/* Whether an UPDATE may send rows elsewhere. */
static bool
assigns_partition_key(const Dml *d, const MemberList *members)
{
    for (int i = 0; i < members->count; i++) {
        const Relation *rel = members->items[i].rel;
        const PartitionKey *k = rel->partition_key;
        for (int n = 0; k != NULL && n < k->nkeys; n++) {
            if (k->attnums[n] == 0) return true;
            for (int c = 0; c < d->r->ncols; c++)
                if (d->values[c] != NULL && strcmp(d->r->cols[c].name, rel->cols[k->attnums[n] - 1].name) == 0) return true;
        }
    }
    return false;
}

Status
bind_targets_of(Dml *d, const LNode *node)
{
    LModify *m = d->m;
    const LAppend *a = node->tag == LOGICAL_Append ? (const LAppend *)node : NULL;
    Member own = {.rel = d->r};
    m->ntargets = a != NULL ? a->nchildren : 1;
    TRY_ALLOC(d->s->ctx, m->targets, ARENA_ARRAY(d->s->ps->arena, ModifyTarget, m->ntargets + 1));
    for (int i = 0; i < m->ntargets; i++)
        TRY(bind_target(d, a != NULL ? &a->children[i].member : &own, a != NULL ? &a->members : NULL, &m->targets[i]));
    if (m->kind == DML_DELETE) return QN_OK;
    TRY(bind_partition_above(d->s, d->r, d->new_row, &m->above, &m->nabove));
    if (d->r->partitions == NULL || (m->kind == DML_UPDATE && !assigns_partition_key(d, &a->members))) return QN_OK;
    return bind_partition_steps(d->s, &a->members, d->new_row, &m->steps, &m->nsteps);
}

void
forget_generated(const Relation *r, Expr **values)
{
    for (int i = 0; i < r->ncols; i++)
        if (r->cols[i].generated != 0) values[i] = NULL;
}

/* Everything assigned becomes m->exprs and m->cols. */
static Status
set_exprs(Dml *d)
{
    LModify *m = d->m;
    TRY_ALLOC(d->s->ctx, m->cols, ARENA_ARRAY(d->s->ps->arena, int, d->r->ncols + 1));
    for (int i = 0; i < d->r->ncols; i++) {
        if (d->values[i] == NULL) continue;
        m->cols[m->ncols_set++] = i;
        TRY(array_push(d->s->ctx, d->s->ps->arena, &m->exprs, d->values[i]));
    }
    m->base.left = d->root;
    return QN_OK;
}

static Status
bind_returning(Dml *d, const AstList *returning, Query **out)
{
    Scope *s = d->s;
    Query *q;
    TRY_ALLOC(s->ctx, q, ARENA_NEW(s->ps->arena, Query));
    q->root = (LNode *)d->m;
    *out = q;
    if (returning->count == 0) return QN_OK;
    SelectState *st;
    TRY_ALLOC(s->ctx, st, ARENA_NEW(s->ps->arena, SelectState));
    st->scope = s;
    TRY(bind_targets(st, returning, CLAUSE_RETURNING));
    int n = st->targets.count;
    TRY_ALLOC(s->ctx, d->m->returning_names, ARENA_ARRAY(s->ps->arena, const char *, n + 1));
    for (int i = 0; i < n; i++) {
        TRY(resolve_unknown(s, &st->targets.items[i].expr));
        TRY(array_push(s->ctx, s->ps->arena, &d->m->returning, st->targets.items[i].expr));
        TRY(array_push(s->ctx, s->ps->arena, &q->out, st->targets.items[i].expr));
        d->m->returning_names[i] = st->targets.items[i].name;
    }
    q->out_names = d->m->returning_names;
    return QN_OK;
}

/* The attribute a name means; with a view, of the table below. */
static Status
target_column(Dml *d, const ResTarget *t, Clause clause, int *out)
{
    Scope *s = d->s;
    const Relation *r = named_relation(d);
    for (int i = 0; i < r->ncols; i++)
        if (!r->cols[i].dropped && strcmp(r->cols[i].name, t->name) == 0) {
            *out = i;
            return d->view != NULL ? view_target_column(s, d->view, i, clause, out) : QN_OK;
        }
    return err_position(s->ctx, RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", t->name, r->name), t->loc);
}

/* ---- INSERT ---- */

/* What a target takes: the column's type, or that of the part. */
static Status
target_type(Dml *d, const Targets *t, int i, Column *out)
{
    *out = d->r->cols[t->cols[i]];
    if (t->parts[i] == NULL) return QN_OK;
    return bind_part_type(d->s, t->parts[i], &d->r->cols[t->cols[i]], &out->type, &out->typmod);
}

/* The target's value goes to its column. */
static Status
set_target(Dml *d, const Targets *t, int i, Expr *value)
{
    Expr **slot = &d->values[t->cols[i]];
    if (t->parts[i] != NULL) return bind_part_assignment(d->s, t->parts[i], &d->r->cols[t->cols[i]], *slot, value, slot);
    *slot = value;
    return QN_OK;
}

Status
insert_columns(Dml *d, const InsertStmt *stmt, Targets *t)
{
    Scope *s = d->s;
    int max = named_relation(d)->ncols > d->r->ncols ? named_relation(d)->ncols : d->r->ncols;
    if (stmt->columns.count > max) max = stmt->columns.count;
    TRY_ALLOC(s->ctx, t->cols, ARENA_ARRAY(s->ps->arena, int, max + 1));
    TRY_ALLOC(s->ctx, t->parts, ARENA_ARRAY(s->ps->arena, const ResTarget *, max + 1));
    t->explicit = stmt->columns.count > 0;
    if (!t->explicit && d->view != NULL) {
        t->n = d->view->view->ncols;
        memcpy(t->cols, d->view->attrs, sizeof(int) * (size_t)t->n);
        return QN_OK;
    }
    if (!t->explicit) {
        for (int i = 0; i < d->r->ncols; i++)
            if (!d->r->cols[i].dropped) t->cols[t->n++] = i;
        return QN_OK;
    }
    uint8_t *seen; /* 1: in parts, 2: whole */
    TRY_ALLOC(s->ctx, seen, ARENA_ARRAY(s->ps->arena, uint8_t, d->r->ncols + 1));
    for (int i = 0; i < stmt->columns.count; i++) {
        const ResTarget *rt = AST_AS(ResTarget, stmt->columns.items[i]);
        int col;
        TRY(target_column(d, rt, CLAUSE_INSERT, &col));
        bool part = rt->path.count > 0;
        if (seen[col] != 0 && !(part && seen[col] == 1))
            return err_position(s->ctx, RAISE(s->ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" specified more than once", rt->name), rt->loc);
        seen[col] = part ? 1 : 2;
        t->parts[t->n] = part ? rt : NULL;
        t->cols[t->n++] = col;
    }
    return QN_OK;
}

/* n values are given. */
static Status
check_insert_width(Dml *d, const Targets *t, int n, int loc_more, const InsertStmt *stmt)
{
    Scope *s = d->s;
    for (int i = 0; d->view != NULL && !t->explicit && i < n && i < t->n; i++) {
        int attr;
        TRY(view_target_column(s, d->view, i, CLAUSE_INSERT, &attr));
    }
    if (n > t->n)
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "INSERT has more expressions than target columns"), loc_more);
    if (n < t->n && t->explicit) {
        int loc = AST_AS(ResTarget, stmt->columns.items[n])->loc;
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "INSERT has more target columns than expressions"), loc);
    }
    return QN_OK;
}

/* A value somebody wrote for a column that makes its own. *use_default_out: it is put aside. */
static Status
check_overriding(Dml *d, const InsertStmt *stmt, const Column *c, bool is_default, bool *use_default_out)
{
    Scope *s = d->s;
    *use_default_out = is_default;
    if (is_default) return QN_OK;
    if (c->identity != 0 && stmt->overriding == AST_OVERRIDING_USER) {
        *use_default_out = true;
        return QN_OK;
    }
    if (c->generated == 0 && (c->identity != 'a' || stmt->overriding == AST_OVERRIDING_SYSTEM)) return QN_OK;
    Status st = RAISE(s->ctx, ERR_GENERATED_ALWAYS, "cannot insert a non-DEFAULT value into column \"%s\"", c->name);
    if (c->generated != 0) return err_detail(s->ctx, st, "Column \"%s\" is a generated column.", c->name);
    st = err_detail(s->ctx, st, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c->name);
    return err_hint(s->ctx, st, "Use OVERRIDING SYSTEM VALUE to override.");
}

static Status
insert_value(Dml *d, const InsertStmt *stmt, const Column *c, const Ast *a, Expr **out)
{
    bool use_default;
    TRY(check_overriding(d, stmt, c, ast_is(a, SetToDefault), &use_default));
    if (use_default) return column_default(d, c, out);
    TRY(bind_expr(d->s, a, out));
    return assign_cast(d->s, c, out);
}

NOINLINE Status
insert_values(Dml *d, const InsertStmt *stmt, const SelectStmt *sel, const Targets *t)
{
    Scope *s = d->s;
    PlanState *ps = s->ps;
    int nrows = sel->values.count, ncols = AST_AS(ListNode, sel->values.items[0])->items.count;
    ExprList *rows;
    Clause saved = s->clause;
    TRY_ALLOC(s->ctx, rows, ARENA_ARRAY(ps->arena, ExprList, nrows));
    s->clause = nrows > 1 ? CLAUSE_VALUES : CLAUSE_INSERT;
    for (int r = 0; r < nrows; r++) {
        const AstList *row = &AST_AS(ListNode, sel->values.items[r])->items;
        if (row->count != ncols)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "VALUES lists must all be the same length"), ast_location(row->items[0]));
        TRY(check_insert_width(d, t, ncols, ncols > t->n ? ast_location(row->items[t->n]) : 0, stmt));
        TRY_ALLOC(s->ctx, rows[r].items, arena_alloc(ps->arena, sizeof(Expr *) * (size_t)(ncols + 1)));
        rows[r].count = rows[r].cap = ncols;
        for (int c = 0; c < ncols; c++) {
            Column col;
            if (t->parts[c] != NULL) TRY(check_part_default(s, t->parts[c], row->items[c]));
            TRY(target_type(d, t, c, &col));
            TRY(insert_value(d, stmt, &col, row->items[c], &rows[r].items[c]));
        }
    }
    s->clause = saved;
    if (nrows == 1) {
        bool srf = s->has_srfs;
        if (srf) { /* INSERT ... VALUES (generate_series(1, 3)) */
            SelectState *st;
            TRY_ALLOC(s->ctx, st, ARENA_NEW(ps->arena, SelectState));
            st->scope = s;
            TRY_ALLOC(s->ctx, st->root, lnode_new(ps, LOGICAL_OneRow, -1));
            for (int c = 0; c < ncols; c++) {
                Target target = {rows[0].items[c], NULL, false};
                TRY(array_push(s->ctx, ps->arena, &st->targets, target));
            }
            TRY(plan_srfs(st));
            for (int c = 0; c < ncols; c++) TRY(set_target(d, t, c, st->targets.items[c].expr));
            d->root = st->root;
            return QN_OK;
        }
        for (int c = 0; c < ncols; c++) TRY(set_target(d, t, c, rows[0].items[c]));
        TRY_ALLOC(s->ctx, d->root, lnode_new(ps, LOGICAL_OneRow, -1));
        return QN_OK;
    }
    LValues *v;
    TRY_ALLOC(s->ctx, v, LNODE_NEW(ps, Values, ncols));
    TRY(rel_set_level(s, v->base.rel));
    v->rows = rows;
    v->nrows = nrows;
    v->alias = "*VALUES*";
    d->root = (LNode *)v;
    for (int c = 0; c < ncols; c++) {
        ColumnRefExpr *e;
        Column col;
        TRY(target_type(d, t, c, &col));
        TRY_ALLOC(s->ctx, e, EXPR_NEW(ps->arena, ColumnRef, col.type, col.typmod, 0));
        e->rel = v->base.rel;
        e->col = c;
        e->name = col.name;
        TRY(set_target(d, t, c, (Expr *)e));
    }
    return QN_OK;
}

static NOINLINE Status
insert_query(Dml *d, const InsertStmt *stmt, const SelectStmt *sel, const Targets *t)
{
    Scope *s = d->s;
    Query *q;
    TRY(bind_select(s, sel, true, &q));
    int n = q->out.count;
    TRY(check_insert_width(d, t, n, n > t->n ? expr_location(q->out.items[t->n]) : 0, stmt));
    for (int c = 0; c < n; c++) {
        const Column *col = &d->r->cols[t->cols[c]];
        bool use_default;
        Expr *e = q->out.items[c];
        TRY(check_overriding(d, stmt, col, false, &use_default));
        if (!use_default && t->parts[c] == NULL && e->type == TYPE_RECORD && type_is_row(col->type))
            return err_position(s->ctx,
                                RAISE(s->ctx, ERR_CANNOT_COERCE, "cannot cast type record to %s", type_text(s->ps, col->type)),
                                expr_location(e)); /* whose fields only a row in this place would show */
        if (use_default) TRY(column_default(d, col, &e));
        else if (t->parts[c] == NULL) TRY(assign_cast(s, col, &e));
        TRY(set_target(d, t, c, e));
    }
    d->root = q->root;
    return QN_OK;
}

/* ---- ON CONFLICT ---- */

/* What ON CONFLICT (...) [WHERE ...] names: columns, expressions over the new row, conditions. */
typedef struct Inference {
    int *attnums; /* 0: an expression */
    Expr **exprs;
    int n;
    ExprList conds;
} Inference;

static bool
element_is_column(const Inference *inf, int i, const IndexDef *ix, const IndexExprs *exprs, int k)
{
    if (ix->attnums[k] != 0) return inf->attnums[i] == ix->attnums[k];
    return inf->attnums[i] == 0 && expr_equal(opt_strip_relabel(inf->exprs[i]), opt_strip_relabel(exprs->columns[k]));
}

/* The key and the elements are the same set, and the predicate follows from the conditions. */
static Status
index_matches(Dml *d, const IndexDef *ix, const Inference *inf, bool *out)
{
    PlanState *ps = d->s->ps;
    IndexExprs exprs = {0};
    *out = false;
    if (!ix->unique || !ix->valid) return QN_OK;
    if (!index_is_plain(ix)) TRY(bind_index_exprs(ps, d->r, d->m->base.rel, ix, &exprs));
    for (int k = 0; k < ix->nkeys; k++) {
        bool found = false;
        for (int i = 0; i < inf->n && !found; i++) found = element_is_column(inf, i, ix, &exprs, k);
        if (!found) return QN_OK;
    }
    for (int i = 0; i < inf->n; i++) {
        bool found = false;
        for (int k = 0; k < ix->nkeys && !found; k++) found = element_is_column(inf, i, ix, &exprs, k);
        if (!found) return QN_OK;
    }
    *out = predicate_is_implied(ps->ctx, ps->arena, &exprs.predicate, &inf->conds);
    return QN_OK;
}

static Status
inferred_element(Dml *d, const InferClause *clause, const IndexElem *e, int i, Inference *inf)
{
    Scope *s = d->s;
    const char *name = e->name;
    if (e->dir != AST_SORT_DEFAULT)
        return err_position(s->ctx, RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "ASC/DESC is not allowed in ON CONFLICT clause"), clause->loc);
    if (e->nulls != AST_NULLS_DEFAULT)
        return err_position(s->ctx, RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "NULLS FIRST/LAST is not allowed in ON CONFLICT clause"), clause->loc);
    if (name == NULL && ast_is(e->expr, ColumnRef) && ((const ColumnRef *)e->expr)->fields.count == 1)
        name = ast_str(((const ColumnRef *)e->expr)->fields.items[0]);
    if (name == NULL) {
        TRY(bind_expr_in(s, e->expr, CLAUSE_INDEX_EXPR, &inf->exprs[i]));
        return fold_expr(s->ps, &inf->exprs[i]);
    }
    const Column *c = relation_column(named_relation(d), name);
    if (c == NULL) return raise_missing_column(s, NULL, name, e->loc != 0 ? e->loc : clause->loc);
    inf->attnums[i] = d->view != NULL ? d->view->attrs[c->attnum - 1] + 1 : c->attnum;
    return QN_OK;
}

static Status
bind_inference(Dml *d, const InferClause *clause, Inference *inf)
{
    Scope *s = d->s;
    inf->n = clause->elems.count;
    TRY_ALLOC(s->ctx, inf->attnums, ARENA_ARRAY(s->ps->arena, int, inf->n + 1));
    TRY_ALLOC(s->ctx, inf->exprs, ARENA_ARRAY(s->ps->arena, Expr *, inf->n + 1));
    for (int i = 0; i < inf->n; i++) TRY(inferred_element(d, clause, AST_AS(IndexElem, clause->elems.items[i]), i, inf));
    if (clause->where == NULL) return QN_OK;
    Expr *e;
    TRY(bind_expr_in(s, clause->where, CLAUSE_INDEX_PREDICATE, &e));
    TRY(coerce_to_boolean(s->ps, &e, "WHERE"));
    TRY(fold_expr(s->ps, &e));
    return array_push(s->ctx, s->ps->arena, &inf->conds, e);
}

static Status
infer_arbiters(Dml *d, const InferClause *inf, OnConflict *oc)
{
    Scope *s = d->s;
    TRY_ALLOC(s->ctx, oc->arbiters, ARENA_ARRAY(s->ps->arena, int, d->r->nindexes + 1));
    if (inf->constraint != NULL) {
        const RelConstraint *c = relation_constraint(d->r, inf->constraint);
        if (c == NULL) {
            Status st = RAISE(s->ctx, ERR_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%s\" does not exist", inf->constraint, d->r->name);
            return err_position(s->ctx, st, inf->loc);
        }
        for (int i = 0; i < d->r->nindexes; i++)
            if (d->r->indexes[i]->constraint_oid == c->oid) oc->arbiters[oc->narbiters++] = i;
        if (oc->narbiters == 0) return RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "constraint in ON CONFLICT clause has no associated index");
        return QN_OK;
    }
    Inference inference = {0};
    TRY(bind_inference(d, inf, &inference));
    for (int i = 0; i < d->r->nindexes; i++) {
        bool matches;
        TRY(index_matches(d, d->r->indexes[i], &inference, &matches));
        if (matches) oc->arbiters[oc->narbiters++] = i;
    }
    if (oc->narbiters == 0)
        return RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "there is no unique or exclusion constraint matching the ON CONFLICT specification");
    return QN_OK;
}

static NOINLINE Status
bind_on_conflict(Dml *d, const OnConflictClause *c)
{
    Scope *s = d->s;
    PlanState *ps = s->ps;
    OnConflict *oc;
    TRY_ALLOC(s->ctx, oc, ARENA_NEW(ps->arena, OnConflict));
    d->m->on_conflict = oc;
    oc->action = c->action == AST_CONFLICT_NOTHING ? ONCONFLICT_NOTHING : ONCONFLICT_UPDATE;
    if (oc->action == ONCONFLICT_UPDATE && c->infer == NULL) {
        Status st = RAISE(s->ctx, ERR_SYNTAX_ERROR, "ON CONFLICT DO UPDATE requires inference specification or constraint name");
        st = err_hint(s->ctx, st, "For example, ON CONFLICT (column_name).");
        return err_position(s->ctx, st, c->loc);
    }
    s->items.count = 0;
    TRY(ns_push(s, &s->items, d->new_row));
    TRY(ns_push(s, &s->all, d->new_row));
    if (c->infer != NULL) TRY(infer_arbiters(d, AST_AS(InferClause, c->infer), oc));
    if (oc->action == ONCONFLICT_NOTHING) return QN_OK;

    /* excluded is a relation of its own that no scan produces. */
    LGet *excluded;
    NsItem *item;
    TRY_ALLOC(s->ctx, excluded, LNODE_NEW(ps, Get, d->r->ncols));
    excluded->relation = d->r;
    excluded->alias = "excluded";
    ps->rels[excluded->base.rel].alias = "excluded";
    d->m->excluded_rel = excluded->base.rel;
    TRY(own_row_item(d, excluded->base.rel, "excluded", &item));
    TRY(ns_push(s, &s->items, item));
    TRY(ns_push(s, &s->all, item));
    Expr **values;
    TRY_ALLOC(s->ctx, values, ARENA_ARRAY(ps->arena, Expr *, d->r->ncols + 1));
    TRY(update_targets(d, &c->targets, values));
    if (c->where != NULL) {
        TRY(bind_expr_in(s, c->where, CLAUSE_WHERE, &oc->where));
        TRY(coerce_to_boolean(ps, &oc->where, "WHERE"));
    }
    forget_generated(d->r, values);
    TRY_ALLOC(s->ctx, oc->set_cols, ARENA_ARRAY(ps->arena, int, d->r->ncols + 1));
    for (int i = 0; i < d->r->ncols; i++) {
        if (values[i] == NULL) continue;
        oc->set_cols[oc->set.count] = i;
        TRY(array_push(s->ctx, ps->arena, &oc->set, values[i]));
    }
    return QN_OK;
}

NOINLINE Status
insert_defaults(Dml *d)
{
    for (int i = 0; i < d->r->ncols; i++) {
        const Column *c = &d->r->cols[i];
        if (c->dropped || c->generated != 0) {
            d->values[i] = NULL;
            continue;
        }
        if (d->values[i] == NULL) TRY(column_default(d, c, &d->values[i]));
    }
    return QN_OK;
}

NOINLINE Status
bind_insert(Scope *parent, const InsertStmt *stmt, Query **out)
{
    Scope *s;
    Dml d = {0};
    Targets t = {0};
    LNode *node;
    NsItem *item;
    ViewTarget *view;
    const RangeVar *rv = AST_AS(RangeVar, stmt->rel);

    TRY(scope_new(parent->b, parent, &s));
    if (stmt->with != NULL) TRY(bind_with(s, AST_AS(WithClause, stmt->with)));
    s->clause = CLAUSE_INSERT;
    TRY(bind_target_relation(s, rv, LOCK_ROW_EXCLUSIVE_MODE, &node, &item, &view));
    s->all.count = 0; /* the target is not in sight of VALUES or SELECT */
    TRY(dml_begin(s, DML_INSERT, item, view, &d));
    d.new_row->has_alias = rv->alias != NULL;
    TRY(insert_columns(&d, stmt, &t));
    const SelectStmt *sel = AST_AS(SelectStmt, stmt->select);
    if (sel == NULL) TRY_ALLOC(s->ctx, d.root, lnode_new(s->ps, LOGICAL_OneRow, -1));
    else if (sel->values.count > 0 && sel->with == NULL && sel->order_by.count == 0 && sel->limit == NULL && sel->offset == NULL && sel->locking.count == 0)
        TRY(insert_values(&d, stmt, sel, &t));
    else
        TRY(insert_query(&d, stmt, sel, &t));
    TRY(insert_defaults(&d));
    TRY(set_exprs(&d));
    s->clause = CLAUSE_NONE;
    s->has_srfs = false;
    if (stmt->on_conflict != NULL) TRY(bind_on_conflict(&d, AST_AS(OnConflictClause, stmt->on_conflict)));
    TRY(bind_targets_of(&d, node));
    s->items.count = s->all.count = 0;
    TRY(ns_push(s, &s->items, d.new_row));
    TRY(ns_push(s, &s->all, d.new_row));
    return bind_returning(&d, &stmt->returning, out);
}

/* ---- UPDATE ---- */

static bool
holds_star(const AstList *args)
{
    for (int i = 0; i < args->count; i++) {
        const ColumnRef *c = (const ColumnRef *)args->items[i];
        if (ast_is(args->items[i], ColumnRef) && ast_is(c->fields.items[c->fields.count - 1], A_Star)) return true;
    }
    return false;
}

/* (a, b) = ROW(t.*): how many values it has is known when the row is bound. */
static Status
starred_value(Scope *s, const MultiAssignRef *m, Expr **out)
{
    Expr *e;
    TRY(bind_expr(s, m->source, &e));
    const RowExpr *row = (const RowExpr *)e;
    if (e->tag != EXPR_Row || row->fields.count != m->ncolumns)
        return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "number of columns does not match number of values"), ast_location(m->source));
    *out = row->fields.items[m->column - 1];
    return QN_OK;
}

/* (a, b) = (SELECT ...): column by column. */
static Status
multi_value(Dml *d, const MultiAssignRef *m, const Column *c, Expr **out)
{
    Scope *s = d->s;
    if (ast_is(m->source, A_RowExpr)) {
        const AstList *args = &((const A_RowExpr *)m->source)->args;
        if (holds_star(args)) return starred_value(s, m, out);
        if (args->count != m->ncolumns)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "number of columns does not match number of values"), ast_location(m->source));
        const Ast *a = args->items[m->column - 1];
        if (ast_is(a, SetToDefault)) return column_default(d, c, out);
        return bind_expr(s, a, out);
    }
    if (ast_is(m->source, SubLink) && ((const SubLink *)m->source)->kind == AST_SUBLINK_EXPR) {
        const SubLink *l = (const SubLink *)m->source;
        Query *q;
        SubPlanExpr *e;
        TRY(bind_select(s, AST_AS(SelectStmt, l->select), false, &q));
        if (q->out.count != m->ncolumns)
            return err_position(s->ctx, RAISE(s->ctx, ERR_SYNTAX_ERROR, "number of columns does not match number of values"), l->loc);
        q->out.items += m->column - 1;
        q->out_names += m->column - 1;
        q->out.count = q->out.cap = 1;
        TRY_ALLOC(s->ctx, e, EXPR_NEW(s->ps->arena, SubPlan, q->out.items[0]->type, q->out.items[0]->typmod, l->loc));
        e->kind = SUBPLAN_SCALAR;
        e->query = q;
        e->plan = -1;
        s->ps->nsubqueries++;
        *out = (Expr *)e;
        return QN_OK;
    }
    return err_position(s->ctx, RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression"), ast_location(m->source));
}

/* What the column that t assigns a part of holds now; with a view, by the view's name for it. */
static Status
old_value(Dml *d, const ResTarget *t, int col, Expr **out)
{
    const Relation *r = named_relation(d);
    for (int i = 0; d->view != NULL && i < r->ncols; i++)
        if (strcmp(r->cols[i].name, t->name) == 0) col = i;
    return item_column(d->s, d->s->items.items[0], col, 0, out);
}

Status
update_targets(Dml *d, const AstList *targets, Expr **values)
{
    Scope *s = d->s;
    Clause saved = s->clause;
    bool *in_parts; /* by column: what was assigned before was a part */
    TRY_ALLOC(s->ctx, in_parts, ARENA_ARRAY(s->ps->arena, bool, d->r->ncols + 1));
    s->clause = CLAUSE_UPDATE;
    for (int i = 0; i < targets->count; i++) {
        const ResTarget *t = AST_AS(ResTarget, targets->items[i]);
        int col;
        Expr *e;
        TRY(target_column(d, t, CLAUSE_UPDATE, &col));
        const Column *c = &d->r->cols[col];
        bool part = t->path.count > 0;
        if (values[col] != NULL && !(part && in_parts[col]))
            return RAISE(s->ctx, ERR_SYNTAX_ERROR, "multiple assignments to same column \"%s\"", c->name);
        in_parts[col] = part;
        bool is_default = ast_is(t->value, SetToDefault);
        if (!is_default && (c->generated != 0 || c->identity == 'a')) {
            Status st = RAISE(s->ctx, ERR_GENERATED_ALWAYS, "column \"%s\" can only be updated to DEFAULT", c->name);
            return c->generated != 0 ? err_detail(s->ctx, st, "Column \"%s\" is a generated column.", c->name)
                                     : err_detail(s->ctx, st, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.", c->name);
        }
        if (is_default) TRY(column_default(d, c, &e));
        else if (ast_is(t->value, MultiAssignRef)) TRY(multi_value(d, (const MultiAssignRef *)t->value, c, &e));
        else TRY(bind_expr(s, t->value, &e));
        if (part) {
            Expr *old = values[col];
            TRY(check_part_default(s, t, t->value));
            if (old == NULL) TRY(old_value(d, t, col, &old));
            TRY(bind_part_assignment(s, t, c, old, e, &values[col]));
            continue;
        }
        TRY(assign_cast(s, c, &e));
        values[col] = e;
    }
    s->clause = saved;
    return QN_OK;
}

/* WHERE CURRENT OF c: ctid = pg_current_of('c', target, tableoid). */
static Status
bind_current_of(Scope *s, const NsItem *target, const CurrentOfExpr *c, ExprList *conds)
{
    PlanState *ps = s->ps;
    FuncExpr *call;
    Expr **args, *tid, *cond;
    Value name = value_str(TYPE_TEXT, str_make(c->cursor, strlen(c->cursor)));
    Value table = value_i32(TYPE_OID, (int32_t)target->relation->oid);
    TRY_ALLOC(s->ctx, args, ARENA_ARRAY(ps->arena, Expr *, 3));
    TRY_ALLOC(s->ctx, args[0], make_const(ps, &name, -1, c->loc));
    TRY_ALLOC(s->ctx, args[1], make_const(ps, &table, -1, c->loc));
    TRY(item_column(s, target, SCANCOL_TABLEOID, c->loc, &args[2]));
    TRY(item_column(s, target, SCANCOL_TID, c->loc, &tid));
    TRY(make_func(ps, fn_by_oid(OID_FN_CURRENT_OF), args, 3, TYPE_TID, c->loc, &call));
    TRY(make_op(ps, NULL, "=", tid, &call->base, c->loc, &cond));
    return array_push(s->ctx, ps->arena, conds, cond);
}

/* FROM or USING beside the target; WHERE. */
static Status
bind_sources(Dml *d, LNode *node, NsItem *target, const AstList *from, const Ast *where)
{
    Scope *s = d->s;
    LNode *others = NULL;
    ExprList conds = {0};
    NsList ns = {0};
    TRY(ns_push(s, &ns, target));
    d->root = node;
    s->clause = CLAUSE_NONE;
    if (d->view != NULL) TRY(view_filter(s, d->view, &d->root));
    if (from->count > 0) {
        /* the target may not be referred to by FROM items, LATERAL or not */
        TRY(bind_from(s, from, &others));
        TRY(ns_check_conflicts(s, &ns, &s->items));
        LJoin *join;
        TRY_ALLOC(s->ctx, join, LNODE_NEW(s->ps, Join, -1));
        join->jointype = JOIN_INNER;
        join->base.left = d->root;
        join->base.right = others;
        d->root = (LNode *)join;
    }
    for (int i = 0; i < s->items.count; i++) TRY(ns_push(s, &ns, s->items.items[i]));
    s->items = ns;
    if (where != NULL && where->tag == AST_CurrentOfExpr && d->view != NULL)
        return RAISE(s->ctx, ERR_FEATURE_NOT_SUPPORTED, "WHERE CURRENT OF on a view is not implemented");
    if (where != NULL && where->tag == AST_CurrentOfExpr)
        TRY(bind_current_of(s, target, AST_AS(CurrentOfExpr, where), &conds));
    else
        TRY(bind_condition(s, where, CLAUSE_WHERE, "WHERE", &conds));
    return add_filter(s, &d->root, &conds);
}

/* RETURNING sees the new row in place of the target. */
static Status
switch_to_new_row(Dml *d, NsItem *target)
{
    Scope *s = d->s;
    d->new_row->has_alias = target->has_alias;
    d->new_row->names = target->names;
    for (int i = 0; i < s->items.count; i++)
        if (s->items.items[i] == target) s->items.items[i] = d->new_row;
    return QN_OK;
}

Status
push_tid(Dml *d, const LNode *node)
{
    static const int cols[] = {SCANCOL_TID, SCANCOL_TABLEOID};
    for (int i = 0; i < (node->tag == LOGICAL_Append ? 2 : 1); i++) {
        Expr *e;
        TRY_ALLOC(d->s->ctx, e, rel_column_ref(d->s->ps, node->rel, cols[i]));
        TRY(array_push(d->s->ctx, d->s->ps->arena, &d->m->exprs, e));
    }
    return QN_OK;
}

NOINLINE Status
bind_update(Scope *parent, const UpdateStmt *stmt, Query **out)
{
    Scope *s;
    Dml d = {0};
    LNode *node;
    NsItem *item;
    ViewTarget *view;
    TRY(scope_new(parent->b, parent, &s));
    if (stmt->with != NULL) TRY(bind_with(s, AST_AS(WithClause, stmt->with)));
    s->clause = CLAUSE_UPDATE;
    TRY(bind_target_relation(s, AST_AS(RangeVar, stmt->rel), LOCK_ROW_EXCLUSIVE_MODE, &node, &item, &view));
    TRY(dml_begin(s, DML_UPDATE, item, view, &d));
    TRY(bind_sources(&d, node, item, &stmt->from, stmt->where));
    TRY(update_targets(&d, &stmt->targets, d.values));
    forget_generated(d.r, d.values);
    TRY(push_tid(&d, node));
    TRY(set_exprs(&d));
    TRY(bind_targets_of(&d, node));
    TRY(switch_to_new_row(&d, item));
    return bind_returning(&d, &stmt->returning, out);
}

/* ---- DELETE ---- */

NOINLINE Status
bind_delete(Scope *parent, const DeleteStmt *stmt, Query **out)
{
    Scope *s;
    Dml d = {0};
    LNode *node;
    NsItem *item;
    ViewTarget *view;
    TRY(scope_new(parent->b, parent, &s));
    if (stmt->with != NULL) TRY(bind_with(s, AST_AS(WithClause, stmt->with)));
    s->clause = CLAUSE_DELETE;
    TRY(bind_target_relation(s, AST_AS(RangeVar, stmt->rel), LOCK_ROW_EXCLUSIVE_MODE, &node, &item, &view));
    TRY(dml_begin(s, DML_DELETE, item, view, &d));
    TRY(bind_sources(&d, node, item, &stmt->using_rels, stmt->where));
    TRY(push_tid(&d, node));
    TRY(set_exprs(&d));
    TRY(bind_targets_of(&d, node));
    TRY(switch_to_new_row(&d, item));
    return bind_returning(&d, &stmt->returning, out);
}
