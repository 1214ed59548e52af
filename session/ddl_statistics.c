/* ddl_statistics.c - CREATE and ALTER STATISTICS: kept as they are written, for catalogs and CREATE TABLE LIKE. */
#include "parser/deparse.h"
#include "planner/resolve.h"
#include "session/ddl_object.h"

enum { STATISTICS_COLUMNS_MAX = 8 };

typedef struct StatsWork {
    Ddl *d;
    const Relation *rel;
    ARRAY(int64_t) nums;
    ARRAY(const char *) texts;
    int ncols, nexprs;
} StatsWork;

static const char *const kind_names[] = {"ndistinct", "dependencies", "mcv"};
static const char kind_letters[] = "dfm";

/* The letters of the kinds asked for, all of them when none is; of a single expression only its own. */
static Status
read_kinds(StatsWork *w, const AstList *kinds, bool single, const char **out)
{
    char *letters;
    int n = 0;
    bool asked[3] = {false};
    for (int i = 0; i < kinds->count; i++) {
        const char *kind = ast_str(kinds->items[i]);
        int k = 0;
        while (k < 3 && strcmp(kind_names[k], kind) != 0) k++;
        if (k == 3) return RAISE(w->d->ctx, ERR_SYNTAX_ERROR, "unrecognized statistics kind \"%s\"", kind);
        asked[k] = true;
    }
    if (single && kinds->count > 0)
        return RAISE(w->d->ctx, ERR_SYNTAX_ERROR, "when building statistics on a single expression, statistics kinds may not be specified");
    TRY_ALLOC(w->d->ctx, letters, arena_zalloc(w->d->arena, 8));
    for (int k = 0; k < 3; k++)
        if (!single && (asked[k] || kinds->count == 0)) letters[n++] = kind_letters[k];
    if (w->nexprs > 0) letters[n++] = 'e';
    *out = letters;
    return QN_OK;
}

static Status
add_column(StatsWork *w, const char *name)
{
    Ctx *ctx = w->d->ctx;
    const Column *c = relation_column(w->rel, name);
    if (c == NULL && ddl_is_system_column(name))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "statistics creation on system columns is not supported");
    if (c == NULL) return RAISE(ctx, ERR_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
    const TypeInfo *t = type_info(type_base(c->type));
    if (t->cmp == NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     "column \"%s\" cannot be used in statistics because its type %s has no default btree operator class", name,
                     t->sql_name);
    for (int i = STX_COUNT; i < w->nums.count; i++)
        if (w->nums.items[i] == c->attnum)
            return RAISE(ctx, ERR_DUPLICATE_COLUMN, "duplicate column name in statistics definition");
    w->ncols++;
    return array_push(ctx, w->d->arena, &w->nums, c->attnum);
}

static Status
add_expression(StatsWork *w, const Ast *a)
{
    Ctx *ctx = w->d->ctx;
    Expr *e;
    const char *text;
    TRY(plan_expression(ctx, w->d->arena, w->d->sql, a, w->rel, 0, -1, &e));
    const TypeInfo *t = type_info(type_base(e->type));
    if (t->cmp == NULL)
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,
                     "expression cannot be used in multivariate statistics because its type %s has no default btree operator class", t->sql_name);
    TRY(ddl_expr_text(w->d, a, &text));
    for (int i = STX_NTEXTS; i < w->texts.count; i++)
        if (strcmp(w->texts.items[i], text) == 0)
            return RAISE(ctx, ERR_DUPLICATE_COLUMN, "duplicate expression in statistics definition");
    w->nexprs++;
    return array_push(ctx, w->d->arena, &w->texts, text);
}

/* A column's name, perhaps with the table's. */
static const char *
column_name(const StatsWork *w, const Ast *a)
{
    if (!ast_is(a, ColumnRef)) return NULL;
    const AstList *f = &AST_AS(ColumnRef, a)->fields;
    if (f->count == 2 && strcmp(ast_str(f->items[0]), w->rel->name) == 0) return ast_str(f->items[1]);
    return f->count == 1 ? ast_str(f->items[0]) : NULL;
}

static Status
read_items(StatsWork *w, const AstList *items)
{
    Ctx *ctx = w->d->ctx;
    if (items->count > STATISTICS_COLUMNS_MAX)
        return RAISE(ctx, ERR_TOO_MANY_COLUMNS, "cannot have more than %d columns in statistics", STATISTICS_COLUMNS_MAX);
    for (int i = 0; i < items->count; i++) {
        const char *name = column_name(w, items->items[i]);
        TRY(name != NULL ? add_column(w, name) : add_expression(w, items->items[i]));
    }
    if (w->ncols + w->nexprs < 2 && w->nexprs == 0)
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "extended statistics require at least 2 columns");
    return QN_OK;
}

/* *done_out: it is there already, which has been said. */
static Status
claim_name(Ddl *d, const Definition *def, bool if_not_exists, bool *done_out)
{
    const Definition **same;
    int n;
    TRY(ddl_lock_name(d->ctx, def->schema_oid, def->name));
    TRY(catalog_definitions(d->ctx, d->arena, def->schema_oid, def->name, DEF_STATISTICS, &same, &n));
    *done_out = n > 0 && if_not_exists;
    if (n == 0) return QN_OK;
    if (!if_not_exists) return RAISE(d->ctx, ERR_DUPLICATE_OBJECT, "statistics object \"%s\" already exists", def->name);
    ctx_notice(d->ctx, "NOTICE", ERR_DUPLICATE_OBJECT, "statistics object \"%s\" already exists, skipping", def->name);
    return QN_OK;
}

Status
ddl_run_create_statistics(Ddl *d, const CreateStatsStmt *s)
{
    Ctx *ctx = d->ctx;
    StatsWork w = {.d = d};
    Definition def = {.kind = DEF_STATISTICS};
    bool done;
    const char *kinds;
    if (s->rels.count != 1 || !ast_is(s->rels.items[0], RangeVar))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "only a single relation is allowed in CREATE STATISTICS");
    const RangeVar *rv = AST_AS(RangeVar, s->rels.items[0]);
    TRY(catalog_relation_required(ctx, rv->schema, rv->name, rv->loc, &w.rel));
    if (w.rel->kind != RELKIND_TABLE && w.rel->kind != RELKIND_MATVIEW && w.rel->kind != RELKIND_PARTITIONED)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "cannot define statistics for relation \"%s\"", w.rel->name);
    TRY(ddl_open(d, rv, LOCK_SHARE_UPDATE_EXCLUSIVE, "rmp", false, &w.rel));
    TRY(ddl_routine_target(d, &s->name, &def.schema_oid, &def.name));
    TRY(claim_name(d, &def, s->if_not_exists, &done));
    if (done) return QN_OK;
    TRY(array_push(ctx, d->arena, &w.nums, -1)); /* STX_TARGET */
    TRY(array_push(ctx, d->arena, &w.texts, NULL)); /* STX_KINDS */
    TRY(read_items(&w, &s->exprs));
    TRY(read_kinds(&w, &s->kinds, w.ncols == 0 && w.nexprs == 1, &kinds));
    w.texts.items[STX_KINDS] = kinds;
    def.parent = w.rel->oid;
    def.nums = w.nums.items;
    def.nnums = w.nums.count;
    def.texts = w.texts.items;
    def.ntexts = w.texts.count;
    return ddl_put_definition(ctx, &def);
}

Status
ddl_run_alter_statistics(Ddl *d, const AlterStatsStmt *s)
{
    ObjectRef ref;
    int64_t *nums;
    ListNode name = {.base = {AST_ListNode}, .items = s->name};
    int target = s->target;
    TRY(ddl_find_object(d, AST_OBJECT_STATISTIC_EXT, (const Ast *)&name, s->missing_ok, &ref));
    if (ref.def == NULL) return QN_OK;
    if (target < -1) return RAISE(d->ctx, ERR_INVALID_PARAMETER_VALUE, "statistics target %d is too low", target);
    if (target > 10000) {
        target = 10000;
        ctx_notice(d->ctx, "WARNING", ERR_INVALID_PARAMETER_VALUE, "lowering statistics target to %d", target);
    }
    Definition def = *ref.def;
    TRY_ALLOC(d->ctx, nums, arena_memdup(d->arena, def.nums, sizeof(int64_t) * (size_t)def.nnums));
    nums[STX_TARGET] = target;
    def.nums = nums;
    return ddl_put_definition(d->ctx, &def);
}

/* ---- LIKE INCLUDING STATISTICS ---- */

static Status
copy_one(Ddl *d, const Definition *from, const Relation *source, const Relation *to)
{
    Definition def = {.kind = DEF_STATISTICS, .schema_oid = to->schema_oid, .parent = to->oid, .texts = from->texts, .ntexts = from->ntexts};
    int64_t *nums;
    StrBuf b = strbuf_new(d->arena);
    char *base;
    bool exists = true, done;
    TRY_ALLOC(d->ctx, nums, arena_memdup(d->arena, from->nums, sizeof(int64_t) * (size_t)from->nnums));
    strbuf_addz(&b, to->name);
    for (int i = STX_COUNT; i < from->nnums; i++) {
        const Column *old = &source->cols[from->nums[i] - 1], *c = relation_column(to, old->name);
        if (c == NULL) return QN_OK;
        nums[i] = c->attnum;
        strbuf_addf(&b, "_%s", old->name);
    }
    if (from->ntexts > STX_NTEXTS) strbuf_addz(&b, "_expr");
    TRY(strbuf_finish(d->ctx, &b, &base, NULL));
    for (int i = 0; exists; i++) {
        const Definition **same;
        int n;
        TRY_ALLOC(d->ctx, def.name, i == 0 ? arena_printf(d->arena, "%.50s_stat", base) : arena_printf(d->arena, "%.50s_stat%d", base, i));
        TRY(catalog_definitions(d->ctx, d->arena, def.schema_oid, def.name, DEF_STATISTICS, &same, &n));
        exists = n > 0;
    }
    TRY(claim_name(d, &def, false, &done));
    def.nums = nums;
    def.nnums = from->nnums;
    return ddl_put_definition(d->ctx, &def);
}

Status
ddl_copy_statistics(Ddl *d, const Relation *from, const Relation *to)
{
    const Definition **list;
    int n;
    if (!catalog_has_definitions(d->ctx, DEF_STATISTICS)) return QN_OK;
    TRY(catalog_definitions_under(d->ctx, d->arena, from->oid, DEF_STATISTICS, &list, &n));
    for (int i = 0; i < n; i++) TRY(copy_one(d, list[i], from, to));
    return QN_OK;
}
