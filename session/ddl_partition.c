/* ddl_partition.c - partitioned tables: their keys, bounds of partitions, ATTACH and DETACH, and what a partition takes over from its table:
 * indexes, keys, foreign keys. */
#include "catalog/partition.h"
#include "parser/deparse.h"
#include "planner/planner.h"
#include "planner/rewrite.h"
#include "session/ddl_alter.h"
#include "storage/lock.h"
#include "planner/resolve.h"
#include <strings.h>

#define PARTITION_MAX_KEYS 32

static Status
at(Ctx *ctx, int loc, Status st)
{
    return err_position(ctx, st, loc);
}

/* ---- PARTITION BY ---- */

static Status
key_strategy(Ddl *d, const PartitionSpec *spec, char *out)
{
    static const struct { const char *name; char strategy; } names[] = {
        {"list", PARTITION_LIST}, {"range", PARTITION_RANGE}, {"hash", PARTITION_HASH}};
    for (int i = 0; i < 3; i++)
        if (strcasecmp(spec->strategy, names[i].name) == 0) {
            *out = names[i].strategy;
            return QN_OK;
        }
    return RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized partitioning strategy \"%s\"", spec->strategy);
}

static Status
key_column(Ddl *d, const Relation *rel, const PartitionElem *e, const char *name, const Column **out)
{
    Ctx *ctx = d->ctx;
    const Column *c = relation_column(rel, name);
    if (c == NULL && ddl_is_system_column(name))
        return at(ctx, e->loc, RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot use system column \"%s\" in partition key", name));
    if (c == NULL)
        return at(ctx, e->loc, RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" named in partition key does not exist", name));
    if (c->generated != '\0')
        return err_detail(ctx, at(ctx, e->loc, RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot use generated column in partition key")),
                          "Column \"%s\" is a generated column.", name);
    *out = c;
    return QN_OK;
}

typedef struct ColumnCheck {
    Ddl *d;
    const Relation *rel;
    int ncolumns;
} ColumnCheck;

static Status
see_key_column(Ctx *ctx, Ast *node, void *arg)
{
    ColumnCheck *c = arg;
    if (ast_is(node, ColumnRef)) {
        const AstList *f = &AST_AS(ColumnRef, node)->fields;
        const Ast *last = f->items[f->count - 1];
        c->ncolumns++;
        if (!ast_is(last, StringNode)) return QN_OK;
        const Column *col = relation_column(c->rel, ast_str(last));
        if (col == NULL && ddl_is_system_column(ast_str(last)))
            return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "partition key expressions cannot contain system column references");
        if (col != NULL && col->generated != '\0')
            return err_detail(ctx, RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot use generated column in partition key"),
                              "Column \"%s\" is a generated column.", col->name);
        return QN_OK;
    }
    TRY(ctx_check_depth(ctx));
    return ast_walk(ctx, node, see_key_column, arg);
}

static Status
find_mutable(Ctx *ctx, Expr **slot, void *arg)
{
    Expr *e = *slot;
    if (e->tag == EXPR_Const || e->tag == EXPR_ColumnRef) return QN_OK;
    if (e->tag == EXPR_Func && !(((FuncExpr *)e)->fn->flags & FN_IMMUTABLE)) *(bool *)arg = true;
    TRY(ctx_check_depth(ctx));
    return expr_children(ctx, e, find_mutable, arg);
}

static Status
key_expression(Ddl *d, const Relation *rel, const PartitionElem *e, Oid *type_out, int32_t *typmod_out, const char **text_out)
{
    Ctx *ctx = d->ctx;
    ColumnCheck c = {.d = d, .rel = rel};
    Expr *bound;
    bool is_mutable = false;
    TRY(see_key_column(ctx, e->expr, &c));
    TRY(plan_expression(ctx, d->arena, d->sql, e->expr, rel, 0, -1, &bound));
    TRY(find_mutable(ctx, &bound, &is_mutable));
    if (is_mutable) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "functions in partition key expression must be marked IMMUTABLE");
    if (c.ncolumns == 0) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot use constant expression as partition key");
    *type_out = bound->type;
    *typmod_out = bound->typmod;
    return ddl_expr_text(d, e->expr, text_out);
}

static Status
check_key_type(Ddl *d, Oid type, int i, char strategy)
{
    Ctx *ctx = d->ctx;
    const TypeInfo *t = type_info(type);
    uint64_t hash;
    Value zero = {.type = type};
    if (t->category == TYPCAT_PSEUDO)
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "partition key column %d has pseudo-type %s", i + 1, t->sql_name);
    PartitionKey one = {.nkeys = 1};
    bool ok = strategy == PARTITION_HASH ? partition_hash(&one, &zero, &hash) : t->cmp != NULL;
    if (ok) return QN_OK;
    const char *method = strategy == PARTITION_HASH ? "hash" : "btree";
    return err_hint(ctx, RAISE(ctx, ERR_UNDEFINED_OBJECT, "data type %s has no default operator class for access method \"%s\"", t->sql_name, method),
                    "You must specify a %s operator class or define a default %s operator class for the data type.", method, method);
}

Status
ddl_partition_key(Ddl *d, const Relation *rel, const PartitionSpec *spec, PartitionKey **out)
{
    Ctx *ctx = d->ctx;
    int n = spec->params.count, *attnums;
    const char **exprs;
    Oid *types, *collations;
    int32_t *typmods;
    char strategy;
    TRY(key_strategy(d, spec, &strategy));
    if (strategy == PARTITION_LIST && n != 1)
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot use \"list\" partition strategy with more than one column");
    if (n > PARTITION_MAX_KEYS)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "cannot partition using more than %d columns", PARTITION_MAX_KEYS);
    TRY_ALLOC(ctx, attnums, ARENA_ARRAY(d->arena, int, n));
    TRY_ALLOC(ctx, exprs, ARENA_ARRAY(d->arena, const char *, n));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(d->arena, Oid, n));
    TRY_ALLOC(ctx, typmods, ARENA_ARRAY(d->arena, int32_t, n));
    TRY_ALLOC(ctx, collations, ARENA_ARRAY(d->arena, Oid, n));
    for (int i = 0; i < n; i++) {
        const PartitionElem *e = AST_AS(PartitionElem, spec->params.items[i]);
        const char *name = e->name;
        const Column *c;
        if (name == NULL && ast_is(e->expr, ColumnRef) && AST_AS(ColumnRef, e->expr)->fields.count == 1)
            name = ast_str(AST_AS(ColumnRef, e->expr)->fields.items[0]);
        if (name != NULL) {
            TRY(key_column(d, rel, e, name, &c));
            attnums[i] = c->attnum;
            types[i] = c->type;
            typmods[i] = c->typmod;
            collations[i] = c->collation;
        } else {
            TRY(key_expression(d, rel, e, &types[i], &typmods[i], &exprs[i]));
        }
        TRY(check_key_type(d, types[i], i, strategy));
    }
    TRY_ALLOC(ctx, *out, ARENA_NEW(d->arena, PartitionKey));
    **out = (PartitionKey){.strategy = strategy, .nkeys = n, .attnums = attnums, .exprs = exprs, .types = types, .typmods = typmods,
                           .collations = collations};
    return QN_OK;
}

/* ---- bounds ---- */

typedef struct FirstValue {
    Arena *arena;
    Value value;
} FirstValue;

static Status
keep_value(Stmt *stmt, void *arg)
{
    FirstValue *f = arg;
    Value v;
    return stmt_value(stmt, 0, &v) ? value_copy(&stmt->s->ctx, f->arena, &v, &f->value) : QN_OK;
}

/* One value of a bound, as one of key column i. */
static Status
bound_value(Ddl *d, const Relation *parent, int i, const Ast *ast, Value *out)
{
    Ctx *ctx = d->ctx;
    const PartitionKey *key = parent->partition_key;
    Expr *e;
    TRY(plan_expression(ctx, d->arena, d->sql, ast, NULL, 0, -1, &e));
    bool literal = ast_is(ast, A_Const) && (AST_AS(A_Const, ast)->kind == AST_CONST_STRING || AST_AS(A_Const, ast)->kind == AST_CONST_NULL);
    if (!literal && e->type != key->types[i] && !coerce_possible(1, &e->type, &key->types[i], CAST_ASSIGNMENT)) {
        const char *column = key->attnums[i] != 0 ? parent->cols[key->attnums[i] - 1].name : key->exprs[i];
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "specified value cannot be cast to type %s for column \"%s\"", type_info(key->types[i])->sql_name,
                     column);
    }
    TRY(plan_expression(ctx, d->arena, d->sql, ast, NULL, key->types[i], key->typmods[i], &e));
    if (e->tag == EXPR_Const) return value_copy(ctx, d->arena, &((const ConstExpr *)e)->value, out);
    /* What cannot be computed ahead is computed now. */
    FirstValue f = {.arena = d->arena, .value = value_null(key->types[i])};
    StrBuf b = strbuf_new(d->arena);
    const char *type, *text;
    char *sql;
    TRY(type_format(ctx, d->arena, key->types[i], key->typmods[i], &type));
    TRY(ddl_expr_text(d, ast, &text));
    strbuf_addf(&b, "SELECT CAST((%s) AS %s)", text, type);
    TRY(strbuf_finish(ctx, &b, &sql, NULL));
    TRY(ddl_query(d, sql, keep_value, &f));
    *out = f.value;
    return QN_OK;
}

static Status
list_bound(Ddl *d, const Relation *parent, const PartitionBoundSpec *s, PartitionBound *out)
{
    Value *values;
    int n = 0;
    TRY_ALLOC(d->ctx, values, ARENA_ARRAY(d->arena, Value, s->values.count + 1));
    for (int i = 0; i < s->values.count; i++) {
        Value v;
        bool seen = false;
        TRY(bound_value(d, parent, 0, s->values.items[i], &v));
        v.type = parent->partition_key->types[0];
        for (int k = 0; k < n && !seen; k++)
            seen = v.is_null ? values[k].is_null : !values[k].is_null && type_info(v.type)->cmp(&v, &values[k]) == 0;
        if (!seen) values[n++] = v;
    }
    out->values = values;
    out->nvalues = n;
    return QN_OK;
}

/* MINVALUE or MAXVALUE, which the grammar takes for columns. */
static int
infinity(const Ast *a)
{
    if (!ast_is(a, ColumnRef) || AST_AS(ColumnRef, a)->fields.count != 1 || !ast_is(AST_AS(ColumnRef, a)->fields.items[0], StringNode)) return 0;
    const char *name = ast_str(AST_AS(ColumnRef, a)->fields.items[0]);
    return strcmp(name, "minvalue") == 0 ? -1 : strcmp(name, "maxvalue") == 0 ? 1 : 0;
}

static Status
range_side(Ddl *d, const Relation *parent, const AstList *from, Value *values, int8_t *infinite)
{
    Ctx *ctx = d->ctx;
    int before = 0;
    for (int i = 0; i < parent->partition_key->nkeys; i++) {
        const Ast *a = from->items[i];
        infinite[i] = (int8_t)infinity(a);
        values[i] = value_null(parent->partition_key->types[i]);
        if (before != 0 && infinite[i] != before)
            return at(ctx, ast_location(a),
                      RAISE(ctx, ERR_DATATYPE_MISMATCH, before < 0 ? "every bound following MINVALUE must also be MINVALUE"
                                                                   : "every bound following MAXVALUE must also be MAXVALUE"));
        before = infinite[i];
        if (before != 0) continue;
        TRY(bound_value(d, parent, i, a, &values[i]));
        if (values[i].is_null) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "cannot specify NULL in range bound");
        values[i].type = parent->partition_key->types[i];
    }
    return QN_OK;
}

static Status
range_bound(Ddl *d, const Relation *parent, const PartitionBoundSpec *s, PartitionBound *out)
{
    Ctx *ctx = d->ctx;
    int n = parent->partition_key->nkeys;
    Value *values;
    int8_t *infinite;
    if (s->lower.count != n) return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "FROM must specify exactly one value per partitioning column");
    if (s->upper.count != n) return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "TO must specify exactly one value per partitioning column");
    TRY_ALLOC(ctx, values, ARENA_ARRAY(d->arena, Value, 2 * n));
    TRY_ALLOC(ctx, infinite, ARENA_ARRAY(d->arena, int8_t, 2 * n));
    TRY(range_side(d, parent, &s->lower, values, infinite));
    TRY(range_side(d, parent, &s->upper, values + n, infinite + n));
    out->values = values;
    out->infinite = infinite;
    out->nvalues = 2 * n;
    return QN_OK;
}

static Status
hash_bound(Ddl *d, const PartitionBoundSpec *s, PartitionBound *out)
{
    Ctx *ctx = d->ctx;
    if (s->modulus <= 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "modulus for hash partition must be an integer value greater than zero");
    if (s->remainder < 0)
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "remainder for hash partition must be an integer value greater than or equal to zero");
    if (s->remainder >= s->modulus) return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "remainder for hash partition must be less than modulus");
    out->modulus = s->modulus;
    out->remainder = s->remainder;
    return QN_OK;
}

static Status
make_bound(Ddl *d, const Relation *parent, const PartitionBoundSpec *s, PartitionBound **out)
{
    Ctx *ctx = d->ctx;
    static const char kinds[] = {[AST_PARTITION_LIST] = PARTITION_LIST, [AST_PARTITION_RANGE] = PARTITION_RANGE,
                                 [AST_PARTITION_HASH] = PARTITION_HASH, [AST_PARTITION_DEFAULT] = PARTITION_DEFAULT};
    char strategy = parent->partition_key->strategy, kind = kinds[s->kind];
    TRY_ALLOC(ctx, *out, ARENA_NEW(d->arena, PartitionBound));
    (*out)->kind = kind;
    if (kind == PARTITION_DEFAULT) {
        if (strategy != PARTITION_HASH) return QN_OK;
        return RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "a hash-partitioned table may not have a default partition");
    }
    if (kind != strategy)
        return at(ctx, s->loc,
                  RAISE(ctx, ERR_INVALID_TABLE_DEFINITION, "invalid bound specification for a %s partition",
                        strategy == PARTITION_LIST ? "list" : strategy == PARTITION_RANGE ? "range" : "hash"));
    switch (kind) {
    case PARTITION_LIST: return list_bound(d, parent, s, *out);
    case PARTITION_RANGE: return range_bound(d, parent, s, *out);
    default: return hash_bound(d, s, *out);
    }
}

static Status
raise_overlap(Ddl *d, const char *name, const InheritLink *other)
{
    const Relation *rel;
    TRY(catalog_relation_by_oid(d->ctx, other->child_oid, &rel));
    return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "partition \"%s\" would overlap partition \"%s\"", name, rel != NULL ? rel->name : "?");
}

static Status
check_hash_modulus(Ddl *d, const PartitionDesc *desc, const PartitionBound *b)
{
    for (int i = 0; i < desc->nparts; i++) {
        int other = desc->parts[i]->bound->modulus;
        if (other % b->modulus == 0 || b->modulus % other == 0) continue;
        return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "every hash partition modulus must be a factor of the next larger modulus");
    }
    return QN_OK;
}

static bool
overlaps(const PartitionDesc *desc, const PartitionBound *a, const PartitionBound *b)
{
    if (b->kind == PARTITION_DEFAULT) return false;
    switch (a->kind) {
    case PARTITION_RANGE: return partition_compare_bounds(desc->key, a, false, b, true) < 0 && partition_compare_bounds(desc->key, b, false, a, true) < 0;
    case PARTITION_HASH: {
        int small = a->modulus < b->modulus ? a->modulus : b->modulus;
        return a->remainder % small == b->remainder % small;
    }
    default:
        for (int i = 0; i < a->nvalues; i++)
            for (int k = 0; k < b->nvalues; k++) {
                const Value *x = &a->values[i], *y = &b->values[k];
                if (x->is_null ? y->is_null : !y->is_null && type_info(x->type)->cmp(x, y) == 0) return true;
            }
        return false;
    }
}

static Status
check_bound(Ddl *d, const Relation *parent, const char *name, const PartitionBound *b)
{
    Ctx *ctx = d->ctx;
    const PartitionDesc *desc = parent->all_partitions;
    if (b->kind == PARTITION_DEFAULT) {
        const Relation *other;
        if (desc->default_part < 0) return QN_OK;
        TRY(catalog_relation_by_oid(ctx, desc->parts[desc->default_part]->child_oid, &other));
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "partition \"%s\" conflicts with existing default partition \"%s\"", name, other->name);
    }
    if (b->kind == PARTITION_HASH) TRY(check_hash_modulus(d, desc, b));
    if (b->kind == PARTITION_RANGE && partition_compare_bounds(desc->key, b, false, b, true) >= 0)
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "empty range bound specified for partition \"%s\"", name);
    for (int i = 0; i < desc->nparts; i++)
        if (overlaps(desc, b, desc->parts[i]->bound)) return raise_overlap(d, name, desc->parts[i]);
    return QN_OK;
}

Status
ddl_partition_bound(Ddl *d, const Relation *parent, const char *name, const PartitionBoundSpec *s, PartitionBound **out)
{
    TRY(make_bound(d, parent, s, out));
    return check_bound(d, parent, name, *out);
}

/* ---- rows that are there already ---- */

static Status
found(Stmt *stmt, void *arg)
{
    (void)stmt;
    *(bool *)arg = true;
    return QN_OK;
}

/* Whether some row of rel, or of its partitions, does not satisfy the condition. */
static Status
violates(Ddl *d, const Relation *rel, const char *condition, bool *out)
{
    StrBuf b = strbuf_new(d->arena);
    char *sql;
    *out = false;
    strbuf_addz(&b, "SELECT 1 FROM ");
    deparse_ident(&b, rel->schema);
    strbuf_addc(&b, '.');
    deparse_ident(&b, rel->name);
    strbuf_addf(&b, " WHERE NOT (%s) LIMIT 1", condition);
    TRY(strbuf_finish(d->ctx, &b, &sql, NULL));
    return ddl_query(d, sql, found, out);
}

/* The default partition must not hold rows that belong to the partition that is coming. */
Status
ddl_check_default_partition(Ddl *d, const Relation *parent, const PartitionBound *bound)
{
    const PartitionDesc *desc = parent->partitions;
    const Relation *dflt;
    const char *taken, *text;
    bool bad;
    if (desc->default_part < 0 || bound->kind == PARTITION_DEFAULT) return QN_OK;
    TRY(lock_relation(d->ctx, desc->parts[desc->default_part]->child_oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL));
    TRY(catalog_relation_by_oid(d->ctx, desc->parts[desc->default_part]->child_oid, &dflt));
    TRY(partition_constraint_sql(d->ctx, d->arena, parent, bound, &taken));
    TRY_ALLOC(d->ctx, text, arena_printf(d->arena, "(%s) IS NOT TRUE", taken));
    TRY(violates(d, dflt, text, &bad));
    if (!bad) return QN_OK;
    return RAISE(d->ctx, ERR_CHECK_VIOLATION, "updated partition constraint for default partition \"%s\" would be violated by some row", dflt->name);
}

/* ---- what a partition takes over ---- */

static const Column *
same_column(const Relation *parent, const Relation *child, int attnum)
{
    return relation_column(child, parent->cols[attnum - 1].name);
}

static Status
map_attnums(Ddl *d, const Relation *parent, const Relation *child, const int *attnums, int n, const int **out)
{
    int *list;
    TRY_ALLOC(d->ctx, list, ARENA_ARRAY(d->arena, int, n + 1));
    for (int i = 0; i < n; i++) list[i] = attnums[i] == 0 ? 0 : same_column(parent, child, attnums[i])->attnum;
    *out = list;
    return QN_OK;
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_index(const IndexDef *a, const int *attnums, const IndexDef *b)
{
    if (a->nkeys != b->nkeys || a->ncols != b->ncols || a->unique != b->unique || a->nulls_not_distinct != b->nulls_not_distinct) return false;
    if ((a->constraint_oid != 0 && b->constraint_oid == 0) || b->parent_index != 0) return false;
    if (!same_text(a->predicate, b->predicate)) return false;
    for (int i = 0; i < a->ncols; i++) {
        if (attnums[i] != b->attnums[i] || !same_text(a->exprs[i], b->exprs[i])) return false;
        if (i < a->nkeys && (a->desc[i] != b->desc[i] || a->nulls_first[i] != b->nulls_first[i])) return false;
    }
    return true;
}

static Status
index_name(Ddl *d, const Relation *child, const IndexDef *ix, const char **out)
{
    StrBuf b = strbuf_new(d->arena);
    char *part;
    if (ix->primary) return ddl_choose_name(d->ctx, child->schema_oid, child->oid, child->name, NULL, "pkey", out);
    for (int i = 0; i < ix->ncols; i++) strbuf_addf(&b, "%s%s", i > 0 ? "_" : "", ix->attnums[i] != 0 ? child->cols[ix->attnums[i] - 1].name : ix->names[i]);
    TRY(strbuf_finish(d->ctx, &b, &part, NULL));
    return ddl_choose_name(d->ctx, child->schema_oid, child->oid, child->name, part, ix->constraint_oid != 0 ? "key" : "idx", out);
}

static Status
copy_key(Ddl *d, const Relation *parent, const Relation *child, const IndexDef *parent_ix, IndexDef *ix, bool part)
{
    Ctx *ctx = d->ctx;
    for (int i = 0; i < parent->nconstraints; i++) {
        const RelConstraint *p = parent->constraints[i];
        if (p->oid != parent_ix->constraint_oid) continue;
        RelConstraint c = *p;
        c.oid = ix->constraint_oid;
        c.name = ix->name;
        c.rel_oid = child->oid;
        c.attnums = ix->attnums;
        c.index_oid = ix->oid;
        c.parent_constraint = part ? p->oid : INVALID_OID;
        c.inherited_only = part;
        c.inh_count = part;
        return ddl_create_constraint(ctx, &c);
    }
    return QN_OK;
}

static Status
require_primary_columns(Ddl *d, const Relation *child, const IndexDef *ix)
{
    RelDef *def;
    if (!ix->primary) return QN_OK;
    if (child->primary != NULL)
        return RAISE(d->ctx, ERR_INVALID_TABLE_DEFINITION, "multiple primary keys for table \"%s\" are not allowed", child->name);
    TRY(ddl_edit_relation(d->ctx, d->arena, child->oid, &def));
    for (int i = 0; i < ix->nkeys; i++) {
        Column *c = &def->cols[ix->attnums[i] - 1].col;
        if (!c->not_null && child->heap != NULL) TRY(ddl_validate_not_null(d, child, c->name));
        c->not_null = true;
    }
    return ddl_put_relation(d->ctx, def);
}

Status
ddl_copy_index(Ddl *d, const Relation *from, const IndexDef *from_ix, const Relation *to, bool part)
{
    Ctx *ctx = d->ctx;
    IndexDef ix = *from_ix;
    TRY(map_attnums(d, from, to, from_ix->attnums, from_ix->ncols, &ix.attnums));
    ix.oid = INVALID_OID;
    ix.rel_oid = to->oid;
    ix.parent_index = part ? from_ix->oid : INVALID_OID;
    ix.partitioned = to->kind == RELKIND_PARTITIONED;
    TRY(ddl_rebind_index(d, to, &ix));
    TRY(require_primary_columns(d, to, &ix));
    TRY(index_name(d, to, &ix, &ix.name));
    if (ix.constraint_oid != 0) TRY(ddl_new_oid(ctx, &ix.constraint_oid));
    TRY(ddl_create_index(ctx, to->schema_oid, &ix));
    if (ix.constraint_oid != 0) TRY(copy_key(d, from, to, from_ix, &ix, part));
    TRY(catalog_relation_by_oid(ctx, to->oid, &to));
    return ddl_build_index(d, to, ix.oid);
}

Status
ddl_partition_index(Ddl *d, const Relation *parent, const IndexDef *parent_ix, const Relation *child)
{
    Ctx *ctx = d->ctx;
    IndexDef ix = *parent_ix;
    TRY(ctx_check_depth(ctx));
    TRY(map_attnums(d, parent, child, parent_ix->attnums, parent_ix->ncols, &ix.attnums));
    for (int i = 0; i < child->nindexes; i++) {
        if (!same_index(parent_ix, ix.attnums, child->indexes[i])) continue;
        IndexDef own = *child->indexes[i];
        own.parent_index = parent_ix->oid;
        TRY(ddl_put_index(ctx, child->schema_oid, &own));
        for (int k = 0; own.constraint_oid != 0 && parent_ix->constraint_oid != 0 && k < child->nconstraints; k++)
            if (child->constraints[k]->oid == own.constraint_oid) {
                RelConstraint c = *child->constraints[k];
                c.parent_constraint = parent_ix->constraint_oid;
                c.inherited_only = true;
                c.inh_count = 1;
                TRY(ddl_create_constraint(ctx, &c));
            }
        return QN_OK;
    }
    return ddl_copy_index(d, parent, parent_ix, child, true);
}

/* Each foreign key of the parent is one of the partition. */
Status
ddl_partition_foreign(Ddl *d, const Relation *parent, const RelConstraint *p, const Relation *child)
{
    Ctx *ctx = d->ctx;
    RelConstraint c = *p;
    TRY(ctx_check_depth(ctx));
    TRY(map_attnums(d, parent, child, p->attnums, p->nkeys, &c.attnums));
    TRY(map_attnums(d, parent, child, p->set_attnums, p->nset, &c.set_attnums));
    c.oid = INVALID_OID;
    c.rel_oid = child->oid;
    c.parent_constraint = p->oid;
    c.inherited_only = true;
    c.inh_count = 1;
    for (int i = 0; i < child->nconstraints; i++) {
        const RelConstraint *k = child->constraints[i];
        bool same = k->kind == CONSTRAINT_FOREIGN && k->ref_rel_oid == p->ref_rel_oid && k->nkeys == p->nkeys && k->parent_constraint == 0 &&
                    k->on_delete == p->on_delete && k->on_update == p->on_update && k->match == p->match;
        for (int n = 0; same && n < p->nkeys; n++) same = k->attnums[n] == c.attnums[n] && k->ref_attnums[n] == p->ref_attnums[n];
        if (!same) continue;
        RelConstraint own = *k;
        own.parent_constraint = p->oid;
        own.inherited_only = true;
        own.inh_count = 1;
        return ddl_create_constraint(ctx, &own);
    }
    if (relation_constraint(child, c.name) != NULL)
        TRY(ddl_choose_name(ctx, child->schema_oid, child->oid, child->name, child->cols[c.attnums[0] - 1].name, "fkey", &c.name));
    TRY(ddl_lock_referenced(d, c.ref_rel_oid));
    TRY(ddl_create_constraint(ctx, &c));
    if (child->kind == RELKIND_PARTITIONED) {
        const Relation **list;
        int n;
        TRY(ddl_children(d, child, false, &list, &n));
        for (int i = 0; i < n; i++) TRY(ddl_partition_foreign(d, child, &c, list[i]));
        return QN_OK;
    }
    const Relation *ref;
    TRY(catalog_relation_by_oid(ctx, c.ref_rel_oid, &ref));
    return c.validated ? ddl_validate_foreign(d, child, ref, &c) : QN_OK;
}

Status
ddl_partition_take_over(Ddl *d, const Relation *parent, Oid child_oid)
{
    const Relation *child;
    for (int i = 0; i < parent->nindexes; i++) {
        TRY(catalog_relation_by_oid(d->ctx, child_oid, &child));
        TRY(ddl_partition_index(d, parent, parent->indexes[i], child));
    }
    for (int i = 0; i < parent->nconstraints; i++) {
        if (parent->constraints[i]->kind != CONSTRAINT_FOREIGN) continue;
        TRY(catalog_relation_by_oid(d->ctx, child_oid, &child));
        TRY(ddl_partition_foreign(d, parent, parent->constraints[i], child));
    }
    return QN_OK;
}

/* A key of a partitioned table is enforced in each partition alone: rows that are equal in it must be in one. */
Status
ddl_check_partitioned_key(Ddl *d, const Relation *rel, const int *attnums, int n, const char *what)
{
    const PartitionKey *k = rel->partition_key;
    for (int i = 0; k != NULL && i < k->nkeys; i++) {
        bool there = false;
        if (k->attnums[i] == 0)
            return err_detail(d->ctx, RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "unsupported %s constraint with partition key definition", what),
                              "%s constraints cannot be used when partition keys include expressions.", what);
        for (int j = 0; j < n; j++) there |= attnums[j] == k->attnums[i];
        if (there) continue;
        return err_detail(d->ctx, RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "unique constraint on partitioned table must include all partitioning columns"),
                          "%s constraint on table \"%s\" lacks column \"%s\" which is part of the partition key.", what, rel->name,
                          rel->cols[k->attnums[i] - 1].name);
    }
    return QN_OK;
}

/* ---- ATTACH, DETACH ---- */

static Status
check_attach(Ddl *d, const Relation *parent, const Relation *child)
{
    Ctx *ctx = d->ctx;
    if (parent->kind != RELKIND_PARTITIONED) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "table \"%s\" is not partitioned", parent->name);
    if (relation_bound(child) != NULL) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is already a partition", child->name);
    if (child->of_type != INVALID_OID) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot attach a typed table as partition");
    if (child->nparents > 0) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot attach inheritance child as partition");
    if (child->kind == RELKIND_TABLE && child->nchildren > 0) return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot attach inheritance parent as partition");
    bool temp = parent->persistence == 't', child_temp = child->persistence == 't';
    if (temp != child_temp)
        return temp ? RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot attach a permanent relation as partition of temporary relation \"%s\"", parent->name)
                    : RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot attach a temporary relation as partition of permanent relation \"%s\"", parent->name);
    for (int i = 0; i < child->ncols; i++) {
        const Column *c = &child->cols[i];
        if (c->dropped || relation_column(parent, c->name) != NULL) continue;
        return err_detail(ctx, RAISE(ctx, ERR_DATATYPE_MISMATCH, "table \"%s\" contains column \"%s\" not found in parent \"%s\"", child->name, c->name,
                                     parent->name),
                          "The new partition may contain only the columns present in parent.");
    }
    return QN_OK;
}

static Status
raise_attach(Ddl *d, Status code, const Relation *part, const Relation *whole)
{
    return RAISE(d->ctx, code, "cannot attach index \"%s\" as a partition of index \"%s\"", part->name, whole->name);
}

/* ALTER INDEX whole ATTACH PARTITION part. */
static Status
attach_index(Ddl *d, const Relation *whole, const RangeVar *rv)
{
    Ctx *ctx = d->ctx;
    const Status state = ERR_OBJECT_NOT_IN_PREREQUISITE_STATE;
    const Relation *part, *table, *parent;
    const int *attnums;
    TRY(ddl_open(d, rv, LOCK_ACCESS_EXCLUSIVE, "iI", false, &part));
    TRY(catalog_relation_by_oid(ctx, part->indexes[0]->rel_oid, &table));
    TRY(catalog_relation_by_oid(ctx, whole->indexes[0]->rel_oid, &parent));
    if (part->indexes[0]->parent_index == whole->oid) return QN_OK;
    if (part->indexes[0]->parent_index != INVALID_OID)
        return err_detail(ctx, raise_attach(d, state, part, whole), "Index \"%s\" is already attached to another index.", part->name);
    if (relation_bound(table) == NULL || table->parents[0]->parent_oid != parent->oid)
        return err_detail(ctx, raise_attach(d, state, part, whole), "Index \"%s\" is not an index on any partition of table \"%s\".", part->name,
                          parent->name);
    TRY(map_attnums(d, parent, table, whole->indexes[0]->attnums, whole->indexes[0]->ncols, &attnums));
    if (!same_index(whole->indexes[0], attnums, part->indexes[0]))
        return err_detail(ctx, raise_attach(d, ERR_INVALID_OBJECT_DEFINITION, part, whole), "The index definitions do not match.");
    for (int i = 0; i < table->nindexes; i++)
        if (table->indexes[i]->parent_index == whole->oid)
            return err_detail(ctx, raise_attach(d, state, part, whole), "Another index is already attached for partition \"%s\".", table->name);
    IndexDef ix = *part->indexes[0];
    ix.parent_index = whole->oid;
    return ddl_put_index(ctx, table->schema_oid, &ix);
}

Status
alter_attach_partition(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const PartitionCmd *cmd = AST_AS(PartitionCmd, c->def);
    const Relation *child;
    PartitionBound *bound;
    const char *condition;
    bool bad;
    Oid oid = rel->oid;
    (void)how;
    if (rel->kind == RELKIND_PARTITIONED_INDEX) return attach_index(d, rel, AST_AS(RangeVar, cmd->rel));
    TRY(ddl_open(d, AST_AS(RangeVar, cmd->rel), LOCK_ACCESS_EXCLUSIVE, "rp", false, &child));
    TRY(check_attach(d, rel, child));
    TRY(ddl_partition_bound(d, rel, child->name, AST_AS(PartitionBoundSpec, cmd->bound), &bound));
    TRY(ddl_check_default_partition(d, rel, bound));
    TRY(ddl_adopt(d, child, rel, bound));
    TRY(catalog_relation_by_oid(ctx, oid, &rel));
    TRY(ddl_partition_take_over(d, rel, child->oid));
    TRY(catalog_relation_by_oid(ctx, child->oid, &child));
    TRY(partition_full_constraint_sql(ctx, d->arena, child, &condition));
    if (condition == NULL) return QN_OK;
    TRY(violates(d, child, condition, &bad));
    if (bad) return RAISE(ctx, ERR_CHECK_VIOLATION, "partition constraint of relation \"%s\" is violated by some row", child->name);
    return QN_OK;
}

/* Its indexes, keys and foreign keys are its own from here on. */
static Status
cut_loose(Ddl *d, const Relation *child)
{
    for (int i = 0; i < child->nindexes; i++) {
        IndexDef ix = *child->indexes[i];
        if (ix.parent_index == 0) continue;
        ix.parent_index = INVALID_OID;
        TRY(ddl_put_index(d->ctx, child->schema_oid, &ix));
    }
    for (int i = 0; i < child->nconstraints; i++) {
        RelConstraint c = *child->constraints[i];
        if (c.parent_constraint == 0) continue;
        c.parent_constraint = INVALID_OID;
        c.inherited_only = false;
        c.inh_count = 0;
        TRY(ddl_create_constraint(d->ctx, &c));
    }
    return QN_OK;
}

/* Foreign keys to the table, and to those it is a part of itself, must do without the partition's rows. */
static Status
check_unreferenced(Ddl *d, const Relation *part, const Relation *ref)
{
    for (;;) {
        for (int i = 0; i < ref->nreferenced_by; i++)
            if (ref->referenced_by[i]->parent_constraint == 0)
                TRY(ddl_validate_detach(d, part, ref, ref->referenced_by[i]));
        if (relation_bound(ref) == NULL) return QN_OK;
        TRY(catalog_relation_by_oid(d->ctx, ref->parents[0]->parent_oid, &ref));
        if (ref == NULL) return QN_OK;
    }
}

static Status
refuse_pending(Ctx *ctx, Status st)
{
    return err_hint(ctx, st, "Use ALTER TABLE ... DETACH PARTITION ... FINALIZE to complete the pending detach operation.");
}

/* The partition of rel that the command names, locked. */
static Status
open_partition(Ddl *d, const Relation *rel, const PartitionCmd *cmd, LockMode mode, const Relation **out)
{
    Ctx *ctx = d->ctx;
    const RangeVar *rv = AST_AS(RangeVar, cmd->rel);
    const Relation *child;
    if (rel->kind != RELKIND_PARTITIONED) return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "table \"%s\" is not partitioned", rel->name);
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &child));
    TRY(lock_relation(ctx, child->oid, mode, LOCK_WAIT, child->name));
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, 0, &child));
    bool is_partition = relation_bound(child) != NULL && child->parents[0]->parent_oid == rel->oid;
    if (!is_partition) return RAISE(ctx, ERR_UNDEFINED_TABLE, "relation \"%s\" is not a partition of relation \"%s\"", child->name, rel->name);
    *out = child;
    return QN_OK;
}

/* Under AccessExclusiveLock on the partition. */
static Status
complete_detach(Ddl *d, Oid parent_oid, Oid child_oid)
{
    const Relation *child, *parent;
    TRY(catalog_relation_by_oid(d->ctx, child_oid, &child));
    TRY(cut_loose(d, child));
    TRY(catalog_relation_by_oid(d->ctx, child_oid, &child));
    TRY(catalog_relation_by_oid(d->ctx, parent_oid, &parent));
    return ddl_disown(d, child, parent);
}

/* The partition is marked in one transaction, from whose commit on new snapshots do without it, and leaves in another when all who may have
 * planned with it are through. A CHECK keeps up what those transactions rely on. */
static Status
detach_concurrently(Ddl *d, const Relation *rel, const PartitionCmd *cmd)
{
    Ctx *ctx = d->ctx;
    const Relation *child;
    Oid oid = rel->oid, child_oid;
    const char *condition;
    Xid xid;
    TRY(session_prevent_block(d->s, "ALTER TABLE ... DETACH CONCURRENTLY"));
    if (rel->kind == RELKIND_PARTITIONED && rel->partitions->default_part >= 0)
        return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot detach partitions concurrently when a default partition exists");
    TRY(open_partition(d, rel, cmd, LOCK_SHARE_UPDATE_EXCLUSIVE, &child));
    for (int i = 0; i < rel->nchildren; i++) {
        const Relation *pending;
        if (rel->children[i]->detach_xid == 0) continue;
        TRY(catalog_relation_by_oid(ctx, rel->children[i]->child_oid, &pending));
        return refuse_pending(ctx, RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE,
                                         "partition \"%s\" already pending detach in partitioned table \"%s.%s\"", pending->name, rel->schema,
                                         rel->name));
    }
    child_oid = child->oid;
    TRY(check_unreferenced(d, child, rel));
    TRY(partition_full_constraint_sql(ctx, d->arena, child, &condition));
    TRY(catalog_relation_by_oid(ctx, child_oid, &child));
    if (condition != NULL) TRY(ddl_add_known_check(d, child, condition));
    TRY(tx_write_xid(ctx, &xid));
    TRY(catalog_relation_by_oid(ctx, child_oid, &child));
    InheritLink link = *child->parents[0];
    link.detach_xid = xid;
    TRY(ddl_put_inherit(ctx, &link));
    TRY(session_next_transaction(d->s));
    TRY(lock_wait_for_holders(ctx, lock_relation_tag(oid), LOCK_ACCESS_EXCLUSIVE));

    TRY(lock_relation(ctx, oid, LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_WAIT, NULL));
    TRY(lock_relation(ctx, child_oid, LOCK_ACCESS_EXCLUSIVE, LOCK_WAIT, NULL));
    TRY(catalog_relation_by_oid(ctx, oid, &rel));
    TRY(catalog_relation_by_oid(ctx, child_oid, &child));
    if (rel == NULL || child == NULL || child->nparents == 0 || child->parents[0]->detach_xid != xid)
        return RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "partition was removed or detached concurrently");
    return complete_detach(d, oid, child_oid);
}

Status
alter_detach_partition(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    Ctx *ctx = d->ctx;
    const PartitionCmd *cmd = AST_AS(PartitionCmd, c->def);
    const Relation *child;
    (void)how;
    if (cmd->concurrent) return detach_concurrently(d, rel, cmd);
    TRY(open_partition(d, rel, cmd, LOCK_ACCESS_EXCLUSIVE, &child));
    if (child->parents[0]->detach_xid != 0) {
        Status st = RAISE(ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot detach partition \"%s\"", child->name);
        return refuse_pending(ctx, err_detail(ctx, st, "The partition is being detached concurrently or has an unfinished detach."));
    }
    TRY(check_unreferenced(d, child, rel));
    return complete_detach(d, rel->oid, child->oid);
}

Status
alter_finalize_detach(Ddl *d, const Relation *rel, const AlterTableCmd *c, AlterHow how)
{
    const Relation *child;
    (void)how;
    TRY(open_partition(d, rel, AST_AS(PartitionCmd, c->def), LOCK_ACCESS_EXCLUSIVE, &child));
    if (child->parents[0]->detach_xid == 0)
        return err_detail(d->ctx, RAISE(d->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot complete detaching partition \"%s\"", child->name),
                          "There's no pending concurrent detach.");
    TRY(lock_wait_for_holders(d->ctx, lock_relation_tag(rel->oid), LOCK_ACCESS_EXCLUSIVE));
    return complete_detach(d, rel->oid, child->oid);
}
