/* ddl_view_text.c - edits of the text a view keeps: stars written out when it is made, names that follow when what it names is
 * renamed. Positions come from the binder (plan_uses), so that only what really means the object changes. */
#include "common/settings.h"
#include "parser/deparse.h"
#include "parser/parse.h"
#include "planner/planner.h"
#include "session/ddl.h"
#include <stdlib.h>

/* Bytes [from, to) of a text become another text. */
typedef struct TextEdit {
    int from, to;
    const char *with;
} TextEdit;

typedef struct TextEdits {
    TextEdit *items;
    int count, cap;
} TextEdits;

static int
by_position(const void *a, const void *b)
{
    return ((const TextEdit *)a)->from - ((const TextEdit *)b)->from;
}

static Status
apply_edits(Ddl *d, const char *text, TextEdits *edits, const char **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *made;
    int at = 0;
    if (edits->count > 1) qsort(edits->items, (size_t)edits->count, sizeof(TextEdit), by_position);
    for (int i = 0; i < edits->count; i++) {
        const TextEdit *e = &edits->items[i];
        if (e->from < at) continue; /* the same place, bound twice */
        strbuf_add(&b, text + at, (size_t)(e->from - at));
        strbuf_addz(&b, e->with);
        at = e->to;
    }
    strbuf_addz(&b, text + at);
    TRY(strbuf_finish(d->ctx, &b, &made, NULL));
    *out = made;
    return QN_OK;
}

/* ---- names in the text ---- */

static const char *
skip_space(const char *p)
{
    while (ascii_is_space(*p)) p++;
    return p;
}

/* Past the identifier at p. */
static const char *
skip_name(const char *p)
{
    if (*p != '"') {
        while (*p == '_' || *p == '$' || ascii_is_alpha(*p) || ascii_is_digit(*p) || (unsigned char)*p >= 0x80) p++;
        return p;
    }
    for (p++; *p != '\0'; p++) {
        if (*p != '"') continue;
        if (p[1] != '"') return p + 1;
        p++;
    }
    return p;
}

/* The last part of the dotted name (or star) at p: where it begins and ends. */
static void
last_part(const char *text, int loc, int *from_out, int *to_out)
{
    const char *p = text + loc - 1;
    for (;;) {
        const char *end = *p == '*' ? p + 1 : skip_name(p), *next = skip_space(end);
        *from_out = (int)(p - text);
        *to_out = (int)(end - text);
        if (*next != '.' || end == p) return;
        p = skip_space(next + 1);
    }
}

Status
ddl_expand_stars(Ddl *d, const char *text, const QueryUses *uses, const char **out)
{
    TextEdits edits = {0};
    for (int i = 0; i < uses->stars.count; i++) {
        const StarUse *s = &uses->stars.items[i];
        TextEdit e = {.from = s->loc - 1, .with = s->text};
        int from;
        last_part(text, s->loc, &from, &e.to);
        TRY(array_push(d->ctx, d->arena, &edits, e));
    }
    return apply_edits(d, text, &edits, out);
}

/* ---- views that follow a renaming ---- */

/* The view's text under the search_path it was made with. */
static Status
view_uses(Ddl *d, const char *text, const char *path, Ast **stmt_out, QueryUses *out)
{
    Ctx *ctx = d->ctx;
    size_t consumed;
    struct Settings *settings;
    const struct Settings *saved = ctx->settings;
    TRY(parse_sql(ctx, d->arena, text, strlen(text), stmt_out, &consumed));
    TRY_ALLOC(ctx, settings, arena_memdup(d->arena, saved, sizeof(*settings)));
    if (path != NULL) settings->search_path = path;
    ctx->settings = settings;
    Status st = plan_uses(ctx, d->arena, text, *stmt_out, out);
    ctx->settings = saved;
    return st;
}

typedef struct Unlabelled {
    int loc; /* of a column that stands alone as a target without a label */
    bool found;
} Unlabelled;

static Status
find_unlabelled(Ctx *ctx, Ast *node, void *arg)
{
    Unlabelled *u = arg;
    if (ast_is(node, ResTarget)) {
        const ResTarget *t = AST_AS(ResTarget, node);
        u->found |= t->name == NULL && t->value != NULL && ast_is(t->value, ColumnRef) && AST_AS(ColumnRef, t->value)->loc == u->loc;
    }
    TRY(ctx_check_depth(ctx));
    return ast_walk(ctx, node, find_unlabelled, arg);
}

static Status
ident_text(Ddl *d, const char *prefix, const char *schema, const char *name, const char *alias, const char **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *text;
    strbuf_addz(&b, prefix);
    if (schema != NULL) {
        deparse_ident(&b, schema);
        strbuf_addc(&b, '.');
    }
    deparse_ident(&b, name);
    if (alias != NULL) {
        strbuf_addc(&b, ' ');
        deparse_ident(&b, alias);
    }
    TRY(strbuf_finish(d->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
edit_columns(Ddl *d, const RelDef *view, Ast *stmt, const QueryUses *uses, const Renaming *r, TextEdits *edits)
{
    for (int i = 0; i < uses->uses.count; i++) {
        const ColumnUse *u = &uses->uses.items[i];
        TextEdit e = {0};
        Unlabelled label = {.loc = u->loc};
        if (u->oid != r->oid || u->attnum != r->attnum) continue;
        last_part(view->view_sql, u->loc, &e.from, &e.to);
        TRY(find_unlabelled(d->ctx, stmt, &label));
        const char *name;
        TRY(ident_text(d, "", NULL, r->name, NULL, &name));
        e.with = name;
        if (label.found) {
            StrBuf b = strbuf_new(d->arena);
            char *text;
            strbuf_addf(&b, "%s AS ", name);
            deparse_ident(&b, r->old_name);
            TRY(strbuf_finish(d->ctx, &b, &text, NULL));
            e.with = text;
        }
        TRY(array_push(d->ctx, d->arena, edits, e));
    }
    return QN_OK;
}

typedef struct TableEdits {
    Ddl *d;
    const Renaming *r;
    const char *text;
    TextEdits *edits;
} TableEdits;

/* Every place where FROM may name the table. A WITH query of the same name would be taken for it: the check afterwards sees that. */
static Status
edit_table(Ctx *ctx, Ast *node, void *arg)
{
    TableEdits *t = arg;
    if (ast_is(node, RangeVar)) {
        const RangeVar *rv = AST_AS(RangeVar, node);
        const Relation *rel;
        TextEdit e = {.from = rv->loc - 1};
        int from;
        TRY(catalog_relation(ctx, rv->schema, rv->name, &rel));
        if (rel == NULL || rel->oid != t->r->oid || rv->loc == 0) return QN_OK;
        last_part(t->text, rv->loc, &from, &e.to);
        TRY(ident_text(t->d, "", t->r->schema, t->r->name, rv->alias == NULL ? t->r->old_name : NULL, &e.with));
        return array_push(ctx, t->d->arena, t->edits, e);
    }
    TRY(ctx_check_depth(ctx));
    return ast_walk(ctx, node, edit_table, arg);
}

/* How FROM names a table whose column gets another name. */
typedef struct ColumnLists {
    TableEdits *t;
    const Relation *rel;
    int with, without; /* RangeVars that name their columns, and those that do not */
    bool add;          /* the latter shall */
} ColumnLists;

static Status
column_list(ColumnLists *c, const char *alias, const char **out)
{
    StrBuf b = strbuf_new(c->t->d->arena);
    char *text;
    bool first = true;
    if (alias != NULL) {
        strbuf_addz(&b, " AS ");
        deparse_ident(&b, alias);
    }
    for (int i = 0; i < c->rel->ncols; i++) {
        if (c->rel->cols[i].dropped) continue;
        strbuf_addz(&b, first ? "(" : ", ");
        first = false;
        deparse_ident(&b, c->rel->cols[i].name);
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(c->t->d->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
edit_list(Ctx *ctx, Ast *node, void *arg)
{
    ColumnLists *c = arg;
    TRY(ctx_check_depth(ctx));
    if (!ast_is(node, RangeVar)) return ast_walk(ctx, node, edit_list, arg);
    const RangeVar *rv = AST_AS(RangeVar, node);
    const Alias *alias = AST_AS(Alias, rv->alias);
    const Relation *rel;
    TextEdit e = {0};
    int from;
    TRY(catalog_relation(ctx, rv->schema, rv->name, &rel));
    if (rel == NULL || rel->oid != c->rel->oid || rv->loc == 0) return QN_OK;
    if (alias != NULL && alias->columns.count > 0) {
        c->with++;
        return QN_OK;
    }
    c->without++;
    if (!c->add) return QN_OK;
    last_part(c->t->text, rv->loc, &from, &e.to);
    if (alias != NULL) { /* behind the alias, which may have AS before it */
        const char *p = skip_space(c->t->text + e.to), *end = skip_name(p);
        if (end - p == 2 && ascii_ncasecmp(p, "as", 2) == 0) end = skip_name(skip_space(end));
        e.to = (int)(end - c->t->text);
    }
    e.from = e.to;
    TRY(column_list(c, alias == NULL ? rv->name : NULL, &e.with));
    return array_push(ctx, c->t->d->arena, c->t->edits, e);
}

/* A column that the view joins by its name keeps that name there: FROM gives the table's columns the names they had. */
static Status
keep_names(TableEdits *t, const RelDef *view, Ast *stmt, const QueryUses *uses, bool *kept_out)
{
    ColumnLists c = {.t = t};
    bool by_name = false;
    *kept_out = false;
    TRY(catalog_relation_by_oid(t->d->ctx, t->r->oid, &c.rel));
    for (int i = 0; i < uses->uses.count; i++) {
        const ColumnUse *u = &uses->uses.items[i];
        by_name |= u->oid == t->r->oid && u->attnum == t->r->attnum && u->loc == 0;
    }
    TRY(edit_list(t->d->ctx, stmt, &c));
    if (c.with > 0 && c.without > 0)
        return RAISE(t->d->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot rename a column that view \"%s\" names in two ways yet", view->name);
    *kept_out = c.with > 0 || by_name;
    if (c.with > 0 || !by_name) return QN_OK;
    c.add = true;
    return edit_list(t->d->ctx, stmt, &c);
}

static Status
edit_view(Ddl *d, Oid oid, const Renaming *r, ViewEdits *out)
{
    RelDef *view;
    Ast *stmt;
    QueryUses uses;
    TextEdits edits = {0};
    TRY(ddl_edit_relation(d->ctx, d->arena, oid, &view));
    TRY(view_uses(d, view->view_sql, view->view_path, &stmt, &uses));
    TableEdits t = {.d = d, .r = r, .text = view->view_sql, .edits = &edits};
    bool kept = false;
    if (r->attnum != 0) TRY(keep_names(&t, view, stmt, &uses, &kept));
    if (r->attnum == 0) TRY(edit_table(d->ctx, stmt, &t));
    else if (!kept) TRY(edit_columns(d, view, stmt, &uses, r, &edits));
    if (edits.count == 0) return QN_OK;
    TRY(apply_edits(d, view->view_sql, &edits, &view->view_sql));
    return array_push(d->ctx, d->arena, &out->views, view);
}

Status
ddl_edit_views(Ddl *d, const Renaming *r, ViewEdits *out)
{
    Oid *views;
    int n;
    *out = (ViewEdits){0};
    TRY(ddl_views_reading(d->ctx, r->oid, &views, &n));
    for (int i = 0; i < n; i++) TRY(edit_view(d, views[i], r, out));
    return QN_OK;
}

Status
ddl_put_views(Ddl *d, const ViewEdits *edits)
{
    for (int i = 0; i < edits->views.count; i++) {
        const RelDef *view = edits->views.items[i];
        Ast *stmt;
        QueryUses uses;
        TRY(ddl_put_relation(d->ctx, view));
        TRY(view_uses(d, view->view_sql, view->view_path, &stmt, &uses)); /* it still means something */
    }
    return QN_OK;
}
