/* ddl_validate.c - whether the rows of a table keep a constraint that is being added: queries of our own. */
#include "catalog/collation.h"
#include "parser/deparse.h"
#include "session/ddl.h"

Status
ddl_query(Ddl *d, const char *sql, Status (*row)(Stmt *stmt, void *arg), void *arg)
{
    Ctx *ctx = d->ctx;
    Stmt *stmt;
    size_t consumed;
    TRY(stmt_prepare(d->s, sql, strlen(sql), &stmt, &consumed));
    stmt->is_exclusive = true;
    Status st = stmt_run(stmt, row, arg);
    stmt_destroy(stmt);
    TRY(st);
    return tx_command_begin(ctx); /* the outer command goes on, and sees what this one did */
}

/* "schema"."name" */
static void
add_relation(StrBuf *b, const Relation *rel)
{
    deparse_ident(b, rel->schema);
    strbuf_addc(b, '.');
    deparse_ident(b, rel->name);
}

static Status
found(Stmt *stmt, void *arg)
{
    (void)stmt;
    *(bool *)arg = true;
    return QN_OK;
}

Status
ddl_query_any(Ddl *d, const char *sql, bool *any_out)
{
    *any_out = false;
    return ddl_query(d, sql, found, any_out);
}

static Status
any_row(Ddl *d, StrBuf *b, bool *out)
{
    char *sql;
    TRY(strbuf_finish(d->ctx, b, &sql, NULL));
    return ddl_query_any(d, sql, out);
}

Status
ddl_validate_check(Ddl *d, const Relation *rel, const RelConstraint *c)
{
    StrBuf b = strbuf_new(d->arena);
    bool violated;
    strbuf_addz(&b, "SELECT 1 FROM ONLY ");
    add_relation(&b, rel);
    strbuf_addf(&b, " WHERE NOT (%s) LIMIT 1", c->check_sql);
    TRY(any_row(d, &b, &violated));
    if (!violated) return QN_OK;
    return RAISE(d->ctx, ERR_CHECK_VIOLATION,
                 "check constraint \"%s\" of relation \"%s\" is violated by some row", c->name, rel->name);
}

Status
ddl_validate_not_null(Ddl *d, const Relation *rel, const char *column)
{
    StrBuf b = strbuf_new(d->arena);
    bool violated;
    strbuf_addz(&b, "SELECT 1 FROM ONLY ");
    add_relation(&b, rel);
    strbuf_addz(&b, " WHERE ");
    deparse_ident(&b, column);
    strbuf_addz(&b, " IS NULL LIMIT 1");
    TRY(any_row(d, &b, &violated));
    if (!violated) return QN_OK;
    return RAISE(d->ctx, ERR_NOT_NULL_VIOLATION, "column \"%s\" of relation \"%s\" contains null values",
                 column, rel->name);
}

/* The key of a row that refers to nothing: "(a, b)=(1, 2)". */
typedef struct Orphan {
    Ddl *d;
    const Relation *rel;
    const RelConstraint *c;
    const char *key;
} Orphan;

static Status
see_orphan(Stmt *stmt, void *arg)
{
    Orphan *o = arg;
    Ctx *ctx = o->d->ctx;
    StrBuf b = strbuf_new(o->d->arena);
    char *text;
    for (int i = 0; i < o->c->nkeys; i++)
        strbuf_addf(&b, "%s%s", i > 0 ? ", " : "(", o->rel->cols[o->c->attnums[i] - 1].name);
    for (int i = 0; i < o->c->nkeys; i++) {
        Value v;
        strbuf_addz(&b, i > 0 ? ", " : ")=(");
        if (stmt_value(stmt, i, &v) && !v.is_null) TRY(value_out(ctx, &b, &v));
        else strbuf_addz(&b, "null");
    }
    strbuf_addc(&b, ')');
    TRY(strbuf_finish(ctx, &b, &text, NULL));
    o->key = text;
    return QN_OK;
}

/* Keys are compared by the referenced column's collation. */
static Status
add_key_collation(Ddl *d, StrBuf *b, const Column *pk, const Column *fk)
{
    const char *name;
    if (pk->collation == fk->collation || pk->collation == INVALID_OID || fk->collation == INVALID_OID) return QN_OK;
    TRY(catalog_collation_name(d->ctx, d->arena, pk->collation, &name));
    if (name != NULL) strbuf_addf(b, " COLLATE %s", name);
    return QN_OK;
}

Status
ddl_validate_foreign(Ddl *d, const Relation *rel, const Relation *ref, const RelConstraint *c)
{
    Ctx *ctx = d->ctx;
    StrBuf b = strbuf_new(d->arena);
    Orphan orphan = {.d = d, .rel = rel, .c = c};
    char *sql;
    strbuf_addz(&b, "SELECT ");
    for (int i = 0; i < c->nkeys; i++) {
        strbuf_addz(&b, i > 0 ? ", fk." : "fk.");
        deparse_ident(&b, rel->cols[c->attnums[i] - 1].name);
    }
    strbuf_addz(&b, " FROM ONLY ");
    add_relation(&b, rel);
    strbuf_addz(&b, " fk WHERE ");
    for (int i = 0; i < c->nkeys; i++) {
        if (i > 0) strbuf_addz(&b, c->match == 'f' ? " OR " : " AND ");
        else strbuf_addc(&b, '(');
        strbuf_addz(&b, "fk.");
        deparse_ident(&b, rel->cols[c->attnums[i] - 1].name);
        strbuf_addz(&b, " IS NOT NULL");
    }
    strbuf_addz(&b, ref->kind == RELKIND_PARTITIONED ? ") AND NOT EXISTS (SELECT 1 FROM " : ") AND NOT EXISTS (SELECT 1 FROM ONLY ");
    add_relation(&b, ref);
    strbuf_addz(&b, " pk WHERE ");
    for (int i = 0; i < c->nkeys; i++) {
        strbuf_addz(&b, i > 0 ? " AND pk." : "pk.");
        deparse_ident(&b, ref->cols[c->ref_attnums[i] - 1].name);
        strbuf_addz(&b, " = fk.");
        deparse_ident(&b, rel->cols[c->attnums[i] - 1].name);
        TRY(add_key_collation(d, &b, &ref->cols[c->ref_attnums[i] - 1], &rel->cols[c->attnums[i] - 1]));
    }
    strbuf_addz(&b, ") LIMIT 1");
    TRY(strbuf_finish(ctx, &b, &sql, NULL));
    TRY(ddl_query(d, sql, see_orphan, &orphan));
    if (orphan.key == NULL) return QN_OK;
    return err_detail(ctx,
                      RAISE(ctx, ERR_FOREIGN_KEY_VIOLATION,
                            "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
                            rel->name, c->name),
                      "Key %s is not present in table \"%s\".", orphan.key, ref->name);
}

Status
ddl_validate_detach(Ddl *d, const Relation *part, const Relation *ref, const RelConstraint *c)
{
    Ctx *ctx = d->ctx;
    const Relation *from;
    StrBuf b = strbuf_new(d->arena);
    char *sql;
    TRY(catalog_relation_by_oid(ctx, c->rel_oid, &from));
    if (from == NULL) return QN_OK;
    Orphan orphan = {.d = d, .rel = from, .c = c};
    strbuf_addz(&b, "SELECT ");
    for (int i = 0; i < c->nkeys; i++) {
        strbuf_addz(&b, i > 0 ? ", fk." : "fk.");
        deparse_ident(&b, from->cols[c->attnums[i] - 1].name);
    }
    strbuf_addz(&b, " FROM ");
    add_relation(&b, from);
    strbuf_addz(&b, " fk JOIN ");
    add_relation(&b, part);
    for (int i = 0; i < c->nkeys; i++) {
        strbuf_addz(&b, i > 0 ? " AND pk." : " pk ON pk.");
        deparse_ident(&b, ref->cols[c->ref_attnums[i] - 1].name);
        strbuf_addz(&b, " = fk.");
        deparse_ident(&b, from->cols[c->attnums[i] - 1].name);
        TRY(add_key_collation(d, &b, &ref->cols[c->ref_attnums[i] - 1], &from->cols[c->attnums[i] - 1]));
    }
    strbuf_addz(&b, " LIMIT 1");
    TRY(strbuf_finish(ctx, &b, &sql, NULL));
    TRY(ddl_query(d, sql, see_orphan, &orphan));
    if (orphan.key == NULL) return QN_OK;
    return err_detail(ctx,
                      RAISE(ctx, ERR_FOREIGN_KEY_VIOLATION, "removing partition \"%s\" violates foreign key constraint \"%s\"",
                            part->name, c->name),
                      "Key %s is still referenced from table \"%s\".", orphan.key, from->name);
}
