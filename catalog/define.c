/* define.c - see define.h. */
#include "catalog/reloptions.h"
#include "catalog/define.h"
#include "types/function.h"
#include "catalog/catalog_priv.h"
#include "parser/deparse.h"
#include "types/opclass.h"
#include <stdlib.h>

static Status
finish(Ctx *ctx, StrBuf *b, const char **out)
{
    char *text;
    TRY(strbuf_finish(ctx, b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
add_name(Ctx *ctx, StrBuf *b, const Relation *rel, bool qualify)
{
    if (qualify || !catalog_relation_is_visible(ctx, rel->oid)) {
        deparse_ident(b, rel->schema);
        strbuf_addc(b, '.');
    }
    deparse_ident(b, rel->name);
    return QN_OK;
}

Status
define_name(Ctx *ctx, Arena *arena, Oid oid, const char **out)
{
    const Relation *rel;
    StrBuf b = strbuf_new(arena);
    TRY(catalog_relation_by_oid(ctx, oid, &rel));
    if (rel == NULL)
        strbuf_addf(&b, "%u", oid);
    else
        TRY(add_name(ctx, &b, rel, false));
    return finish(ctx, &b, out);
}

/* '16390'::regclass -> 't_a_seq'::regclass */
Status
define_expr(Ctx *ctx, Arena *arena, const char *sql, const char **out)
{
    StrBuf b = strbuf_new(arena);
    const char *p = sql;
    for (;;) {
        const char *at = strstr(p, "'::regclass");
        if (at == NULL) break;
        const char *digits = at;
        while (digits > p && ascii_is_digit(digits[-1])) digits--;
        if (digits == at || digits == p || digits[-1] != '\'') {
            strbuf_add(&b, p, (size_t)(at + 1 - p));
            p = at + 1;
            continue;
        }
        const char *name;
        TRY(define_name(ctx, arena, (Oid)strtoul(digits, NULL, 10), &name));
        strbuf_add(&b, p, (size_t)(digits - 1 - p));
        deparse_literal(&b, name);
        p = at + 1;
    }
    strbuf_addz(&b, p);
    return finish(ctx, &b, out);
}

const char *
define_builtin_doc(Oid oid)
{
    const Function *f = fn_by_oid(oid);
    const Aggregate *a = agg_by_oid(oid);
    const WindowFn *w = winfn_by_oid(oid);
    return f != NULL ? f->doc : a != NULL ? a->doc : w != NULL ? w->doc : NULL;
}

/* A string literal and nothing after it. */
static bool
is_string_literal(const char *sql)
{
    const char *p = sql + 1;
    if (*sql != '\'') return false;
    for (; *p != '\0'; p++) {
        if (*p != '\'') continue;
        if (p[1] != '\'') return p[1] == '\0';
        p++;
    }
    return false;
}

Status
define_default(Ctx *ctx, Arena *arena, const char *sql, Oid type, const char **out)
{
    const char *name;
    *out = sql;
    if (is_string_literal(sql)) {
        TRY(type_format(ctx, arena, type, -1, &name));
        TRY_ALLOC(ctx, *out, arena_printf(arena, "%s::%s", sql, name));
    } else if (sql[0] == '-' && sql[1] == ' ' && sql[2] != '\0' && strspn(sql + 2, "0123456789") == strlen(sql + 2) && strlen(sql + 2) < 10) {
        TRY_ALLOC(ctx, *out, arena_printf(arena, "'-%s'::integer", sql + 2));
    }
    return QN_OK;
}

static void
add_columns(StrBuf *b, const Relation *rel, const int *attnums, int n)
{
    for (int i = 0; i < n; i++) {
        if (i > 0) strbuf_addz(b, ", ");
        deparse_ident(b, rel->cols[attnums[i] - 1].name);
    }
}

/* A call, which needs no parentheses of its own: f(...), COALESCE(...). */
static bool
is_call(const char *sql)
{
    const char *p = sql;
    int depth = 0;
    char quote = '\0';
    while (ascii_is_alpha(*p) || ascii_is_digit(*p) || *p == '_' || *p == '.' || *p == '"') p++;
    if (*p != '(' || p == sql) return false;
    for (; *p != '\0'; p++) {
        if (quote != '\0') {
            if (*p == quote) quote = '\0';
            continue;
        }
        if (*p == '\'' || *p == '"') quote = *p;
        depth += (*p == '(') - (*p == ')');
        if (depth == 0) return p[1] == '\0';
    }
    return false;
}

void
define_index_column(StrBuf *b, const Relation *table, const IndexDef *ix, int i)
{
    if (ix->attnums[i] != 0) deparse_ident(b, table->cols[ix->attnums[i] - 1].name);
    else strbuf_addf(b, is_call(ix->exprs[i]) ? "%s" : "(%s)", ix->exprs[i]);
}

void
define_key_columns(StrBuf *b, const Relation *table, const IndexDef *ix)
{
    strbuf_addc(b, '(');
    for (int i = 0; i < ix->nkeys; i++) {
        if (i > 0) strbuf_addz(b, ", ");
        if (ix->attnums[i] != 0) deparse_ident(b, table->cols[ix->attnums[i] - 1].name);
        else strbuf_addz(b, ix->exprs[i]);
    }
    strbuf_addc(b, ')');
}

/* What the column has by itself. */
static Oid
own_collation(const Relation *table, const IndexDef *ix, int i)
{
    return ix->attnums[i] != 0 ? table->cols[ix->attnums[i] - 1].collation : 100;
}

static void
add_collation(StrBuf *b, Oid collation)
{
    strbuf_addf(b, " COLLATE \"%s\"", collation == 950 ? "C" : collation == 951 ? "POSIX" : "default");
}

/* WITH (...): values that are no plain words are quoted. */
static void
add_options(StrBuf *b, const char *options)
{
    size_t n;
    const char *option;
    for (int k = 0; (option = reloption_at(options, k, &n)) != NULL; k++) {
        const char *value = memchr(option, '=', n);
        StrBuf word = strbuf_new(b->arena), quoted = strbuf_new(b->arena);
        if (value == NULL) continue;
        strbuf_add(&word, value + 1, n - (size_t)(value + 1 - option));
        strbuf_addc(&word, '\0');
        if (word.failed) {
            b->failed = true;
            return;
        }
        deparse_ident(&quoted, word.data);
        bool plain = quoted.nbytes + 1 == word.nbytes;
        strbuf_addf(b, "%s%.*s=%s%s%s", k > 0 ? ", " : " WITH (", (int)(value - option), option, plain ? "" : "'", word.data, plain ? "" : "'");
    }
    if (options != NULL) strbuf_addc(b, ')');
}

Status
define_index(Ctx *ctx, Arena *arena, const Relation *index, const char **out)
{
    const IndexDef *ix = index->indexes[0];
    const Relation *table;
    StrBuf b = strbuf_new(arena);
    TRY(catalog_relation_by_oid(ctx, ix->rel_oid, &table));
    if (table == NULL) return RAISE_INTERNAL(ctx, "index %u has no table", ix->oid);
    strbuf_addz(&b, ix->unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    deparse_ident(&b, ix->name);
    strbuf_addz(&b, " ON ");
    TRY(add_name(ctx, &b, table, true));
    strbuf_addf(&b, " USING %s (", ix->method);
    for (int i = 0; i < ix->nkeys; i++) {
        if (i > 0) strbuf_addz(&b, ", ");
        define_index_column(&b, table, ix, i);
        if (ix->collations[i] != 0 && ix->collations[i] != own_collation(table, ix, i)) add_collation(&b, ix->collations[i]);
        const OpClass *c = ix->opclasses[i] != 0 ? opclass_by_oid(ix->opclasses[i]) : NULL;
        if (c != NULL) strbuf_addf(&b, " %s", c->name);
        if (ix->desc[i]) strbuf_addz(&b, " DESC");
        if (ix->nulls_first[i] != ix->desc[i])
            strbuf_addz(&b, ix->nulls_first[i] ? " NULLS FIRST" : " NULLS LAST");
    }
    strbuf_addc(&b, ')');
    if (ix->ncols > ix->nkeys) {
        strbuf_addz(&b, " INCLUDE (");
        add_columns(&b, table, ix->attnums + ix->nkeys, ix->ncols - ix->nkeys);
        strbuf_addc(&b, ')');
    }
    if (ix->nulls_not_distinct) strbuf_addz(&b, " NULLS NOT DISTINCT");
    add_options(&b, ix->options);
    if (ix->predicate != NULL) strbuf_addf(&b, " WHERE %s", ix->predicate);
    return finish(ctx, &b, out);
}

static void
add_action(StrBuf *b, const char *event, char action)
{
    const char *word = action == FK_RESTRICT      ? "RESTRICT"
                       : action == FK_CASCADE     ? "CASCADE"
                       : action == FK_SET_NULL    ? "SET NULL"
                       : action == FK_SET_DEFAULT ? "SET DEFAULT"
                                                  : NULL;
    if (word != NULL) strbuf_addf(b, " ON %s %s", event, word);
}

static Status
define_foreign(Ctx *ctx, StrBuf *b, const Relation *rel, const RelConstraint *c)
{
    const Relation *ref;
    TRY(catalog_relation_by_oid(ctx, c->ref_rel_oid, &ref));
    if (ref == NULL) return RAISE_INTERNAL(ctx, "constraint %u refers to nothing", c->oid);
    strbuf_addz(b, "FOREIGN KEY (");
    add_columns(b, rel, c->attnums, c->nkeys);
    strbuf_addz(b, ") REFERENCES ");
    TRY(add_name(ctx, b, ref, false));
    strbuf_addc(b, '(');
    add_columns(b, ref, c->ref_attnums, c->nkeys);
    strbuf_addc(b, ')');
    if (c->match == 'f') strbuf_addz(b, " MATCH FULL");
    add_action(b, "UPDATE", c->on_update);
    add_action(b, "DELETE", c->on_delete);
    if (c->nset > 0) {
        strbuf_addz(b, " (");
        add_columns(b, rel, c->set_attnums, c->nset);
        strbuf_addc(b, ')');
    }
    return QN_OK;
}

static bool
is_name_char(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_' || c == '.' || c == '"' || (unsigned char)c >= 0x80;
}

/* A domain's check, in which VALUE stands for the value. */
static void
add_domain_check(StrBuf *b, const char *sql)
{
    bool in_string = false;
    strbuf_addz(b, "CHECK ((");
    for (const char *p = sql; *p != '\0'; p++) {
        if (*p == '\'') in_string = !in_string;
        if (!in_string && strncmp(p, "value", 5) == 0 && (p == sql || !is_name_char(p[-1])) && !is_name_char(p[5])) {
            strbuf_addz(b, "VALUE");
            p += 4;
        } else {
            strbuf_addc(b, *p);
        }
    }
    strbuf_addz(b, "))");
}

Status
define_constraint(Ctx *ctx, Arena *arena, const RelConstraint *c, const char **out)
{
    const Relation *rel;
    StrBuf b = strbuf_new(arena);
    TRY(catalog_relation_by_oid(ctx, c->rel_oid, &rel));
    if (rel == NULL && c->kind == CONSTRAINT_CHECK) {
        add_domain_check(&b, c->check_sql);
        if (!c->validated) strbuf_addz(&b, " NOT VALID");
        return finish(ctx, &b, out);
    }
    if (rel == NULL) return RAISE_INTERNAL(ctx, "constraint %u has no table", c->oid);
    switch (c->kind) {
    case CONSTRAINT_CHECK: strbuf_addf(&b, "CHECK ((%s))", c->check_sql); break;
    case CONSTRAINT_FOREIGN: TRY(define_foreign(ctx, &b, rel, c)); break;
    default: {
        const IndexDef *ix = relation_index_by_oid(rel, c->index_oid);
        strbuf_addz(&b, c->kind == CONSTRAINT_PRIMARY ? "PRIMARY KEY (" : "UNIQUE ");
        if (c->kind == CONSTRAINT_UNIQUE && ix != NULL && ix->nulls_not_distinct)
            strbuf_addz(&b, "NULLS NOT DISTINCT ");
        if (c->kind == CONSTRAINT_UNIQUE) strbuf_addc(&b, '(');
        add_columns(&b, rel, c->attnums, c->nkeys);
        strbuf_addc(&b, ')');
        if (ix != NULL && ix->ncols > ix->nkeys) {
            strbuf_addz(&b, " INCLUDE (");
            add_columns(&b, rel, ix->attnums + ix->nkeys, ix->ncols - ix->nkeys);
            strbuf_addc(&b, ')');
        }
    }
    }
    if (c->deferrable) strbuf_addz(&b, " DEFERRABLE");
    if (c->initially_deferred) strbuf_addz(&b, " INITIALLY DEFERRED");
    if (!c->validated) strbuf_addz(&b, " NOT VALID");
    return finish(ctx, &b, out);
}

Status
define_find_constraint(Ctx *ctx, Arena *arena, Oid oid, const RelConstraint **out)
{
    CatObj *o = catalog_get(ctx, oid);
    RelConstraint *c = NULL;
    Status st = QN_OK;
    if (o != NULL && o->kind == OBJ_CONSTRAINT) st = catobj_to_constraint(ctx, arena, o, &c);
    catobj_unref(o);
    *out = c;
    return st;
}

static bool
is_in_schema(Ctx *ctx, const CatObj *o, Oid schema)
{
    CatObj *table = catalog_get(ctx, o->parent);
    bool is_in = table != NULL && table->schema == schema;
    catobj_unref(table);
    return is_in;
}

Status
define_constraints_named(Ctx *ctx, Arena *arena, Oid schema, const char *name, const RelConstraint ***out, int *n_out)
{
    CatObjList all;
    const RelConstraint **list = NULL;
    int n = 0;
    Status st = QN_OK;
    TRY(catalog_all(ctx, arena, OBJ_CONSTRAINT, &all));
    TRY_ALLOC_GOTO(ctx, list, ARENA_ARRAY(arena, const RelConstraint *, all.count + 1));
    for (int i = 0; i < all.count; i++) {
        RelConstraint *c;
        if (strcmp(all.items[i]->name, name) != 0 || !is_in_schema(ctx, all.items[i], schema)) continue;
        TRY_GOTO(catobj_to_constraint(ctx, arena, all.items[i], &c));
        list[n++] = c;
    }
done:
    catobj_list_release(&all);
    *out = list;
    *n_out = n;
    return st;
}
