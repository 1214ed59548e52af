/* copy_to.c - COPY ... TO: rows of a table or query as text or CSV. */
#include "session/copy.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FLUSH_BYTES = 64 * 1024 };

typedef struct CopyOut {
    Stmt *stmt;
    Session *s;
    Ctx *ctx;
    CopyOptions opt;
    int ncols;
    const char **names;
    bool *force_quote;
    int fd; /* -1: the session's sink */
    Arena *arena;
    StrBuf buf;   /* not yet written */
    StrBuf value; /* one value's text */
    int64_t rows;
} CopyOut;

static Status
flush(CopyOut *c)
{
    if (c->buf.failed) return RAISE_OOM(c->ctx);
    const char *p = c->buf.data;
    size_t left = c->buf.nbytes;
    if (left == 0) return QN_OK;
    if (c->fd < 0) {
        if (c->s->copy_sink(c->s->copy_sink_arg, p, left) != 0)
            return RAISE(c->ctx, ERR_QUERY_CANCELED, "COPY to stdout failed");
    }
    while (c->fd >= 0 && left > 0) {
        ssize_t n = write(c->fd, p, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return RAISE(c->ctx, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO_ERROR,
                         "could not write to COPY file: %s", strerror(errno));
        p += n;
        left -= (size_t)n;
    }
    c->buf.nbytes = 0;
    return QN_OK;
}

static void
put_text(CopyOut *c, const char *p, size_t n)
{
    StrBuf *b = &c->buf;
    for (size_t i = 0; i < n; i++) {
        char ch = p[i], out;
        switch (ch) {
        case '\b': out = 'b'; break;
        case '\f': out = 'f'; break;
        case '\n': out = 'n'; break;
        case '\r': out = 'r'; break;
        case '\t': out = 't'; break;
        case '\v': out = 'v'; break;
        case '\\': out = '\\'; break;
        default: out = ch == c->opt.delimiter ? ch : '\0'; break;
        }
        if (out != '\0') {
            strbuf_addc(b, '\\');
            strbuf_addc(b, out);
        } else {
            strbuf_addc(b, ch);
        }
    }
}

static bool
needs_quotes(const CopyOut *c, const char *p, size_t n)
{
    const CopyOptions *o = &c->opt;
    /* What would read as NULL, or as the end of data. */
    if (n == o->null_bytes && memcmp(p, o->null_text, n) == 0) return true;
    if (c->ncols == 1 && n == 2 && memcmp(p, "\\.", 2) == 0) return true;
    for (size_t i = 0; i < n; i++)
        if (p[i] == o->delimiter || p[i] == o->quote || p[i] == '\n' || p[i] == '\r') return true;
    return false;
}

static void
put_csv(CopyOut *c, const char *p, size_t n, bool force)
{
    if (!force && !needs_quotes(c, p, n)) {
        strbuf_add(&c->buf, p, n);
        return;
    }
    strbuf_addc(&c->buf, c->opt.quote);
    for (size_t i = 0; i < n; i++) {
        if (p[i] == c->opt.quote || p[i] == c->opt.escape) strbuf_addc(&c->buf, c->opt.escape);
        strbuf_addc(&c->buf, p[i]);
    }
    strbuf_addc(&c->buf, c->opt.quote);
}

static Status
put_row(Stmt *query, void *arg)
{
    CopyOut *c = arg;
    for (int i = 0; i < c->ncols; i++) {
        Value v;
        if (i > 0) strbuf_addc(&c->buf, c->opt.delimiter);
        if (!stmt_value(query, i, &v) || v.is_null) {
            strbuf_add(&c->buf, c->opt.null_text, c->opt.null_bytes);
            continue;
        }
        const char *text;
        size_t n;
        if (v.phys == PHYS_STR && (v.type == TYPE_TEXT || v.type == TYPE_VARCHAR)) {
            text = str_data(&v.str);
            n = v.str.len;
        } else {
            c->value.nbytes = 0;
            TRY(value_out(c->ctx, &c->value, &v));
            if (c->value.failed) return RAISE_OOM(c->ctx);
            text = c->value.data;
            n = c->value.nbytes;
        }
        if (c->opt.csv)
            put_csv(c, text, n, c->force_quote[i]);
        else
            put_text(c, text, n);
    }
    strbuf_addc(&c->buf, '\n');
    c->rows++;
    return c->buf.nbytes >= FLUSH_BYTES ? flush(c) : QN_OK;
}

static Status
put_header(CopyOut *c)
{
    if (!c->opt.header) return QN_OK;
    if (c->opt.header_match)
        return RAISE(c->ctx, ERR_INVALID_PARAMETER_VALUE, "cannot use \"match\" with HEADER in COPY TO");
    for (int i = 0; i < c->ncols; i++) {
        if (i > 0) strbuf_addc(&c->buf, c->opt.delimiter);
        if (c->opt.csv)
            put_csv(c, c->names[i], strlen(c->names[i]), false);
        else
            put_text(c, c->names[i], strlen(c->names[i]));
    }
    strbuf_addc(&c->buf, '\n');
    return QN_OK;
}

/* The table's columns as a query. */
static Status
table_query(CopyOut *c, const CopyStmt *ast, SelectStmt **out)
{
    Ctx *ctx = c->ctx;
    Arena *arena = c->stmt->run_arena;
    const RangeVar *rv = AST_AS(RangeVar, ast->rel);
    const Relation *rel;
    int *positions, n;
    SelectStmt *q;
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &rel));
    if (rel->kind == RELKIND_VIEW)
        return err_hint(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy from view \"%s\"", rel->name),
                        "Try the COPY (SELECT ...) TO variant.");
    if (rel->kind == RELKIND_MATVIEW)
        return err_hint(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy from materialized view \"%s\"", rel->name),
                        "Try the COPY (SELECT ...) TO variant.");
    if (rel->kind == RELKIND_PARTITIONED)
        return err_hint(ctx, RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy from partitioned table \"%s\"", rel->name),
                        "Try the COPY (SELECT ...) TO variant.");
    if (rel->kind != RELKIND_TABLE)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot copy from %s \"%s\"",
                     rel->kind == RELKIND_SEQUENCE ? "sequence" : "non-table relation", rel->name);
    TRY(copy_columns(ctx, rel, &ast->columns, &positions, &n));
    TRY_ALLOC(ctx, q, AST_NEW(arena, SelectStmt));
    for (int i = 0; i < n; i++) {
        ResTarget *t;
        ColumnRef *ref;
        StringNode *name;
        TRY_ALLOC(ctx, t, AST_NEW(arena, ResTarget));
        TRY_ALLOC(ctx, ref, AST_NEW(arena, ColumnRef));
        TRY_ALLOC(ctx, name, AST_NEW(arena, StringNode));
        name->str = rel->cols[positions[i]].name;
        TRY(ast_list_push(ctx, arena, &ref->fields, &name->base));
        t->value = &ref->base;
        TRY(ast_list_push(ctx, arena, &q->targets, &t->base));
    }
    RangeVar *own;
    TRY_ALLOC(ctx, own, arena_memdup(arena, rv, sizeof(*rv)));
    own->only = true; /* descendants' rows are theirs */
    TRY(ast_list_push(ctx, arena, &q->from, &own->base));
    *out = q;
    return QN_OK;
}

static Status
open_output(CopyOut *c, const CopyStmt *ast)
{
    if (ast->filename == NULL) {
        if (c->s->copy_sink == NULL)
            return RAISE(c->ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY TO STDOUT needs a sink (quern_copy_sink)");
        return QN_OK;
    }
    c->fd = open(ast->filename, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (c->fd < 0)
        return RAISE(c->ctx, errno == ENOENT ? ERR_UNDEFINED_FILE : errno == EACCES ? ERR_INSUFFICIENT_PRIVILEGE
                                                                                    : ERR_IO_ERROR,
                     "could not open file \"%s\" for writing: %s", ast->filename, strerror(errno));
    return QN_OK;
}

static Status
force_quotes(CopyOut *c)
{
    TRY_ALLOC(c->ctx, c->force_quote, ARENA_ARRAY(c->stmt->run_arena, bool, c->ncols + 1));
    for (int i = 0; i < c->ncols; i++) c->force_quote[i] = c->opt.force_quote_all;
    for (int i = 0; c->opt.force_quote != NULL && i < c->opt.force_quote->count; i++) {
        const char *name = ast_str(c->opt.force_quote->items[i]);
        bool found = false;
        for (int k = 0; k < c->ncols; k++)
            if (strcmp(c->names[k], name) == 0) c->force_quote[k] = found = true;
        if (!found)
            return RAISE(c->ctx, ERR_INVALID_COLUMN_REFERENCE,
                         "FORCE_QUOTE column \"%s\" not referenced by COPY", name);
    }
    return QN_OK;
}

static Status
prepare_query(CopyOut *c, const CopyStmt *ast, Stmt **out)
{
    Ctx *ctx = c->ctx;
    const Ast *query = ast->query;
    SelectStmt *q;
    TRY(copy_options(ctx, &ast->options, false, &c->opt));
    if (query == NULL) {
        TRY(table_query(c, ast, &q));
        query = &q->base;
    }
    if (!ast_is_plannable(query))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY (SELECT INTO) is not supported");
    TRY(stmt_from_ast(c->s, c->stmt->sql, query, NULL, 0, out));
    (*out)->is_exclusive = true;
    TRY(stmt_plan(*out));
    c->ncols = stmt_column_count(*out);
    if (c->ncols == 0 && !ast_is(query, SelectStmt))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY query must have a RETURNING clause");
    TRY_ALLOC(ctx, c->names, ARENA_ARRAY(c->stmt->run_arena, const char *, c->ncols + 1));
    for (int i = 0; i < c->ncols; i++) c->names[i] = stmt_column_name(*out, i);
    return force_quotes(c);
}

Status
copy_to(Stmt *stmt, const CopyStmt *ast)
{
    CopyOut c = {.stmt = stmt, .s = stmt->s, .ctx = &stmt->s->ctx, .fd = -1};
    Stmt *query = NULL;
    Status st;
    TRY_ALLOC(c.ctx, c.arena, arena_create(stmt->run_arena, "copy out"));
    c.buf = strbuf_new(c.arena);
    c.value = strbuf_new(c.arena);
    TRY_GOTO(prepare_query(&c, ast, &query));
    TRY_GOTO(open_output(&c, ast));
    TRY_GOTO(put_header(&c));
    TRY_GOTO(stmt_run(query, put_row, &c));
    TRY_GOTO(flush(&c));
    stmt->affected = c.rows;
done:
    stmt_destroy(query);
    if (c.fd >= 0 && close(c.fd) != 0 && st == QN_OK)
        st = RAISE(c.ctx, ERR_IO_ERROR, "could not close COPY file: %s", strerror(errno));
    return st;
}
