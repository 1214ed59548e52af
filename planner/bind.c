/* bind.c - the binder's way in; scopes; how names of tables and columns are found, and what is said when not. */
#include "catalog/partition.h"
#include "planner/bind_priv.h"

Status
scope_new(Binder *b, Scope *parent, Scope **out)
{
    Scope *s;
    TRY_ALLOC(b->ctx, s, ARENA_NEW(b->ps->arena, Scope));
    s->ctx = b->ctx;
    s->ps = b->ps;
    s->b = b;
    s->parent = parent;
    s->level = parent != NULL ? parent->level + 1 : 0;
    s->ctes = parent != NULL ? parent->ctes : NULL;
    *out = s;
    return QN_OK;
}

Status
rel_set_level(Scope *s, int rel)
{
    Binder *b = s->b;
    if (rel >= b->rel_level_cap) {
        if (!array_grow(b->ps->arena, (void **)&b->rel_level, &b->rel_level_cap, b->rel_level_cap, rel + 8 - b->rel_level_cap, sizeof(int)))
            return RAISE_OOM(s->ctx);
    }
    b->rel_level[rel] = s->level;
    return QN_OK;
}

Status
ns_push(Scope *s, NsList *list, NsItem *item)
{
    return array_push(s->ctx, s->ps->arena, list, item);
}

/* ---- relations ---- */

Status
add_object_dep(Scope *s, Oid oid, uint64_t version, int lock_mode)
{
    bool is_indirect = s->b->view_depth > 0 || s->ps->inlining.count > 0;
    for (int i = 0; i < s->ps->deps.count; i++) {
        PlanDep *d = &s->ps->deps.items[i];
        if (d->oid != oid) continue;
        if (lock_mode > d->lock_mode) d->lock_mode = lock_mode;
        d->is_indirect &= is_indirect;
        return QN_OK;
    }
    PlanDep dep = {.oid = oid, .version = version, .lock_mode = lock_mode, .is_indirect = is_indirect};
    return array_push(s->ctx, s->ps->arena, &s->ps->deps, dep);
}

Status
add_dep(Scope *s, const Relation *r, int lock_mode)
{
    return add_object_dep(s, r->oid, r->version, lock_mode);
}

/* And its partitions as the transaction sees them. */
Status
relation_as_seen(Scope *s, const Relation **rel)
{
    if ((*rel)->partitions == (*rel)->all_partitions) return QN_OK;
    s->ps->has_detaching = true;
    return partition_table_as_seen(s->ctx, s->ps->arena, *rel, rel);
}

Status
open_relation(Scope *s, const RangeVar *rv, int lock_mode, const Relation **out)
{
    TRY(catalog_relation_required(s->ctx, rv->schema, rv->name, rv->loc, out));
    TRY(relation_as_seen(s, out));
    if ((*out)->kind == RELKIND_INDEX || (*out)->kind == RELKIND_COMPOSITE) {
        Status st = RAISE(s->ctx, ERR_WRONG_OBJECT_TYPE, "cannot open relation \"%s\"", rv->name);
        st = err_detail(s->ctx, st, (*out)->kind == RELKIND_INDEX ? "This operation is not supported for indexes."
                                                                  : "This operation is not supported for composite types.");
        return err_position(s->ctx, st, rv->loc);
    }
    return add_dep(s, *out, lock_mode);
}

/* ---- columns of an item ---- */

const char *
item_column_name(const NsItem *item, int col)
{
    return item->names != NULL ? item->names[col] : item->relation->cols[col].name;
}

bool
item_column_dropped(const NsItem *item, int col)
{
    return item->relation != NULL && item->relation->cols[col].dropped;
}

static int
system_column(const char *name)
{
    static const struct { const char *name; int col; } table[] = {
        {"ctid", SCANCOL_TID}, {"xmin", SCANCOL_XMIN}, {"xmax", SCANCOL_XMAX}, {"tableoid", SCANCOL_TABLEOID}};
    if (name[0] != 'c' && name[0] != 'x' && name[0] != 't') return 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].name, name) == 0) return table[i].col;
    return 0;
}

#define COLUMN_NONE INT32_MIN

/* The column's position, a SCANCOL_, or COLUMN_NONE; *matches_out counts columns of the name. */
int
item_find_column(const NsItem *item, const char *name, int *matches_out)
{
    int found = COLUMN_NONE, n = 0;
    char first = name[0];
    for (int i = 0; i < item->ncols; i++) {
        const char *c = item->names != NULL ? item->names[i] : item->relation->cols[i].name;
        if (c == NULL || c[0] != first || strcmp(c, name) != 0 || item_column_dropped(item, i)) continue;
        if (n++ == 0) found = i;
    }
    if (n == 0 && item->relation != NULL && (relation_has_heap(item->relation->kind) || item->relation->kind == RELKIND_PARTITIONED)) {
        int sys = system_column(name);
        if (item->relation->systable != NULL && sys != SCANCOL_TABLEOID) sys = 0; /* rows made on demand lie nowhere */
        if (sys != 0) found = sys, n = 1;
    }
    *matches_out = n;
    return found;
}

Status
item_column(Scope *s, const NsItem *item, int col, int loc, Expr **out)
{
    if (item->exprs != NULL) {
        TRY_ALLOC(s->ctx, *out, expr_copy(s->ps->arena, item->exprs[col]));
        (*out)->loc = loc;
        return QN_OK;
    }
    Oid type;
    int32_t typmod;
    if (col < 0 && col != SCANCOL_TABLEOID && s->clause == CLAUSE_MERGE_WHEN) {
        const char *name;
        rel_column(s->ps, item->rel, col, NULL, NULL, &name);
        return err_position(s->ctx, RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "cannot use system column \"%s\" in MERGE WHEN condition", name), loc);
    }
    if (item->relation != NULL && col >= 0) {
        type = item->relation->cols[col].type;
        typmod = item->relation->cols[col].typmod;
    } else {
        rel_column(s->ps, item->rel, col, &type, &typmod, NULL);
    }
    ColumnRefExpr *c;
    TRY_ALLOC(s->ctx, c, EXPR_NEW(s->ps->arena, ColumnRef, type, typmod, loc));
    c->rel = item->rel;
    c->col = col;
    if (col >= 0) c->name = item->relation != NULL ? item->relation->cols[col].name : item_column_name(item, col);
    else rel_column(s->ps, item->rel, col, NULL, NULL, &c->name);
    *out = (Expr *)c;
    return QN_OK;
}

/* ---- looking up ---- */

static Status
raise_lateral(Scope *s, const NsItem *item, int loc)
{
    Status st = RAISE(s->ctx, ERR_INVALID_COLUMN_REFERENCE, "invalid reference to FROM-clause entry for table \"%s\"",
                      item->name != NULL ? item->name : "unnamed_join");
    st = err_detail(s->ctx, st, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
    return err_position(s->ctx, st, loc);
}

Status
bind_column_name(Scope *s, const char *name, int loc, bool local_only, Expr **out)
{
    *out = NULL;
    for (Scope *at = s; at != NULL; at = at->parent) {
        NsItem *found = NULL;
        int col = 0;
        for (int i = 0; i < at->items.count; i++) {
            NsItem *item = at->items.items[i];
            int matches;
            if (!item->cols_visible || (item->lateral_only && !at->lateral_active)) continue;
            int c = item_find_column(item, name, &matches);
            if (matches == 0) continue;
            if (found != NULL || matches > 1)
                return err_position(s->ctx, RAISE(s->ctx, ERR_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous", name), loc);
            found = item;
            col = c;
        }
        if (found != NULL) {
            if (found->lateral_only) {
                if (!found->lateral_ok) return raise_lateral(s, found, loc);
                at->lateral_used = true;
            }
            return item_column(s, found, col, loc, out);
        }
        if (local_only) return QN_OK;
    }
    return QN_OK;
}

/* The item a table name or alias means; *out NULL if there is none. */
Status
scope_find_item(Scope *s, const char *schema, const char *name, int loc, NsItem **out, Scope **scope_out)
{
    *out = NULL;
    for (Scope *at = s; at != NULL; at = at->parent) {
        for (int i = 0; i < at->items.count; i++) {
            NsItem *item = at->items.items[i];
            if (!item->rel_visible || item->name == NULL || (item->lateral_only && !at->lateral_active)) continue;
            if (strcmp(item->name, name) != 0) continue;
            if (schema != NULL && (item->has_alias || item->relation == NULL || strcmp(item->relation->schema, schema) != 0))
                continue;
            if (*out != NULL)
                return err_position(s->ctx, RAISE(s->ctx, ERR_AMBIGUOUS_ALIAS, "table reference \"%s\" is ambiguous", name), loc);
            *out = item;
        }
        if (*out != NULL) {
            if ((*out)->lateral_only) {
                if (!(*out)->lateral_ok) return raise_lateral(s, *out, loc);
                at->lateral_used = true;
            }
            if (scope_out != NULL) *scope_out = at;
            return QN_OK;
        }
    }
    return QN_OK;
}

/* ---- what is said when a name is not found ---- */

/* Edits between two names, insertions, deletions and changes alike; limit + 1 when more. */
static int
name_distance(const char *a, const char *b, int limit)
{
    int na = (int)strlen(a), nb = (int)strlen(b);
    int row[CATALOG_NAME_MAX + 2];
    if (na > CATALOG_NAME_MAX || nb > CATALOG_NAME_MAX || na - nb > limit || nb - na > limit) return limit + 1;
    for (int j = 0; j <= nb; j++) row[j] = j;
    for (int i = 1; i <= na; i++) {
        int diag = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int up = row[j];
            int best = diag + (a[i - 1] != b[j - 1]);
            if (up + 1 < best) best = up + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            diag = up;
        }
    }
    return row[nb] > limit ? limit + 1 : row[nb];
}

typedef struct Near {
    int distance; /* of the best so far */
    int n;
    const NsItem *item[2];
    int col[2];
} Near;

#define NEAR_MAX 3

static void
near_item(Near *near, const NsItem *item, const char *qualifier, const char *name)
{
    int penalty = qualifier != NULL && item->name != NULL ? name_distance(qualifier, item->name, NEAR_MAX) : 0;
    for (int i = 0; i < item->ncols; i++) {
        if (item_column_dropped(item, i) || item_column_name(item, i) == NULL) continue;
        if (penalty > near->distance) return;
        int limit = near->distance - penalty, matchlen = (int)strlen(name);
        int d = name_distance(name, item_column_name(item, i), limit);
        if (d > limit || d > matchlen / 2) continue;
        d += penalty;
        if (d < near->distance || near->n == 0) {
            if (d < near->distance) near->n = 0;
            near->distance = d;
            near->item[near->n] = item;
            near->col[near->n++] = i;
        } else if (near->n >= 2) {
            near->n = 3; /* too many to name */
            near->distance = d - 1;
        } else {
            near->item[near->n] = item;
            near->col[near->n++] = i;
        }
    }
}

Status
raise_missing_column(Scope *s, const char *qualifier, const char *name, int loc)
{
    Status st = qualifier != NULL
                    ? RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "column %s.%s does not exist", qualifier, name)
                    : RAISE(s->ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
    st = err_position(s->ctx, st, loc);
    Near near = {.distance = NEAR_MAX};
    for (Scope *at = s; at != NULL; at = at->parent) {
        for (int i = 0; i < at->all.count; i++) {
            const NsItem *item = at->all.items[i];
            int matches;
            if (qualifier == NULL || (item->name != NULL && strcmp(qualifier, item->name) == 0)) {
                item_find_column(item, name, &matches);
                if (matches > 0 && item->name != NULL)
                    return err_hint(s->ctx, st,
                                    "There is a column named \"%s\" in table \"%s\", but it cannot be referenced from this part of the query.",
                                    name, item->name);
            }
            if (item->name != NULL) near_item(&near, item, qualifier, name);
        }
    }
    if (near.n == 1)
        return err_hint(s->ctx, st, "Perhaps you meant to reference the column \"%s.%s\".", near.item[0]->name,
                        item_column_name(near.item[0], near.col[0]));
    if (near.n == 2)
        return err_hint(s->ctx, st, "Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".",
                        near.item[0]->name, item_column_name(near.item[0], near.col[0]), near.item[1]->name,
                        item_column_name(near.item[1], near.col[1]));
    return st;
}

Status
raise_missing_table(Scope *s, const char *schema, const char *name, int loc)
{
    Status st;
    for (Scope *at = s; at != NULL; at = at->parent)
        for (int i = 0; i < at->all.count; i++) {
            const NsItem *item = at->all.items[i];
            bool same = item->name != NULL && strcmp(item->name, name) == 0;
            bool hidden = item->has_alias && item->relation != NULL && strcmp(item->relation->name, name) == 0;
            if (!same && !hidden) continue;
            st = RAISE(s->ctx, ERR_UNDEFINED_TABLE, "invalid reference to FROM-clause entry for table \"%s\"", name);
            if (hidden && !same)
                st = err_hint(s->ctx, st, "Perhaps you meant to reference the table alias \"%s\".", item->name);
            else
                st = err_hint(s->ctx, st, "There is an entry for table \"%s\", but it cannot be referenced from this part of the query.", name);
            return err_position(s->ctx, st, loc);
        }
    st = RAISE(s->ctx, ERR_UNDEFINED_TABLE, "missing FROM-clause entry for table \"%s%s%s\"", schema != NULL ? schema : "",
               schema != NULL ? "." : "", name);
    return err_position(s->ctx, st, loc);
}

/* ---- the way in ---- */

Status
bind_query(Scope *parent, const Ast *stmt, bool keep_unknown, Query **out)
{
    switch (stmt->tag) {
    case AST_SelectStmt: return bind_select(parent, AST_AS(SelectStmt, stmt), keep_unknown, out);
    case AST_InsertStmt: return bind_insert(parent, AST_AS(InsertStmt, stmt), out);
    case AST_UpdateStmt: return bind_update(parent, AST_AS(UpdateStmt, stmt), out);
    case AST_DeleteStmt: return bind_delete(parent, AST_AS(DeleteStmt, stmt), out);
    case AST_MergeStmt: return bind_merge(parent, AST_AS(MergeStmt, stmt), out);
    default: return RAISE(parent->ctx, ERR_FEATURE_NOT_SUPPORTED, "this statement cannot be planned");
    }
}

/* Parameters whose type nothing decided. */
static Status
check_params(PlanState *ps)
{
    for (int i = 0; i < ps->nparams; i++)
        if (ps->param_types[i] == TYPE_UNKNOWN || ps->param_types[i] == 0)
            return RAISE(ps->ctx, ERR_INDETERMINATE_DATATYPE, "could not determine data type of parameter $%d", i + 1);
    return QN_OK;
}

Status
bind_statement(PlanState *ps, const Ast *stmt, Query **out)
{
    Binder b = {.ctx = ps->ctx, .ps = ps};
    Scope *root;
    TRY(scope_new(&b, NULL, &root));
    root->level = -1; /* statements open their own scope below: level 0 */
    TRY(bind_query(root, stmt, false, out));
    return check_params(ps);
}
