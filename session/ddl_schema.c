/* ddl_schema.c - ALTER SCHEMA ... RENAME: what keeps the name of a schema as text follows, or forbids it. */
#include "catalog/routine.h"
#include "parser/deparse.h"
#include "session/ddl.h"

typedef struct SchemaRename {
    Ddl *d;
    const char *from, *to;
} SchemaRename;

static bool
is_word(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Whether a text names something of the schema: its name with a dot behind. What only looks so counts too. */
static bool
mentions(const SchemaRename *r, const char *text)
{
    size_t n = strlen(r->from);
    for (const char *p = text; p != NULL && (p = strstr(p, r->from)) != NULL; p++) {
        const char *end = p + n;
        if (p > text && is_word(p[-1])) continue;
        if (*end == '"') end++;
        while (ascii_is_space(*end)) end++;
        if (*end == '.') return true;
    }
    return false;
}

/* A search_path with the new name in place of the old one. */
static Status
renamed_path(const SchemaRename *r, const char *path, const char **out)
{
    StrBuf b = strbuf_new(r->d->arena);
    char *text;
    *out = path;
    if (path == NULL || strstr(path, r->from) == NULL) return QN_OK;
    for (const char *p = path; *p != '\0';) {
        const char *end = strchr(p, ',');
        if (end == NULL) end = p + strlen(p);
        const char *from = p, *to = end;
        while (from < to && ascii_is_space(*from)) from++;
        while (to > from && ascii_is_space(to[-1])) to--;
        if (to - from >= 2 && *from == '"') from++, to--;
        if (p > path) strbuf_addz(&b, ", ");
        if ((size_t)(to - from) == strlen(r->from) && memcmp(from, r->from, (size_t)(to - from)) == 0)
            deparse_ident(&b, r->to);
        else
            strbuf_add(&b, p, (size_t)(end - p));
        p = *end == ',' ? end + 1 : end;
    }
    TRY(strbuf_finish(r->d->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

static Status
refuse(const SchemaRename *r, const char *what, const char *name)
{
    return RAISE(r->d->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot rename schema \"%s\" because %s \"%s\" names it", r->from, what, name);
}

static Status
follow_relation(const SchemaRename *r, Oid oid)
{
    RelDef *def;
    const char *path;
    TRY(ddl_edit_relation(r->d->ctx, r->d->arena, oid, &def));
    for (int i = 0; i < def->ncols; i++)
        if (mentions(r, def->cols[i].col.default_sql)) return refuse(r, "a default of relation", def->name);
    if (def->view_sql == NULL) return QN_OK;
    if (mentions(r, def->view_sql)) return refuse(r, "view", def->name);
    TRY(renamed_path(r, def->view_path, &path));
    if (path == def->view_path) return QN_OK;
    def->view_path = path;
    return ddl_put_relation(r->d->ctx, def);
}

static Status
follow_routines(const SchemaRename *r)
{
    const Routine **list;
    int n;
    TRY(catalog_all_routines(r->d->ctx, r->d->arena, &list, &n));
    for (int i = 0; i < n; i++) {
        Routine *f = (Routine *)list[i]; /* ours: it was unpacked for this statement */
        for (int k = 0; k < f->nparams; k++)
            if (mentions(r, f->params[k].default_sql)) return refuse(r, "function", f->fn.name);
        if (!f->is_atomic) continue;
        const char *path;
        if (mentions(r, f->body)) return refuse(r, "function", f->fn.name);
        TRY(renamed_path(r, f->path, &path));
        if (path == f->path) continue;
        f->path = path;
        TRY(ddl_put_routine(r->d->ctx, f));
    }
    return QN_OK;
}

static Status
check_constraints(const SchemaRename *r)
{
    CatObjList list;
    Status st = QN_OK;
    TRY(ddl_all_objects(r->d->ctx, OBJ_CONSTRAINT, &list));
    for (int i = 0; st == QN_OK && i < list.count; i++) {
        RelConstraint *c;
        if (list.items[i]->relkind != CONSTRAINT_CHECK) continue;
        st = catobj_to_constraint(r->d->ctx, r->d->arena, list.items[i], &c);
        if (st == QN_OK && mentions(r, c->check_sql)) st = refuse(r, "constraint", c->name);
    }
    catobj_list_release(&list);
    return st;
}

Status
ddl_rename_schema(Ddl *d, const RenameStmt *s)
{
    Ctx *ctx = d->ctx;
    SchemaRename r = {.d = d, .from = s->subname, .to = s->newname};
    CatObjList list;
    Status st = QN_OK;
    Oid oid = catalog_schema_oid(ctx, s->subname);
    if (oid == INVALID_OID) return RAISE(ctx, ERR_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", s->subname);
    TRY(ddl_lock_name(ctx, INVALID_OID, s->newname));
    if (catalog_schema_oid(ctx, s->newname) != INVALID_OID)
        return RAISE(ctx, ERR_DUPLICATE_SCHEMA, "schema \"%s\" already exists", s->newname);
    if (strncmp(s->newname, "pg_", 3) == 0)
        return err_detail(ctx, RAISE(ctx, ERR_RESERVED_NAME, "unacceptable schema name \"%s\"", s->newname),
                          "The prefix \"pg_\" is reserved for system schemas.");
    if (oid < OID_FIRST_USER && oid != OID_PUBLIC)
        return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE, "must be owner of schema %s", s->subname);
    TRY(ddl_all_objects(ctx, OBJ_RELATION, &list));
    for (int i = 0; st == QN_OK && i < list.count; i++) st = follow_relation(&r, list.items[i]->oid);
    catobj_list_release(&list);
    TRY(st);
    TRY(follow_routines(&r));
    TRY(check_constraints(&r));
    return ddl_put_schema(ctx, oid, s->newname);
}
