/* ddl_table.c - CREATE TABLE: columns, defaults, constraints.
 *
 * The table is made first, with all its columns, and then looked up like any other; CHECK and generated expressions are bound
 * against that. What fails on the way fails the statement, and with it all of this. */
#include "catalog/reloptions.h"
#include "planner/planner.h"
#include "planner/resolve.h"
#include "parser/deparse.h"
#include "catalog/collation.h"
#include "session/ddl.h"
#include <stdio.h>

static Status
at(Ctx *ctx, int loc, Status st)
{
    return err_position(ctx, st, loc);
}

/* ---- stored expressions ---- */

/* nextval('s') and its sisters keep the sequence's oid. */
static Status
print_sequence_call(Ctx *ctx, void *arg, const Ast *node, StrBuf *out, bool *printed_out)
{
    static const char *const names[] = {"nextval", "currval", "setval"};
    Ddl *d = arg;
    if (!ast_is(node, FuncCall)) return QN_OK;
    const FuncCall *f = AST_AS(FuncCall, node);
    const char *name = ast_str(f->name.items[f->name.count - 1]);
    if (f->args.count != 1 || f->over != NULL) return QN_OK;
    const Ast *a = f->args.items[0];
    if (ast_is(a, TypeCast)) a = AST_AS(TypeCast, a)->arg;
    if (!ast_is(a, A_Const) || AST_AS(A_Const, a)->kind != AST_CONST_STRING) return QN_OK;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        Value v;
        const char *text = AST_AS(A_Const, a)->str;
        TRY(value_in(ctx, d->arena, text, strlen(text), TYPE_REGCLASS, -1, &v));
        strbuf_addf(out, "%s('%u'::regclass)", name, (Oid)v.i32);
        *printed_out = true;
    }
    return QN_OK;
}

Status
ddl_expr_text(Ddl *d, const Ast *expr, const char **out)
{
    DeparseHook hook = {.print = print_sequence_call, .arg = d};
    StrBuf b = strbuf_new(d->arena);
    char *text;
    TRY(deparse_expr(d->ctx, expr, &hook, &b));
    TRY(strbuf_finish(d->ctx, &b, &text, NULL));
    *out = text;
    return QN_OK;
}

/* ---- columns ---- */

static Oid
serial_type(const TypeName *t)
{
    static const struct { const char *name; Oid type; } names[] = {
        {"serial", TYPE_INT4},   {"serial4", TYPE_INT4}, {"bigserial", TYPE_INT8},
        {"serial8", TYPE_INT8},  {"smallserial", TYPE_INT2}, {"serial2", TYPE_INT2}};
    if (t->names.count != 1 || t->array_bounds.count > 0) return INVALID_OID;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].name, ast_str(t->names.items[0])) == 0) return names[i].type;
    return INVALID_OID;
}

static Oid
collation_of(Oid type)
{
    const TypeInfo *t = type_info(type);
    Oid base = t->elem_oid != 0 ? t->elem_oid : type;
    return type_is_collatable(base) ? 100 : INVALID_OID; /* "default" */
}

Status
ddl_find_collation(Ddl *d, const AstList *names, int loc, Oid *out)
{
    const char *name = ast_str(names->items[names->count - 1]);
    TRY(catalog_find_collation(d->ctx, d->arena, names->count > 1 ? ast_str(names->items[names->count - 2]) : NULL, name, out));
    if (*out != INVALID_OID) return QN_OK;
    return err_position(d->ctx, RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "collation \"%s\" for encoding \"UTF8\" does not exist", name), loc);
}

bool
ddl_is_system_column(const char *name)
{
    static const char *const names[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

Status
ddl_column_constraints(Ddl *d, const char *table, const ColumnDef *c, ColDef *out, ColumnExtra *extra)
{
    Ctx *ctx = d->ctx;
    bool says_null = false, says_not_null = false;
    for (int i = 0; i < c->constraints.count; i++) {
        const Constraint *k = AST_AS(Constraint, c->constraints.items[i]);
        if (k->kind == AST_CONSTR_NULL) says_null = true;
        if (k->kind == AST_CONSTR_NOT_NULL) says_not_null = true;
        if (says_null && says_not_null)
            return at(ctx, k->loc,
                      RAISE(ctx, ERR_SYNTAX_ERROR,
                            "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
                            c->name, table));
        if (k->kind == AST_CONSTR_DEFAULT) {
            if (extra->dflt != NULL)
                return at(ctx, k->loc,
                          RAISE(ctx, ERR_SYNTAX_ERROR,
                                "multiple default values specified for column \"%s\" of table \"%s\"",
                                c->name, table));
            extra->dflt = k;
        }
        if (k->kind == AST_CONSTR_IDENTITY) {
            if (extra->identity != NULL)
                return at(ctx, k->loc,
                          RAISE(ctx, ERR_SYNTAX_ERROR,
                                "multiple identity specifications for column \"%s\" of table \"%s\"",
                                c->name, table));
            extra->identity = k;
        }
        if (k->kind == AST_CONSTR_GENERATED) {
            if (extra->generated != NULL)
                return at(ctx, k->loc,
                          RAISE(ctx, ERR_SYNTAX_ERROR, "multiple generation clauses specified for column \"%s\" of table \"%s\"",
                                c->name, table));
            extra->generated = k;
        }
    }
    out->col.not_null = says_not_null || extra->serial != 0 || extra->identity != NULL;
    if (says_null && (extra->serial != 0 || extra->identity != NULL))
        return at(ctx, c->loc,
                  RAISE(ctx, ERR_SYNTAX_ERROR,
                        "conflicting NULL/NOT NULL declarations for column \"%s\" of table \"%s\"",
                        c->name, table));
    const char *both = (extra->dflt != NULL || extra->serial != 0) && extra->identity != NULL ? "both default and identity"
                       : extra->dflt != NULL && extra->generated != NULL
                           ? "both default and generation expression"
                       : extra->identity != NULL && extra->generated != NULL
                           ? "both identity and generation expression"
                           : NULL;
    if (both != NULL)
        return at(ctx, c->loc,
                  RAISE(ctx, ERR_SYNTAX_ERROR, "%s specified for column \"%s\" of table \"%s\"", both,
                        c->name, table));
    if (extra->dflt != NULL && extra->serial != 0)
        return at(ctx, extra->dflt->loc,
                  RAISE(ctx, ERR_SYNTAX_ERROR,
                        "multiple default values specified for column \"%s\" of table \"%s\"", c->name,
                        table));
    return QN_OK;
}

Status
ddl_make_column(Ddl *d, const char *table, const ColumnDef *c, ColDef *out, ColumnExtra *extra)
{
    Ctx *ctx = d->ctx;
    PlanState ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql};
    memset(out, 0, sizeof(*out));
    memset(extra, 0, sizeof(*extra));
    extra->ast = c;
    out->col.name = c->name;
    out->missing = value_null(INVALID_OID);
    if (ddl_is_system_column(c->name))
        return at(ctx, c->loc,
                  RAISE(ctx, ERR_DUPLICATE_COLUMN,
                        "column name \"%s\" conflicts with a system column name", c->name));
    extra->serial = serial_type(AST_AS(TypeName, c->type));
    out->col.type = extra->serial;
    out->col.typmod = -1;
    if (extra->serial == 0) TRY(resolve_type_name(&ps, c->type, &out->col.type, &out->col.typmod));
    if (type_info(out->col.type)->category == TYPCAT_PSEUDO || out->col.type == TYPE_UNKNOWN)
        return at(ctx, c->loc,
                  RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "column \"%s\" has pseudo-type %s", c->name,
                        type_info(out->col.type)->sql_name));
    out->col.collation = collation_of(out->col.type);
    if (c->collate != NULL) {
        const CollateClause *k = AST_AS(CollateClause, c->collate);
        TRY(ddl_find_collation(d, &k->name, k->loc, &out->col.collation));
    }
    if (c->collate != NULL && collation_of(out->col.type) == INVALID_OID)
        return at(ctx, c->loc,
                  RAISE(ctx, ERR_DATATYPE_MISMATCH, "collations are not supported by type %s",
                        type_info(out->col.type)->sql_name));
    TRY(ddl_column_constraints(d, table, c, out, extra));
    if (extra->identity != NULL && extra->identity->generated_when != AST_GENERATED_NONE)
        out->col.identity = extra->identity->generated_when == AST_GENERATED_ALWAYS ? 'a' : 'd';
    if (extra->identity != NULL && out->col.type != TYPE_INT2 && out->col.type != TYPE_INT4 &&
        out->col.type != TYPE_INT8)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE,
                     "identity column type must be smallint, integer, or bigint");
    out->missing = value_null(out->col.type);
    return QN_OK;
}

/* The sequence of a serial or identity column. */
static Status
column_sequence(Ddl *d, RelDef *rel, ColDef *col, const ColumnExtra *extra)
{
    Ctx *ctx = d->ctx;
    RelDef seq = {.schema_oid = rel->schema_oid, .persistence = rel->persistence};
    SeqDef def;
    bool restart;
    int64_t restart_value;
    const AstList *owned;
    TRY(ddl_sequence_defaults(&def, col->col.type));
    if (extra->identity != NULL)
        TRY(ddl_sequence_options(ctx, &extra->identity->options, true, &def, &restart, &restart_value,
                                 &owned));
    if (extra->like_identity != NULL) def = *extra->like_identity;
    def.owner_oid = rel->oid;
    def.owner_attnum = col->col.attnum;
    def.is_identity = extra->identity != NULL || extra->like_identity != NULL;
    seq.sequence = &def;
    TRY(ddl_choose_name(ctx, rel->schema_oid, INVALID_OID, rel->name, col->col.name, "seq", &seq.name));
    TRY(ddl_create_sequence(ctx, &seq));
    TRY(ddl_nextval_sql(ctx, seq.oid, &col->col.default_sql));
    return QN_OK;
}

/* Defaults that name sequences (not the column's own) need them: DROP SEQUENCE asks. */
static Status
note_sequences(Ddl *d, RelDef *rel, const ColDef *col)
{
    const char *p = col->col.default_sql;
    while (p != NULL && (p = strstr(p, "('")) != NULL) {
        unsigned oid;
        int n = 0;
        p += 2;
        if (sscanf(p, "%u'::regclass)%n", &oid, &n) != 1 || n == 0) continue;
        ObjDep *deps;
        TRY_ALLOC(d->ctx, deps, ARENA_ARRAY(d->arena, ObjDep, rel->ndeps + 1));
        if (rel->ndeps > 0) memcpy(deps, rel->deps, (size_t)rel->ndeps * sizeof(ObjDep));
        deps[rel->ndeps++] = (ObjDep){.attnum = col->col.attnum, .ref = oid};
        rel->deps = deps;
    }
    return QN_OK;
}

Status
ddl_column_default(Ddl *d, RelDef *rel, ColDef *col, const ColumnExtra *extra)
{
    Ctx *ctx = d->ctx;
    if (extra->serial != 0 || extra->identity != NULL || extra->like_identity != NULL) {
        TRY(column_sequence(d, rel, col, extra));
    } else if (extra->dflt != NULL) {
        Expr *e;
        col->col.default_sql = NULL;
        bool is_const = ast_is(extra->dflt->expr, A_Const);
        AstConstKind kind = is_const ? AST_AS(A_Const, extra->dflt->expr)->kind : AST_CONST_INT;
        if (kind == AST_CONST_NULL) return QN_OK; /* the same as none */
        TRY(plan_expression(ctx, d->arena, d->sql, extra->dflt->expr, NULL, 0, -1, &e));
        /* A quoted literal has no type of its own: the column's reads it. */
        Oid from = kind == AST_CONST_STRING ? TYPE_UNKNOWN : e->type;
        if (from != TYPE_UNKNOWN && !coerce_possible(1, &from, &col->col.type, CAST_ASSIGNMENT))
            return err_hint(
                ctx,
                RAISE(ctx, ERR_DATATYPE_MISMATCH,
                      "column \"%s\" is of type %s but default expression is of type %s", col->col.name,
                      type_info(col->col.type)->sql_name, type_info(from)->sql_name),
                "You will need to rewrite or cast the expression.");
        TRY(plan_expression(ctx, d->arena, d->sql, extra->dflt->expr, NULL, col->col.type,
                            col->col.typmod, &e));
        TRY(ddl_expr_text(d, extra->dflt->expr, &col->col.default_sql));
    }
    return note_sequences(d, rel, col);
}

/* ---- the table ---- */

Status
ddl_push_column(NewTable *t, const ColDef *col, const ColumnExtra *extra, int loc)
{
    Ctx *ctx = t->d->ctx;
    RelDef *def = t->def;
    for (int i = 0; i < def->ncols; i++)
        if (strcmp(def->cols[i].col.name, col->col.name) == 0)
            return at(ctx, loc,
                      RAISE(ctx, ERR_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                            col->col.name));
    if (def->ncols == CATALOG_MAX_COLUMNS)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "tables can have at most %d columns", CATALOG_MAX_COLUMNS);
    if (def->ncols == t->cols_cap) {
        int cap = t->cols_cap != 0 ? t->cols_cap * 2 : 16;
        ColDef *cols;
        ColumnExtra *extras;
        TRY_ALLOC(ctx, cols, ARENA_ARRAY(t->d->arena, ColDef, cap));
        TRY_ALLOC(ctx, extras, ARENA_ARRAY(t->d->arena, ColumnExtra, cap));
        if (def->ncols > 0) {
            memcpy(cols, def->cols, (size_t)def->ncols * sizeof(ColDef));
            memcpy(extras, t->extras, (size_t)def->ncols * sizeof(ColumnExtra));
        }
        def->cols = cols;
        t->extras = extras;
        t->cols_cap = cap;
    }
    def->cols[def->ncols] = *col;
    def->cols[def->ncols].col.attnum = def->ncols + 1;
    def->cols[def->ncols].added_layout = 1;
    t->extras[def->ncols] = *extra;
    def->ncols++;
    return QN_OK;
}

static Status
add_element_column(NewTable *t, const ColumnDef *c)
{
    ColDef col;
    ColumnExtra extra;
    Ctx *ctx = t->d->ctx;
    bool merged;
    if (c->type == NULL) {
        TRY(ddl_partition_column(t, c));
    } else {
        TRY(ddl_make_column(t->d, t->def->name, c, &col, &extra));
        TRY(ddl_inherit_merge_column(t, &col, &extra, &merged));
        if (!merged) TRY(ddl_push_column(t, &col, &extra, c->loc));
    }
    int attnum = 0;
    while (strcmp(t->def->cols[attnum++].col.name, c->name) != 0) continue;
    for (int i = 0; i < c->constraints.count; i++) {
        const Constraint *k = AST_AS(Constraint, c->constraints.items[i]);
        if (k->kind != AST_CONSTR_CHECK && k->kind != AST_CONSTR_PRIMARY &&
            k->kind != AST_CONSTR_UNIQUE && k->kind != AST_CONSTR_FOREIGN)
            continue;
        TRY(array_push(ctx, t->d->arena, &t->constraints, k));
        TRY(array_push(ctx, t->d->arena, &t->attnums, attnum));
    }
    return QN_OK;
}

static Status
add_elements(NewTable *t, const AstList *elements)
{
    Ctx *ctx = t->d->ctx;
    for (int i = 0; i < elements->count; i++) {
        Ast *e = elements->items[i];
        if (ast_is(e, ColumnDef)) {
            TRY(add_element_column(t, AST_AS(ColumnDef, e)));
        } else if (ast_is(e, TableLikeClause)) {
            TRY(ddl_like_columns(t, AST_AS(TableLikeClause, e)));
        } else {
            TRY(array_push(ctx, t->d->arena, &t->constraints, AST_AS(Constraint, e)));
            TRY(array_push(ctx, t->d->arena, &t->attnums, 0));
        }
    }
    return QN_OK;
}

/* Columns of a primary key are NOT NULL, and there is one such key at most. */
static Status
mark_primary(NewTable *t)
{
    Ctx *ctx = t->d->ctx;
    bool seen = false;
    for (int i = 0; i < t->constraints.count; i++) {
        const Constraint *k = t->constraints.items[i];
        if (k->kind != AST_CONSTR_PRIMARY) continue;
        if (seen)
            return at(ctx, k->loc,
                      RAISE(ctx, ERR_INVALID_TABLE_DEFINITION,
                            "multiple primary keys for table \"%s\" are not allowed", t->def->name));
        seen = true;
        if (t->attnums.items[i] != 0) t->def->cols[t->attnums.items[i] - 1].col.not_null = true;
        for (int n = 0; n < k->keys.count; n++)
            for (int c = 0; c < t->def->ncols; c++)
                if (strcmp(t->def->cols[c].col.name, ast_str(k->keys.items[n])) == 0)
                    t->def->cols[c].col.not_null = true;
    }
    return QN_OK;
}

/* A generated column is made of other columns, not of the row it is part of. */
static Status
check_generation(Ctx *ctx, Expr **slot, void *arg)
{
    const Relation *rel = arg;
    const Expr *e = *slot;
    if (e->tag == EXPR_Row && e->type == catalog_row_type(rel))
        return err_detail(ctx, RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot use whole-row variable in column generation expression"),
                          "This would cause the generated column to depend on its own value.");
    if (e->tag == EXPR_ColumnRef && ((const ColumnRefExpr *)e)->col < 0 && ((const ColumnRefExpr *)e)->col != SCANCOL_TABLEOID)
        return RAISE(ctx, ERR_INVALID_COLUMN_REFERENCE, "cannot use system column \"%s\" in column generation expression",
                     ((const ColumnRefExpr *)e)->name);
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, *slot, check_generation, arg);
}

/* Generated columns are bound against the table they stand in. */
static Status
set_generated(NewTable *t)
{
    Ddl *d = t->d;
    Ctx *ctx = d->ctx;
    bool changed = false;
    for (int i = 0; i < t->def->ncols; i++) {
        const Constraint *k = t->extras[i].generated;
        const Relation *rel;
        Expr *e;
        if (k == NULL) continue;
        TRY(catalog_relation_by_oid(ctx, t->def->oid, &rel));
        ColDef *col = &t->def->cols[i];
        TRY(plan_expression(ctx, d->arena, d->sql, k->expr, rel, col->col.type, col->col.typmod, &e));
        TRY(check_generation(ctx, &e, (void *)rel));
        TRY(ddl_expr_text(d, k->expr, &col->col.default_sql));
        col->col.generated = 's';
        changed = true;
    }
    return changed ? ddl_put_relation(ctx, t->def) : QN_OK;
}

static Status
check_supported(Ddl *d, const CreateStmt *c)
{
    const char *what = c->foreign_server != NULL ? "foreign tables"
                                                     : NULL;
    if (what == NULL) return QN_OK;
    return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "%s are not supported yet", what);
}

Status
ddl_check_on_commit(Ddl *d, AstOnCommit on_commit, char persistence)
{
    if (on_commit != AST_ONCOMMIT_NONE && persistence != 't')
        return RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables");
    return QN_OK;
}

Status
ddl_set_on_commit(Ddl *d, AstOnCommit on_commit, Oid rel_oid)
{
    if (on_commit != AST_ONCOMMIT_DELETE_ROWS && on_commit != AST_ONCOMMIT_DROP) return QN_OK;
    return ddl_note_on_commit(d->ctx, rel_oid, on_commit == AST_ONCOMMIT_DROP);
}

/* ---- partitions ---- */

static Status
begin_partition(NewTable *t, const CreateStmt *c)
{
    PartitionBound *bound;
    TRY(ddl_partition_begin(t, AST_AS(RangeVar, c->inherits.items[0])));
    TRY(ddl_partition_bound(t->d, t->parents.items[0], t->def->name, AST_AS(PartitionBoundSpec, c->partition_bound), &bound));
    TRY(ddl_check_default_partition(t->d, t->parents.items[0], bound));
    t->bound = bound;
    return QN_OK;
}

static Status
set_partition_key(NewTable *t, const PartitionSpec *spec)
{
    const Relation *rel;
    TRY(catalog_relation_by_oid(t->d->ctx, t->def->oid, &rel));
    TRY(ddl_partition_key(t->d, rel, spec, &t->def->partition_key));
    return ddl_put_relation(t->d->ctx, t->def);
}

Status
ddl_run_create(Ddl *d, const CreateStmt *c)
{
    Ctx *ctx = d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, c->rel);
    RelDef def = {.name = rv->name, .kind = RELKIND_TABLE, .layout = 1};
    NewTable t = {.d = d, .def = &def};
    bool skip;
    TRY(check_supported(d, c));
    TRY(ddl_target_schema(ctx, rv, &def.schema_oid, &def.persistence));
    TRY(reloptions_change(ctx, d->arena, NULL, &c->options, false, &def.options));
    TRY(ddl_check_on_commit(d, c->on_commit, def.persistence));
    TRY(ddl_claim_name(ctx, def.schema_oid, def.name, c->if_not_exists, &skip));
    if (skip) return QN_OK;
    if (c->partition_spec != NULL) def.kind = RELKIND_PARTITIONED;
    if (c->partition_spec != NULL && c->inherits.count > 0 && c->partition_bound == NULL)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "cannot create partitioned table as inheritance child");
    if (c->partition_bound != NULL) TRY(begin_partition(&t, c));
    else if (c->of_type != NULL) TRY(ddl_typed_begin(&t, AST_AS(TypeName, c->of_type)));
    else TRY(ddl_inherit_begin(&t, &c->inherits));
    TRY(add_elements(&t, &c->elements));
    if (c->of_type != NULL) ddl_typed_settle(&t);
    TRY(ddl_inherit_settle(&t));
    TRY(mark_primary(&t));
    TRY(ddl_new_relation_oid(ctx, &def.oid));
    for (int i = 0; i < def.ncols; i++)
        TRY(ddl_column_default(d, &def, &def.cols[i], &t.extras[i]));
    TRY(ddl_create_table(ctx, &def));
    TRY(ddl_set_on_commit(d, c->on_commit, def.oid));
    if (c->partition_spec != NULL) TRY(set_partition_key(&t, AST_AS(PartitionSpec, c->partition_spec)));
    TRY(ddl_inherit_finish(&t));
    TRY(set_generated(&t));
    /* Keys before foreign keys: a table may refer to itself. */
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) TRY(ddl_like_finish(&t));
        for (int i = 0; i < t.constraints.count; i++) {
            const Constraint *k = t.constraints.items[i];
            const Relation *rel;
            if ((k->kind == AST_CONSTR_FOREIGN) != (pass == 1)) continue;
            TRY(catalog_relation_by_oid(ctx, def.oid, &rel));
            TRY(ddl_add_constraint(d, rel, k, t.attnums.items[i], true));
        }
    }
    return t.bound != NULL ? ddl_partition_take_over(d, t.parents.items[0], def.oid) : QN_OK;
}
