/* updatable.c - see updatable.h. */
#include "catalog/updatable.h"
#include "common/settings.h"
#include "parser/parse.h"
#include "types/function.h"

/* What a target list may not hold. */
typedef struct Found {
    bool agg, window, set;
} Found;

static bool
is_set_function(const char *name)
{
    int n;
    const Function *const *fns = fn_by_name(name, &n);
    for (int i = 0; fns != NULL && i < n; i++)
        if (fns[i]->flags & FN_SRF) return true;
    return false;
}

static Status
see(Ctx *ctx, Ast *node, void *arg)
{
    Found *f = arg;
    int n;
    TRY(ctx_check_depth(ctx));
    if (ast_is(node, SubLink)) return QN_OK; /* a query of its own */
    if (ast_is(node, GroupingFunc)) f->agg = true;
    if (ast_is(node, FuncCall)) {
        const FuncCall *call = AST_AS(FuncCall, node);
        const char *name = ast_str(call->name.items[call->name.count - 1]);
        f->window |= call->over != NULL;
        f->agg |= call->over == NULL && agg_by_name(name, &n) != NULL;
        f->set |= is_set_function(name);
    }
    return ast_walk(ctx, node, see, arg);
}

static Status
targets_why_not(Ctx *ctx, const SelectStmt *q, const char **out)
{
    Found f = {0};
    for (int i = 0; i < q->targets.count; i++) TRY(see(ctx, q->targets.items[i], &f));
    *out = f.agg      ? "Views that return aggregate functions are not automatically updatable."
           : f.window ? "Views that return window functions are not automatically updatable."
           : f.set    ? "Views that return set-returning functions are not automatically updatable."
                      : NULL;
    return QN_OK;
}

static const char *
query_why_not(const SelectStmt *q)
{
    if (q->distinct) return "Views containing DISTINCT are not automatically updatable.";
    if (q->group_by.count > 0) return "Views containing GROUP BY are not automatically updatable.";
    if (q->having != NULL) return "Views containing HAVING are not automatically updatable.";
    if (q->setop != AST_SETOP_NONE)
        return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
    if (q->with != NULL) return "Views containing WITH are not automatically updatable.";
    if (q->limit != NULL || q->offset != NULL)
        return "Views containing LIMIT or OFFSET are not automatically updatable.";
    return NULL;
}

static const char *
from_why_not(const SelectStmt *q, const RangeVar **from_out)
{
    if (q->from.count == 1 && ast_is(q->from.items[0], RangeTableSample))
        return "Views containing TABLESAMPLE are not automatically updatable.";
    if (q->from.count != 1 || !ast_is(q->from.items[0], RangeVar))
        return "Views that do not select from a single table or view are not automatically updatable.";
    *from_out = AST_AS(RangeVar, q->from.items[0]);
    return NULL;
}

static bool
is_system_column(const char *name)
{
    static const char *const names[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* The name under which the view's query knows column i of what it reads. */
static const char *
seen_name(const RangeVar *from, const Relation *base, int i)
{
    const Alias *alias = AST_AS(Alias, from->alias);
    int live = 0;
    for (int k = 0; k < i; k++) live += !base->cols[k].dropped;
    return alias != NULL && live < alias->columns.count ? ast_str(alias->columns.items[live]) : base->cols[i].name;
}

static const Column *
base_column(const RangeVar *from, const Relation *base, const char *name)
{
    for (int i = 0; i < base->ncols; i++)
        if (!base->cols[i].dropped && strcmp(seen_name(from, base, i), name) == 0) return &base->cols[i];
    return NULL;
}

/* One entry of the target list, which is no star: stars have been written out when the view was made. */
static void
set_column(ViewForm *f, int col, const Ast *value, const Relation *base)
{
    f->col_why_not[col] = "View columns that are not columns of their base relation are not updatable.";
    if (!ast_is(value, ColumnRef)) return;
    const ColumnRef *c = AST_AS(ColumnRef, value);
    const char *name = ast_str(c->fields.items[c->fields.count - 1]);
    const Column *b = base_column(f->from, base, name);
    if (b != NULL) {
        /* A column named twice is written through its first name only. */
        for (int i = 0; i < col; i++)
            if (f->base_names[i] == b->name) return;
        f->base_names[col] = b->name;
    } else if (is_system_column(name)) {
        f->col_why_not[col] = "View columns that refer to system columns are not updatable.";
    } else {
        f->col_why_not[col] = "View columns that return whole-row references are not updatable.";
    }
}

/* The relation the query reads, by the view's own search_path. */
static Status
find_base(Ctx *ctx, Arena *arena, const Relation *view, const RangeVar *from, const Relation **out)
{
    const struct Settings *saved = ctx->settings;
    struct Settings *settings;
    if (saved != NULL && view->view_path != NULL) {
        TRY_ALLOC(ctx, settings, arena_memdup(arena, saved, sizeof(*settings)));
        settings->search_path = view->view_path;
        ctx->settings = settings;
    }
    Status st = catalog_relation(ctx, from->schema, from->name, out);
    ctx->settings = saved;
    return st;
}

static bool
is_writable_kind(const Relation *rel)
{
    return rel != NULL && rel->systable == NULL &&
           (rel->kind == RELKIND_TABLE || rel->kind == RELKIND_VIEW || rel->kind == RELKIND_PARTITIONED);
}

Status
view_form(Ctx *ctx, Arena *arena, const Relation *view, ViewForm *out)
{
    Ast *stmt;
    size_t consumed;
    const Relation *base = NULL;
    *out = (ViewForm){.ncols = view->ncols};
    TRY_ALLOC(ctx, out->base_names, ARENA_ARRAY(arena, const char *, view->ncols + 1));
    TRY_ALLOC(ctx, out->col_why_not, ARENA_ARRAY(arena, const char *, view->ncols + 1));
    TRY(parse_sql(ctx, arena, view->view_sql, strlen(view->view_sql), &stmt, &consumed));
    out->query = AST_AS(SelectStmt, stmt);
    out->why_not = query_why_not(out->query);
    if (out->why_not == NULL && out->query->values.count > 0)
        out->why_not = "Views that do not select from a single table or view are not automatically updatable.";
    if (out->why_not == NULL) TRY(targets_why_not(ctx, out->query, &out->why_not));
    if (out->why_not == NULL) out->why_not = from_why_not(out->query, &out->from);
    if (out->why_not != NULL) return QN_OK;
    TRY(find_base(ctx, arena, view, out->from, &base));
    if (!is_writable_kind(base)) {
        out->why_not = "Views that do not select from a single table or view are not automatically updatable.";
        return QN_OK;
    }
    for (int i = 0; i < out->query->targets.count && i < view->ncols; i++)
        set_column(out, i, AST_AS(ResTarget, out->query->targets.items[i])->value, base);
    return QN_OK;
}

Status
view_is_updatable(Ctx *ctx, Arena *arena, const Relation *rel, bool *out)
{
    *out = is_writable_kind(rel);
    for (int depth = 0; *out && rel->kind == RELKIND_VIEW && depth < 100; depth++) {
        ViewForm f;
        bool any = false;
        TRY(view_form(ctx, arena, rel, &f));
        for (int i = 0; i < f.ncols; i++) any |= f.base_names[i] != NULL;
        *out = f.why_not == NULL && any;
        if (*out) TRY(find_base(ctx, arena, rel, f.from, &rel));
    }
    return QN_OK;
}

Status
view_column_is_updatable(Ctx *ctx, Arena *arena, const Relation *rel, int col, bool *out)
{
    *out = is_writable_kind(rel);
    for (int depth = 0; *out && rel->kind == RELKIND_VIEW && depth < 100; depth++) {
        ViewForm f;
        TRY(view_form(ctx, arena, rel, &f));
        const char *name = f.why_not == NULL ? f.base_names[col] : NULL;
        *out = name != NULL;
        if (!*out) break;
        TRY(find_base(ctx, arena, rel, f.from, &rel));
        col = relation_column(rel, name)->attnum - 1;
    }
    if (*out && rel->cols[col].generated != 0) *out = false;
    return QN_OK;
}
