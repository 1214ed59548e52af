/* explain.c - EXPLAIN [ANALYZE]: plans the statement inside, runs it if asked to, and hands the text out line by line. */
#include "planner/explain.h"
#include "session/utility.h"

static Status
read_option(Ctx *ctx, const DefElem *d, ExplainOptions *o, bool *timing_set, bool *summary_set)
{
    static const char *const formats[] = {"text", "json", "yaml", "xml"};
    bool ignored;
    if (strcmp(d->name, "analyze") == 0) return option_bool(ctx, d, &o->analyze);
    if (strcmp(d->name, "verbose") == 0) return option_bool(ctx, d, &o->verbose);
    if (strcmp(d->name, "costs") == 0) return option_bool(ctx, d, &o->costs);
    if (strcmp(d->name, "buffers") == 0) return option_bool(ctx, d, &o->buffers);
    if (strcmp(d->name, "settings") == 0 || strcmp(d->name, "wal") == 0) return option_bool(ctx, d, &ignored);
    if (strcmp(d->name, "timing") == 0) {
        *timing_set = true;
        return option_bool(ctx, d, &o->timing);
    }
    if (strcmp(d->name, "summary") == 0) {
        *summary_set = true;
        return option_bool(ctx, d, &o->summary);
    }
    if (strcmp(d->name, "format") == 0) {
        const char *text = option_text(d);
        for (int i = 0; text != NULL && i < 4; i++) {
            if (ascii_casecmp(text, formats[i]) != 0) continue;
            o->format = (ExplainFormat)i;
            return QN_OK;
        }
        return err_position(ctx, RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized value for EXPLAIN option \"%s\": \"%s\"", d->name, text != NULL ? text : ""), d->loc);
    }
    return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "unrecognized EXPLAIN option \"%s\"", d->name), d->loc);
}

static Status
read_options(Ctx *ctx, const ExplainStmt *e, ExplainOptions *o)
{
    bool timing_set = false, summary_set = false;
    *o = (ExplainOptions){.costs = true};
    for (int i = 0; i < e->options.count; i++)
        TRY(read_option(ctx, AST_AS(DefElem, e->options.items[i]), o, &timing_set, &summary_set));
    if (o->timing && !o->analyze)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE");
    if (!timing_set) o->timing = o->analyze;
    if (!summary_set) o->summary = o->analyze;
    return QN_OK;
}

Status
utility_explain_describe(Stmt *stmt, const ExplainStmt *e)
{
    ExplainOptions o;
    const char *name = "QUERY PLAN";
    TRY(read_options(&stmt->s->ctx, e, &o));
    Oid type = o.format == EXPLAIN_JSON ? TYPE_JSON : TYPE_TEXT;
    return utility_columns(stmt, 1, &name, &type);
}

static const NodeInstr *
run_instr(void *arg, int id)
{
    const ExecNode *n = exec_node_by_id(arg, id);
    return n != NULL ? &n->instr : NULL;
}

static void
run_describe(void *arg, int id, Describe *d)
{
    exec_describe_node(arg, id, d);
}

static Status
emit_text(Stmt *stmt, const ExplainOptions *o, char *text)
{
    if (o->format != EXPLAIN_TEXT) return utility_emit(stmt, (const char *const[]){text});
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end++ = '\0';
        TRY(utility_emit(stmt, (const char *const[]){line}));
        line = end;
    }
    return QN_OK;
}

/* A prepared statement is planned anew, so that instruments do not stay in it, and given its arguments. */
static Status
explained_execute(Stmt *stmt, const ExecuteStmt *e, Stmt **out)
{
    Session *s = stmt->s;
    Prepared *p;
    TRY(prepared_find(s, e->name, &p));
    TRY(stmt_from_ast(s, p->stmt->sql, p->stmt->ast, p->stmt->declared, p->stmt->ndeclared, out));
    Status st = stmt_plan(*out);
    if (st == QN_OK) st = utility_execute_args(stmt, e, *out);
    if (st == QN_OK) return QN_OK;
    stmt_destroy(*out);
    return st;
}

/* The statement whose plan is shown: the one written, the query of CREATE TABLE AS, or the prepared one of EXECUTE. */
static Status
explained_statement(Stmt *stmt, const ExplainStmt *e, Stmt **out)
{
    Session *s = stmt->s;
    const Ast *query = e->query;
    if (query->tag == AST_ExecuteStmt) return explained_execute(stmt, AST_AS(ExecuteStmt, query), out);
    if (query->tag == AST_CreateTableAsStmt) query = AST_AS(CreateTableAsStmt, query)->query;
    if (!ast_is_plannable(query))
        return RAISE(&s->ctx, ERR_FEATURE_NOT_SUPPORTED, "EXPLAIN of %s is not supported", utility_command_name(query));
    return stmt_from_ast(s, stmt->sql, query, NULL, 0, out);
}

/* EXPLAIN ANALYZE in progress. The text is made while the executor still holds what the run did: sort space, hash tables. */
typedef struct Analyze {
    const ExplainOptions *options;
    Arena *arena;
    int64_t start_us;
    char *text; /* NULL until the run has ended well */
    Status status;
} Analyze;

static void
explain_run(Stmt *inner, void *arg)
{
    Analyze *a = arg;
    Ctx *ctx = &inner->s->ctx;
    ExplainRun run = {.instr = run_instr, .describe = run_describe, .arg = inner->exec};
    if (ctx->err.code != QN_OK || a->text != NULL) return;
    run.execution_ms = (double)(ctx_now_us() - a->start_us) / 1000.0;
    a->status = explain_plan(ctx, a->arena, inner->plan, a->options, &run, &a->text, NULL);
}

Status
utility_explain(Stmt *stmt, const ExplainStmt *e)
{
    Ctx *ctx = &stmt->s->ctx;
    ExplainOptions o;
    Stmt *inner;
    TRY(read_options(ctx, e, &o));
    TRY(explained_statement(stmt, e, &inner));
    Analyze a = {.options = &o, .arena = stmt->run_arena};
    inner->is_exclusive = true;
    Status st = stmt_plan(inner);
    if (st == QN_OK && o.analyze) {
        inner->exec_flags = EXEC_INSTRUMENT | (o.timing ? EXEC_TIMING : 0);
        inner->at_end = explain_run;
        inner->at_end_arg = &a;
        a.start_us = ctx_now_us();
        st = stmt_run(inner, NULL, NULL);
        if (st == QN_OK) st = a.status;
    } else if (st == QN_OK) {
        st = explain_plan(ctx, stmt->run_arena, inner->plan, &o, NULL, &a.text, NULL);
    }
    if (st == QN_OK) st = emit_text(stmt, &o, a.text);
    inner->at_end = NULL;
    stmt_destroy(inner);
    return st;
}
