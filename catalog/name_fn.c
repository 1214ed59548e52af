/* name_fn.c - functions about names, definitions and sizes of what is in the catalog. */
#include "catalog/catalog_priv.h"
#include "catalog/definition.h"
#include "catalog/define.h"
#include "catalog/routine.h"
#include "common/settings.h"
#include "storage/db.h"
#include "storage/index.h"
#include "types/kernel.h"

/* Puts a text in the result; NULL makes the row NULL. The text must live as long as the result. */
static void
put_text(KernelCall *call, int row, const char *text)
{
    if (text == NULL)
        out_set_null(call, row);
    else
        OUT(call, Str, row) = str_make(text, strlen(text));
}

static Status
constant_text(KernelCall *call, const char *text)
{
    ROWS(call, i) put_text(call, i, text);
    return QN_OK;
}

Status
fn_current_user(KernelCall *call)
{
    return constant_text(call, CATALOG_ROLE_NAME);
}

Status
fn_session_user(KernelCall *call)
{
    return constant_text(call, CATALOG_ROLE_NAME);
}

Status
catalog_database_name(Ctx *ctx, Arena *arena, const char **out)
{
    const char *path = db_in_memory(ctx) ? "memory" : db_path(ctx);
    const char *slash = strrchr(path, '/');
    if (slash != NULL) path = slash + 1;
    const char *dot = strrchr(path, '.');
    size_t n = dot != NULL && dot != path ? (size_t)(dot - path) : strlen(path);
    TRY_ALLOC(ctx, *out, arena_strndup(arena, path, n));
    return QN_OK;
}

Status
fn_current_database(KernelCall *call)
{
    const char *name;
    TRY(catalog_database_name(call->ctx, call->arena, &name));
    return constant_text(call, name);
}

Status fn_getdatabaseencoding(KernelCall *call) { return constant_text(call, "UTF8"); }
Status fn_pg_client_encoding(KernelCall *call) { return constant_text(call, "UTF8"); }

Status
fn_current_schema(KernelCall *call)
{
    Ctx *ctx = call->ctx;
    TRY(catalog_path_refresh(ctx));
    const char *name = NULL;
    if (ctx->catalog->npath > 0) name = catalog_schema_name(ctx, ctx->catalog->path[0]);
    if (name != NULL) TRY_ALLOC(ctx, name, arena_strdup(call->arena, name));
    return constant_text(call, name);
}

Status
fn_current_schemas(KernelCall *call)
{
    Ctx *ctx = call->ctx;
    ROWS(call, i) {
        Oid *list;
        int n;
        StrBuf b = strbuf_new(call->arena);
        char *text;
        Value v;
        TRY(catalog_search_path(ctx, call->arena, ARG(call, 0, uint8_t, i) != 0, &list, &n));
        strbuf_addc(&b, '{');
        for (int k = 0; k < n; k++) {
            const char *name = catalog_schema_name(ctx, list[k]);
            strbuf_addf(&b, "%s\"%s\"", k > 0 ? "," : "", name != NULL ? name : "");
        }
        strbuf_addc(&b, '}');
        TRY(strbuf_finish(ctx, &b, &text, NULL));
        TRY(value_in(ctx, call->arena, text, strlen(text), TYPE_NAME_ARRAY, -1, &v));
        OUT(call, Str, i) = v.str;
    }
    return QN_OK;
}

Status
fn_pg_my_temp_schema(KernelCall *call)
{
    ROWS(call, i) OUT(call, int32_t, i) = (int32_t)catalog_temp_schema(call->ctx);
    return QN_OK;
}

Status
fn_pg_is_other_temp_schema(KernelCall *call)
{
    ROWS(call, i) {
        bool ours;
        bool is_temp = catalog_is_temp_schema(call->ctx, ARG(call, 0, Oid, i), &ours);
        OUT(call, uint8_t, i) = is_temp && !ours;
    }
    return QN_OK;
}

Status
fn_pgsql_version(KernelCall *call)
{
    return constant_text(call, "PostgreSQL 15.0 compatible Quern 0.1.0");
}

Status
fn_pg_backend_pid(KernelCall *call)
{
    ROWS(call, i) OUT(call, int32_t, i) = db_conn_slot(call->ctx) + 1;
    return QN_OK;
}

Status
fn_format_type(KernelCall *call)
{
    ROWS(call, i) {
        if (vec_is_null(call->args[0], i)) {
            out_set_null(call, i);
            continue;
        }
        Oid type = (Oid)ARG(call, 0, int32_t, i);
        int32_t typmod = vec_is_null(call->args[1], i) ? -1 : ARG(call, 1, int32_t, i);
        const char *text = type == 0 ? "-" : "???";
        if (type_info(type) != NULL) TRY(type_format(call->ctx, call->arena, type, typmod, &text));
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_text_regclass(KernelCall *call)
{
    ROWS(call, i) {
        Str s = ARG(call, 0, Str, i);
        Value v;
        TRY(value_in(call->ctx, call->arena, str_data(&s), s.len, TYPE_REGCLASS, -1, &v));
        OUT(call, int32_t, i) = v.i32;
    }
    return QN_OK;
}

Status
fn_to_regclass(KernelCall *call)
{
    ROWS(call, i) {
        Str s = ARG(call, 0, Str, i);
        Oid oid;
        TRY(catalog_regclass(call->ctx, call->arena, str_data(&s), s.len, true, &oid));
        if (oid == INVALID_OID)
            out_set_null(call, i);
        else
            OUT(call, int32_t, i) = (int32_t)oid;
    }
    return QN_OK;
}

Status
fn_pg_table_is_visible(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        TRY(catalog_relation_by_oid(call->ctx, oid, &rel));
        if (rel == NULL)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) = catalog_relation_is_visible(call->ctx, oid);
    }
    return QN_OK;
}

Status
fn_pg_type_is_visible(KernelCall *call)
{
    ROWS(call, i) {
        if (type_info((Oid)ARG(call, 0, int32_t, i)) == NULL)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) = true;
    }
    return QN_OK;
}

/* Whether names of the schema are found without it. */
static Status
schema_is_in_path(KernelCall *call, Oid schema, bool *out)
{
    Oid *schemas;
    int n;
    TRY(catalog_search_path(call->ctx, call->arena, true, &schemas, &n));
    *out = false;
    for (int i = 0; i < n; i++) *out |= schemas[i] == schema;
    return QN_OK;
}

Status
fn_pg_function_is_visible(KernelCall *call)
{
    ROWS(call, i) {
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        const Routine *r = NULL;
        if (oid >= OID_FIRST_USER) TRY(catalog_routine(call->ctx, call->arena, oid, &r));
        bool visible = true;
        if (r != NULL) TRY(schema_is_in_path(call, r->schema_oid, &visible));
        if (r == NULL && fn_by_oid(oid) == NULL && agg_by_oid(oid) == NULL && winfn_by_oid(oid) == NULL)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) = visible;
    }
    return QN_OK;
}

Status
fn_pg_get_userbyid(KernelCall *call)
{
    ROWS(call, i) {
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        const char *name = CATALOG_ROLE_NAME;
        if (oid != OID_BOOTSTRAP_ROLE)
            TRY_ALLOC(call->ctx, name, arena_printf(call->arena, "unknown (OID=%u)", oid));
        put_text(call, i, name);
    }
    return QN_OK;
}

/* ---- definitions ---- */

Status
fn_pg_get_expr(KernelCall *call)
{
    ROWS(call, i) {
        Str s = ARG(call, 0, Str, i);
        char *sql;
        const char *text;
        TRY_ALLOC(call->ctx, sql, arena_strndup(call->arena, str_data(&s), s.len));
        TRY(define_expr(call->ctx, call->arena, sql, &text));
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_get_expr_ext(KernelCall *call)
{
    return fn_pg_get_expr(call);
}

Status
fn_pg_get_indexdef(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        const char *text = NULL;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel != NULL && relation_base_kind(rel) == RELKIND_INDEX)
            TRY(define_index(call->ctx, call->arena, rel, &text));
        put_text(call, i, text);
    }
    return QN_OK;
}

static Status
index_column_text(KernelCall *call, const Relation *table, const IndexDef *ix, int i, const char **out)
{
    StrBuf b = strbuf_new(call->arena);
    char *text;
    define_index_column(&b, table, ix, i);
    TRY(strbuf_finish(call->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

Status
fn_pg_get_indexdef_ext(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel, *table;
        const char *text = NULL;
        int column = ARG(call, 1, int32_t, i);
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel != NULL && relation_base_kind(rel) == RELKIND_INDEX) {
            const IndexDef *ix = rel->indexes[0];
            TRY(catalog_relation_by_oid(call->ctx, ix->rel_oid, &table));
            if (column == 0)
                TRY(define_index(call->ctx, call->arena, rel, &text));
            else if (column > 0 && column <= ix->ncols && table != NULL)
                TRY(index_column_text(call, table, ix, column - 1, &text));
        }
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_get_constraintdef(KernelCall *call)
{
    ROWS(call, i) {
        const RelConstraint *c;
        const char *text = NULL;
        TRY(define_find_constraint(call->ctx, call->arena, (Oid)ARG(call, 0, int32_t, i), &c));
        if (c != NULL) TRY(define_constraint(call->ctx, call->arena, c, &text));
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_get_constraintdef_ext(KernelCall *call)
{
    TRY(fn_pg_get_constraintdef(call));
    ROWS(call, i) { /* pretty: "CHECK (x > 0)" */
        Str *s = &OUT(call, Str, i);
        if (!ARG(call, 1, uint8_t, i) || vec_is_null(call->out, i) || s->len < 10 || memcmp(str_data(s), "CHECK ((", 8) != 0) continue;
        const char *p = str_data(s), *close = memrchr(p, ')', s->len);
        StrBuf b = strbuf_new(call->arena);
        char *text;
        size_t n;
        if (close == NULL || close[-1] != ')') continue;
        strbuf_addz(&b, "CHECK ");
        strbuf_add(&b, p + 7, (size_t)(close - p - 7));
        strbuf_add(&b, close + 1, (size_t)(p + s->len - close - 1));
        TRY(strbuf_finish(call->ctx, &b, &text, &n));
        *s = str_make(text, n);
    }
    return QN_OK;
}

Status
fn_pg_get_viewdef(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        const char *text = NULL;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel != NULL && rel->view_sql != NULL)
            TRY_ALLOC(call->ctx, text, arena_printf(call->arena, " %s;", rel->view_sql));
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_get_viewdef_ext(KernelCall *call)
{
    return fn_pg_get_viewdef(call);
}

/* ---- comments ---- */

static Oid
class_by_name(const Str *name)
{
    static const struct { const char *name; Oid oid; } classes[] = {
        {"pg_class", CLASS_CLASS}, {"pg_proc", CLASS_PROC}, {"pg_type", CLASS_TYPE}, {"pg_namespace", CLASS_NAMESPACE},
        {"pg_constraint", CLASS_CONSTRAINT}, {"pg_operator", CLASS_OPERATOR}, {"pg_opclass", CLASS_OPCLASS},
        {"pg_opfamily", CLASS_OPFAMILY}, {"pg_cast", CLASS_CAST}, {"pg_collation", CLASS_COLLATION},
        {"pg_statistic_ext", CLASS_STATISTICS}, {"pg_language", CLASS_LANGUAGE}, {"pg_am", CLASS_AM}};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strlen(classes[i].name) == name->len && memcmp(classes[i].name, str_data(name), name->len) == 0) return classes[i].oid;
    return INVALID_OID;
}

/* Without the catalog's name, whatever object has the oid. */
Status
fn_obj_description(KernelCall *call)
{
    static const Oid all[] = {CLASS_CLASS, CLASS_PROC, CLASS_TYPE, CLASS_NAMESPACE, CLASS_CONSTRAINT, CLASS_OPERATOR, CLASS_OPCLASS,
                              CLASS_OPFAMILY, CLASS_CAST, CLASS_COLLATION, CLASS_STATISTICS, CLASS_LANGUAGE, CLASS_AM};
    ROWS(call, i) {
        const Relation *rel = NULL;
        const char *text = NULL;
        Oid oid = (Oid)ARG(call, 0, int32_t, i), class = call->nargs > 1 ? class_by_name(&ARG(call, 1, Str, i)) : INVALID_OID;
        if (class == CLASS_CLASS || call->nargs == 1) TRY(catalog_relation_by_oid(call->ctx, oid, &rel));
        if (rel != NULL) text = rel->comment;
        for (size_t k = 0; text == NULL && k < sizeof(all) / sizeof(all[0]); k++)
            if (class == all[k] || call->nargs == 1) TRY(catalog_comment(call->ctx, call->arena, all[k], oid, 0, &text));
        if (text == NULL && (class == CLASS_PROC || call->nargs == 1)) text = define_builtin_doc(oid);
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_col_description(KernelCall *call)
{
    ROWS(call, i) {
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        int attnum = ARG(call, 1, int32_t, i);
        const char *text = NULL;
        CatObj *o = oid >= OID_FIRST_USER ? catalog_get(call->ctx, oid) : NULL;
        if (o != NULL && o->kind == OBJ_RELATION) {
            RelDef *def;
            Status st = catobj_to_relation(call->ctx, call->arena, o, &def);
            if (st == QN_OK && attnum > 0 && attnum <= def->ncols) text = def->cols[attnum - 1].comment;
            catobj_unref(o);
            TRY(st);
        } else {
            catobj_unref(o);
        }
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_get_serial_sequence(KernelCall *call)
{
    Ctx *ctx = call->ctx;
    ROWS(call, i) {
        Str table = ARG(call, 0, Str, i), column = ARG(call, 1, Str, i);
        Oid oid;
        const Relation *rel, *seq;
        char *name;
        CatObjList list;
        const char *text = NULL;
        TRY(catalog_regclass(ctx, call->arena, str_data(&table), table.len, false, &oid));
        TRY(catalog_relation_by_oid(ctx, oid, &rel));
        TRY_ALLOC(ctx, name, arena_strndup(call->arena, str_data(&column), column.len));
        const Column *c = relation_column(rel, name);
        if (c == NULL)
            return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", name,
                         rel->name);
        TRY(catalog_children2(ctx, call->arena, oid, OBJ_RELATION, &list));
        Status st = QN_OK;
        for (int k = 0; k < list.count && st == QN_OK; k++) {
            st = catalog_relation_by_oid(ctx, list.items[k]->oid, &seq);
            if (st == QN_OK && seq != NULL && seq->sequence != NULL && seq->sequence->owner_attnum == c->attnum) {
                text = arena_printf(call->arena, "%s.%s", seq->schema, seq->name);
                if (text == NULL) st = RAISE_OOM(ctx);
            }
        }
        catobj_list_release(&list);
        TRY(st);
        put_text(call, i, text);
    }
    return QN_OK;
}

/* ---- sizes ---- */

enum { SIZE_OWN = 1, SIZE_INDEXES = 2, SIZE_WIDE = 4 /* wide values, and the map */ };

static Status
size_rows(KernelCall *call, int what)
{
    Ctx *ctx = call->ctx;
    ROWS(call, i) {
        const Relation *rel;
        uint64_t pages = 0;
        TRY(catalog_relation_by_oid(ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel == NULL) {
            out_set_null(call, i);
            continue;
        }
        if ((what & SIZE_OWN) && rel->heap != NULL) {
            uint32_t n, data, overflow;
            TRY(heap_page_count(ctx, rel->heap, &data));
            TRY(heap_sizes(ctx, rel->heap, &n, &overflow));
            pages += (what & SIZE_WIDE) != 0 ? n : data - overflow;
        }
        bool is_index = relation_base_kind(rel) == RELKIND_INDEX;
        for (int k = 0; k < rel->nindexes && (is_index ? (what & SIZE_OWN) : (what & SIZE_INDEXES)); k++) {
            IndexStats stats;
            TRY(index_stats(ctx, rel->indexes[k]->index, &stats));
            pages += stats.file_pages;
        }
        OUT(call, int64_t, i) = (int64_t)(pages * db_page_bytes(ctx));
    }
    return QN_OK;
}

Status
fn_pg_relation_size(KernelCall *call)
{
    return size_rows(call, SIZE_OWN);
}

Status
fn_pg_table_size(KernelCall *call)
{
    return size_rows(call, SIZE_OWN | SIZE_WIDE);
}

Status
fn_pg_indexes_size(KernelCall *call)
{
    return size_rows(call, SIZE_INDEXES);
}

Status
fn_pg_total_relation_size(KernelCall *call)
{
    return size_rows(call, SIZE_OWN | SIZE_WIDE | SIZE_INDEXES);
}
