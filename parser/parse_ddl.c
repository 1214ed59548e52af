/* parse_ddl.c - actions of the statements that define, change and maintain objects. */
#include "parser/parse_priv.h"
#include <stdio.h>
#include <string.h>

static void
fail_named(ParseCtx *pc, int loc, const char *fmt, const char *name)
{
    if (pc->st != QN_OK) return;
    char text[300];
    snprintf(text, sizeof(text), fmt, name);
    pc_fail(pc, loc, ERR_SYNTAX_ERROR, text);
}

Ast *
pc_merge_when(Ast *when, bool matched, Ast *condition, int loc)
{
    if (when == NULL) return NULL;
    MergeWhenClause *w = AST_AS(MergeWhenClause, when);
    w->matched = matched;
    w->condition = condition;
    w->loc = loc;
    return when;
}

/* ALTER COLUMN TYPE: a ColumnDef; the expression of USING stands in it as a DEFAULT constraint. */
Ast *
pc_alter_type(ParseCtx *pc, Token name, Ast *type, Ast *collate, Ast *using_expr)
{
    AstList constraints = {0};
    if (using_expr != NULL)
        constraints = pc_list1(pc, MK(Constraint, .kind = AST_CONSTR_DEFAULT, .expr = using_expr, .loc = name.loc));
    return MK(ColumnDef, .name = name.str, .type = type, .collate = collate, .constraints = constraints, .loc = name.loc);
}

Ast *
pc_range_var_names(ParseCtx *pc, AstList names)
{
    if (names.count == 0 || names.items[0] == NULL) return NULL;
    StringNode *first = AST_AS(StringNode, names.items[0]);
    Token name = {.str = first->str, .loc = first->loc};
    if (names.count == 1) return MK(RangeVar, .name = name.str, .loc = name.loc);
    return pc_range_var(pc, name, (AstList){names.items + 1, names.count - 1, names.count - 1});
}

Ast *
pc_cursor(ParseCtx *pc, const char *name, AstList options, bool hold, Ast *query)
{
    Ast *cursor = MK(DeclareCursorStmt, .name = name, .hold = hold, .query = query);
    if (cursor == NULL) return NULL;
    DeclareCursorStmt *c = AST_AS(DeclareCursorStmt, cursor);
    for (int i = 0; i < options.count; i++) {
        if (options.items[i] == NULL) return NULL;
        const char *word = AST_AS(DefElem, options.items[i])->name;
        if (strcmp(word, "scroll") == 0) c->scroll = true;
        if (strcmp(word, "no scroll") == 0) c->no_scroll = true;
        if (strcmp(word, "binary") == 0) c->binary = true;
        if (strcmp(word, "asensitive") == 0) c->asensitive = true;
        if (strcmp(word, "insensitive") == 0) c->insensitive = true;
    }
    return cursor;
}

Ast *
pc_reindex(ParseCtx *pc, AstReindexKind kind, Ast *rel, const char *name, AstList params, bool concurrently)
{
    if (concurrently) params = pc_push(pc, params, pc_def(pc, "concurrently", NULL, 0));
    return MK(ReindexStmt, .kind = kind, .rel = rel, .name = name, .params = params);
}

/* RESET name; without a name: ALL. */
Ast *
pc_reset(ParseCtx *pc, Token name, int loc)
{
    if (name.str == NULL) return MK(VariableSetStmt, .kind = AST_VAR_RESET_ALL, .loc = loc);
    return MK(VariableSetStmt, .kind = AST_VAR_RESET, .name = name.str, .loc = name.loc);
}

Ast *
pc_domain(ParseCtx *pc, AstList name, Ast *type, AstList qualifiers)
{
    Ast *collate = NULL;
    AstList constraints = pc_split_qualifiers(pc, qualifiers, &collate);
    return MK(CreateDomainStmt, .name = name, .type = type, .collate = collate, .constraints = constraints);
}

/* ---- functions ---- */

/* RETURNS TABLE (columns): parameters after the others; one column gives SETOF its type, more SETOF record. */
Ast *
pc_function_table(ParseCtx *pc, Ast *function, AstList columns, int loc)
{
    if (function == NULL) return NULL;
    CreateFunctionStmt *f = AST_AS(CreateFunctionStmt, function);
    for (int i = 0; i < f->params.count; i++) {
        if (f->params.items[i] == NULL) return NULL;
        const FunctionParameter *p = AST_AS(FunctionParameter, f->params.items[i]);
        if (p->mode == AST_PARAM_OUT || p->mode == AST_PARAM_INOUT)
            pc_fail(pc, p->loc, ERR_SYNTAX_ERROR, "OUT and INOUT arguments aren't allowed in TABLE functions");
    }
    f->params = pc_concat(pc, f->params, columns);
    if (columns.count == 1 && columns.items[0] != NULL) {
        Ast *type = AST_AS(FunctionParameter, columns.items[0])->type;
        f->return_type = type == NULL ? NULL : pc_node(pc, type, sizeof(TypeName));
    } else {
        f->return_type = pc_type(pc, "record", (AstList){0}, loc);
    }
    if (f->return_type != NULL) AST_AS(TypeName, f->return_type)->setof = true;
    return function;
}

/* A function by its parameters: `args` are the types of those that are given in a call. */
Ast *
pc_object_with_params(ParseCtx *pc, AstList name, AstList params)
{
    AstList args = {0};
    for (int i = 0; i < params.count; i++) {
        Ast *p = params.items[i];
        if (p == NULL || ast_is(p, A_Star)) continue;
        if (ast_is(p, ListNode)) { /* ORDER BY; after VARIADIC it repeats that one argument */
            AstList more = AST_AS(ListNode, p)->items;
            const Ast *last = i > 0 ? params.items[i - 1] : NULL;
            if (last != NULL && ast_is(last, FunctionParameter) && AST_AS(FunctionParameter, last)->mode == AST_PARAM_VARIADIC) continue;
            for (int k = 0; k < more.count; k++)
                if (more.items[k] != NULL) args = pc_push(pc, args, AST_AS(FunctionParameter, more.items[k])->type);
            continue;
        }
        const FunctionParameter *fp = AST_AS(FunctionParameter, p);
        if (fp->mode != AST_PARAM_OUT && fp->mode != AST_PARAM_TABLE) args = pc_push(pc, args, fp->type);
    }
    return MK(ObjectWithArgs, .name = name, .args = args, .params = params);
}

Ast *
pc_transform(ParseCtx *pc, bool replace, Ast *type, const char *lang, AstList elements)
{
    Ast *from = NULL, *to = NULL;
    for (int i = 0; i < elements.count; i++) {
        if (elements.items[i] == NULL) return NULL;
        DefElem *d = AST_AS(DefElem, elements.items[i]);
        Ast **slot = d->name[0] == 'f' ? &from : &to;
        if (*slot != NULL) pc_fail(pc, d->loc, ERR_SYNTAX_ERROR, "conflicting or redundant options");
        *slot = d->arg;
    }
    return MK(CreateTransformStmt, .replace = replace, .type = type, .lang = lang, .from_sql = from, .to_sql = to);
}

/* ---- triggers and policies ---- */

Ast *
pc_trigger(Ast *events, Ast *trigger)
{
    if (events == NULL || trigger == NULL) return NULL;
    AST_AS(CreateTrigStmt, trigger)->events = AST_AS(CreateTrigStmt, events)->events;
    AST_AS(CreateTrigStmt, trigger)->columns = AST_AS(CreateTrigStmt, events)->columns;
    return trigger;
}

Ast *
pc_trigger_event(ParseCtx *pc, Ast *events, Ast *event)
{
    if (events == NULL || event == NULL) return NULL;
    CreateTrigStmt *all = AST_AS(CreateTrigStmt, events);
    const CreateTrigStmt *one = AST_AS(CreateTrigStmt, event);
    if (all->events & one->events) pc_fail_near(pc, pc->token, "duplicate trigger events specified");
    all->events |= one->events;
    all->columns = pc_concat(pc, all->columns, one->columns);
    return events;
}

bool
pc_policy_permissive(ParseCtx *pc, Token word)
{
    if (strcmp(word.str, "permissive") == 0) return true;
    if (strcmp(word.str, "restrictive") != 0 && pc->st == QN_OK) {
        fail_named(pc, word.loc, "unrecognized row security option \"%s\"", word.str);
        pc->st = err_hint(pc->ctx, pc->st, "Only PERMISSIVE or RESTRICTIVE policies are supported currently.");
    }
    return false;
}

/* ---- privileges and roles ---- */

Ast *
pc_grant(Ast *target, bool is_grant, AstList privileges, AstList grantees, bool option, Ast *grantor,
         AstDropBehavior behavior)
{
    if (target == NULL) return NULL;
    GrantStmt *g = AST_AS(GrantStmt, target);
    g->is_grant = is_grant;
    g->privileges = privileges;
    g->grantees = grantees;
    g->grant_option = option;
    g->grantor = grantor;
    g->behavior = behavior;
    return target;
}

Ast *
pc_role_option(ParseCtx *pc, Token word)
{
    static const struct {
        const char *word, *name;
        bool value;
    } options[] = {{"superuser", "superuser", true},         {"nosuperuser", "superuser", false},
                   {"createrole", "createrole", true},       {"nocreaterole", "createrole", false},
                   {"replication", "isreplication", true},   {"noreplication", "isreplication", false},
                   {"createdb", "createdb", true},           {"nocreatedb", "createdb", false},
                   {"login", "canlogin", true},              {"nologin", "canlogin", false},
                   {"bypassrls", "bypassrls", true},         {"nobypassrls", "bypassrls", false},
                   {"noinherit", "inherit", false}};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strcmp(word.str, options[i].word) == 0)
            return pc_def(pc, options[i].name, pc_bool(pc, options[i].value, word.loc), word.loc);
    fail_named(pc, word.loc, "unrecognized role option \"%s\"", word.str);
    return NULL;
}

Ast *
pc_import(Ast *import, const char *remote, const char *server, const char *local, AstList options)
{
    if (import == NULL) return NULL;
    ImportForeignSchemaStmt *i = AST_AS(ImportForeignSchemaStmt, import);
    i->remote_schema = remote;
    i->server = server;
    i->local_schema = local;
    i->options = options;
    return import;
}
