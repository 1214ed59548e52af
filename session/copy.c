/* copy.c - COPY: options and columns. */
#include "session/copy.h"
#include <stdio.h>

static Status
option_error(Ctx *ctx, const DefElem *d, Status code, const char *text)
{
    return err_position(ctx, RAISE(ctx, code, "%s", text), d->loc);
}

const char *
option_text(const DefElem *d)
{
    if (d->arg != NULL && ast_is(d->arg, TypeName)) { /* a word */
        const AstList *names = &AST_AS(TypeName, d->arg)->names;
        return ast_str(names->items[names->count - 1]);
    }
    if (d->arg == NULL) return NULL;
    if (ast_is(d->arg, StringNode)) return ast_str(d->arg);
    if (ast_is(d->arg, A_Const)) return AST_AS(A_Const, d->arg)->str;
    return NULL;
}

Status
option_bool(Ctx *ctx, const DefElem *d, bool *out)
{
    const char *text = option_text(d);
    if (d->arg == NULL) {
        *out = true;
    } else if (text == NULL && ast_is(d->arg, A_Const)) {
        *out = AST_AS(A_Const, d->arg)->ival != 0;
    } else if (text != NULL && (ascii_casecmp(text, "true") == 0 || ascii_casecmp(text, "on") == 0)) {
        *out = true;
    } else if (text != NULL && (ascii_casecmp(text, "false") == 0 || ascii_casecmp(text, "off") == 0)) {
        *out = false;
    } else {
        return RAISE(ctx, ERR_SYNTAX_ERROR, "%s requires a Boolean value", d->name);
    }
    return QN_OK;
}

static Status
option_list(Ctx *ctx, const DefElem *d, const AstList **list_out, bool *all_out)
{
    if (ast_is(d->arg, A_Star)) {
        *all_out = true;
        return QN_OK;
    }
    if (!ast_is(d->arg, ListNode))
        return err_position(ctx,
                            RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                                  "argument to option \"%s\" must be a list of column names", d->name),
                            d->loc);
    *list_out = &AST_AS(ListNode, d->arg)->items;
    return QN_OK;
}

typedef struct RawOptions {
    const char *delimiter, *null_text, *quote, *escape;
    bool has_format;
} RawOptions;

static Status
read_option(Ctx *ctx, const DefElem *d, CopyOptions *o, RawOptions *raw)
{
    const char *text = option_text(d);
    bool ignored;
    if (strcmp(d->name, "format") == 0) {
        if (raw->has_format)
            return option_error(ctx, d, ERR_SYNTAX_ERROR, "conflicting or redundant options");
        raw->has_format = true;
        if (text != NULL && strcmp(text, "csv") == 0)
            o->csv = true;
        else if (text != NULL && strcmp(text, "binary") == 0)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY in binary format is not supported yet");
        else if (text == NULL || strcmp(text, "text") != 0)
            return err_position(ctx,
                                RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                                      "COPY format \"%s\" not recognized", text != NULL ? text : ""),
                                d->loc);
        return QN_OK;
    }
    if (strcmp(d->name, "freeze") == 0) return option_bool(ctx, d, &ignored);
    if (strcmp(d->name, "delimiter") == 0) raw->delimiter = text;
    else if (strcmp(d->name, "null") == 0) raw->null_text = text;
    else if (strcmp(d->name, "quote") == 0) raw->quote = text;
    else if (strcmp(d->name, "escape") == 0) raw->escape = text;
    else if (strcmp(d->name, "header") == 0) {
        if (text != NULL && ascii_casecmp(text, "match") == 0) {
            o->header = o->header_match = true;
            return QN_OK;
        }
        return option_bool(ctx, d, &o->header);
    } else if (strcmp(d->name, "force_quote") == 0)
        return option_list(ctx, d, &o->force_quote, &o->force_quote_all);
    else if (strcmp(d->name, "force_not_null") == 0)
        return option_list(ctx, d, &o->force_not_null, &o->force_not_null_all);
    else if (strcmp(d->name, "force_null") == 0)
        return option_list(ctx, d, &o->force_null, &o->force_null_all);
    else if (strcmp(d->name, "encoding") == 0) {
        if (text == NULL || (ascii_casecmp(text, "utf8") != 0 && ascii_casecmp(text, "utf-8") != 0))
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY supports encoding UTF8 only");
    } else
        return err_position(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "option \"%s\" not recognized", d->name), d->loc);
    return QN_OK;
}

static Status
one_byte(Ctx *ctx, const char *what, const char *text, char *out)
{
    if (strlen(text) != 1)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY %s must be a single one-byte character", what);
    *out = text[0];
    return QN_OK;
}

static Status
check_csv_only(Ctx *ctx, const CopyOptions *o, const RawOptions *raw, bool is_from)
{
    const char *what = raw->quote != NULL ? "quote" : raw->escape != NULL ? "escape" : NULL;
    if (!o->csv && what != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY %s available only in CSV mode", what);
    if ((o->force_quote != NULL || o->force_quote_all) && (!o->csv || is_from))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     o->csv ? "COPY force quote only available using COPY TO"
                            : "COPY force quote available only in CSV mode");
    if ((o->force_not_null != NULL || o->force_not_null_all) && (!o->csv || !is_from))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     o->csv ? "COPY force not null only available using COPY FROM"
                            : "COPY force not null available only in CSV mode");
    if ((o->force_null != NULL || o->force_null_all) && (!o->csv || !is_from))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     o->csv ? "COPY force null only available using COPY FROM"
                            : "COPY force null available only in CSV mode");
    return QN_OK;
}

Status
copy_options(Ctx *ctx, const AstList *list, bool is_from, CopyOptions *o)
{
    RawOptions raw = {0};
    memset(o, 0, sizeof(*o));
    for (int i = 0; i < list->count; i++) TRY(read_option(ctx, AST_AS(DefElem, list->items[i]), o, &raw));
    TRY(one_byte(ctx, "delimiter", raw.delimiter != NULL ? raw.delimiter : o->csv ? "," : "\t",
                 &o->delimiter));
    o->null_text = raw.null_text != NULL ? raw.null_text : o->csv ? "" : "\\N";
    o->null_bytes = strlen(o->null_text);
    TRY(check_csv_only(ctx, o, &raw, is_from));
    if (o->csv) {
        TRY(one_byte(ctx, "quote", raw.quote != NULL ? raw.quote : "\"", &o->quote));
        o->escape = o->quote;
        if (raw.escape != NULL) TRY(one_byte(ctx, "escape", raw.escape, &o->escape));
        if (o->delimiter == o->quote)
            return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "COPY delimiter and quote must be different");
        if (strchr(o->null_text, o->quote) != NULL)
            return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                         "CSV quote character must not appear in the NULL specification");
    }
    if (o->delimiter == '\n' || o->delimiter == '\r')
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "COPY delimiter cannot be newline or carriage return");
    if (strchr(o->null_text, '\n') != NULL || strchr(o->null_text, '\r') != NULL)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "COPY null representation cannot use newline or carriage return");
    if (!o->csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", o->delimiter) != NULL)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be \"%c\"", o->delimiter);
    if (strchr(o->null_text, o->delimiter) != NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     "COPY delimiter must not appear in the NULL specification");
    return QN_OK;
}

Status
copy_columns(Ctx *ctx, const Relation *rel, const AstList *names, int **out, int *n_out)
{
    int *list, n = 0;
    TRY_ALLOC(ctx, list, ARENA_ARRAY(ctx->stmt_arena, int, rel->ncols + 1));
    for (int i = 0; names->count == 0 && i < rel->ncols; i++)
        if (!rel->cols[i].dropped && rel->cols[i].generated == '\0') list[n++] = i;
    for (int i = 0; i < names->count; i++) {
        const char *name = ast_str(names->items[i]);
        const Column *c = relation_column(rel, name);
        if (c == NULL)
            return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                         rel->name);
        if (c->generated != '\0')
            return err_detail(ctx,
                              RAISE(ctx, ERR_INVALID_COLUMN_REFERENCE, "column \"%s\" is a generated column",
                                    name),
                              "Generated columns cannot be used in COPY.");
        for (int k = 0; k < n; k++)
            if (list[k] == c->attnum - 1)
                return RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" specified more than once", name);
        list[n++] = c->attnum - 1;
    }
    *out = list;
    *n_out = n;
    return QN_OK;
}

Status
utility_copy(Stmt *stmt, const CopyStmt *c)
{
    if (c->is_program)
        return RAISE(&stmt->s->ctx, ERR_FEATURE_NOT_SUPPORTED, "COPY to or from a program is not supported yet");
    Status st = c->is_from ? copy_from(stmt, c) : copy_to(stmt, c);
    if (st == QN_OK)
        snprintf(stmt->tag, sizeof(stmt->tag), "COPY %lld", (long long)stmt->affected);
    return st;
}
