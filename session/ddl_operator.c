/* ddl_operator.c - CREATE and ALTER OPERATOR; operator classes and families, which are kept as they were written. */
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "planner/resolve.h"
#include "session/ddl_object.h"
#include "types/function.h"

/* An operator being made. */
typedef struct OperWork {
    Ddl *d;
    PlanState ps;
    const AstList *function, *commutator, *negator, *restriction, *join;
    Oid args[2]; /* left 0: prefix */
    bool hashes, merges;
} OperWork;

#define BAD_OPERATOR(w, ...) RAISE((w)->d->ctx, ERR_INVALID_FUNCTION_DEFINITION, __VA_ARGS__)

/* ---- the definition ---- */

static Status
read_type(OperWork *w, const DefElem *e, Oid *out)
{
    int32_t typmod;
    if (e->arg == NULL || !ast_is(e->arg, TypeName)) return RAISE(w->d->ctx, ERR_SYNTAX_ERROR, "argument of %s must be a type name", e->name);
    if (AST_AS(TypeName, e->arg)->setof) return BAD_OPERATOR(w, "SETOF type not allowed for operator argument");
    return resolve_type_name(&w->ps, e->arg, out, &typmod);
}

static Status
read_option(OperWork *w, const DefElem *e)
{
    Ctx *ctx = w->d->ctx;
    const char *n = e->name;
    if (strcmp(n, "leftarg") == 0) return read_type(w, e, &w->args[0]);
    if (strcmp(n, "rightarg") == 0) return read_type(w, e, &w->args[1]);
    if (strcmp(n, "function") == 0 || strcmp(n, "procedure") == 0) return ddl_opt_names(w->d, e, &w->function);
    if (strcmp(n, "commutator") == 0) return ddl_opt_names(w->d, e, &w->commutator);
    if (strcmp(n, "negator") == 0) return ddl_opt_names(w->d, e, &w->negator);
    if (strcmp(n, "restrict") == 0) return ddl_opt_names(w->d, e, &w->restriction);
    if (strcmp(n, "join") == 0) return ddl_opt_names(w->d, e, &w->join);
    if (strcmp(n, "hashes") == 0) return option_bool(ctx, e, &w->hashes);
    if (strcmp(n, "merges") == 0) return option_bool(ctx, e, &w->merges);
    if (strcmp(n, "sort1") == 0 || strcmp(n, "sort2") == 0 || strcmp(n, "ltcmp") == 0 || strcmp(n, "gtcmp") == 0) {
        w->merges = true;
        return QN_OK;
    }
    ctx_notice(ctx, "WARNING", ERR_SYNTAX_ERROR, "operator attribute \"%s\" not recognized", n);
    return QN_OK;
}

static Status
check_args(OperWork *w)
{
    if (w->function == NULL) return BAD_OPERATOR(w, "operator function must be specified");
    if (w->args[0] == INVALID_OID && w->args[1] == INVALID_OID) return BAD_OPERATOR(w, "operator argument types must be specified");
    if (w->args[1] != INVALID_OID) return QN_OK;
    return err_detail(w->d->ctx, BAD_OPERATOR(w, "operator right argument type must be specified"), "Postfix operators are not supported.");
}

/* ---- functions ---- */

/* The function with exactly these arguments. */
static Status
exact_function(OperWork *w, const AstList *names, const Oid *types, int n, Oid *oid_out, Oid *result_out)
{
    const char *name = ast_str(names->items[names->count - 1]), *schema = names->count > 1 ? ast_str(names->items[names->count - 2]) : NULL;
    const Routine *r;
    const char *sig;
    int count;
    if (schema == NULL || strcmp(schema, "pg_catalog") == 0) {
        const Function *const *fns = fn_by_name(name, &count);
        for (int i = 0; fns != NULL && i < count; i++) {
            if (fns[i]->nargs != n || memcmp(fns[i]->args, types, sizeof(Oid) * (size_t)n) != 0) continue;
            *oid_out = fns[i]->oid;
            *result_out = fns[i]->result;
            return QN_OK;
        }
    }
    TRY(resolve_exact_routine(&w->ps, schema, name, types, n, &r));
    if (r == NULL) {
        TRY(function_signature(&w->ps, name, types, n, &sig));
        return RAISE(w->d->ctx, ERR_UNDEFINED_FUNCTION, "function %s does not exist", sig);
    }
    *oid_out = r->fn.oid;
    *result_out = r->fn.result;
    return QN_OK;
}

static Status
estimator(OperWork *w, const AstList *names, bool is_join, Oid *out)
{
    static const Oid restrict_args[] = {TYPE_INTERNAL, TYPE_OID, TYPE_INTERNAL, TYPE_INT4};
    static const Oid join_args[] = {TYPE_INTERNAL, TYPE_OID, TYPE_INTERNAL, TYPE_INT2, TYPE_INTERNAL};
    Oid result;
    *out = INVALID_OID;
    if (names == NULL) return QN_OK;
    TRY(exact_function(w, names, is_join ? join_args : restrict_args, is_join ? 5 : 4, out, &result));
    if (result == TYPE_FLOAT8) return QN_OK;
    return BAD_OPERATOR(w, "%s estimator function %s must return type %s", is_join ? "join" : "restriction",
                        ast_str(names->items[names->count - 1]), "double precision");
}

static Status
check_result(OperWork *w, Oid result)
{
    bool binary = w->args[0] != INVALID_OID;
    if (!binary) {
        const char *what = w->commutator != NULL ? "have commutators" : w->join != NULL ? "have join selectivity"
                           : w->merges ? "merge join" : w->hashes ? "hash" : NULL;
        if (what != NULL) return BAD_OPERATOR(w, w->merges || w->hashes ? "only binary operators can %s" : "only binary operators can %s", what);
    }
    if (result == TYPE_BOOL) return QN_OK;
    const char *what = w->negator != NULL ? "have negators" : w->restriction != NULL ? "have restriction selectivity"
                       : w->join != NULL ? "have join selectivity" : w->merges ? "merge join" : w->hashes ? "hash" : NULL;
    return what == NULL ? QN_OK : BAD_OPERATOR(w, "only boolean operators can %s", what);
}

/* ---- making it ---- */

static Status
find_same(OperWork *w, Oid schema, const char *name, Oid left, Oid right, const Definition **out)
{
    const Definition **list;
    int n;
    *out = NULL;
    TRY(catalog_definitions(w->d->ctx, w->d->arena, schema, name, DEF_OPERATOR, &list, &n));
    for (int i = 0; i < n; i++)
        if (list[i]->nums[OPR_LEFT] == left && list[i]->nums[OPR_RIGHT] == right) *out = list[i];
    return QN_OK;
}

/* The operator that a commutator or negator clause names, 0 while it does not exist; it is told of this one when it is made. */
static Status
find_other(OperWork *w, Oid schema, const AstList *names, Oid left, Oid right, Oid *out)
{
    const Definition *def;
    const char *name;
    *out = INVALID_OID;
    if (names == NULL) return QN_OK;
    name = ast_str(names->items[names->count - 1]);
    if (names->count > 1) schema = catalog_schema_oid(w->d->ctx, ast_str(names->items[names->count - 2]));
    TRY(find_same(w, schema, name, left, right, &def));
    if (def != NULL) *out = def->oid;
    return QN_OK;
}

static Status
add_need(OperWork *w, ObjDep *deps, int *n, Oid oid)
{
    const TypeInfo *t = type_info(oid);
    if (t != NULL && t->elem_oid >= OID_FIRST_USER) oid = t->elem_oid;
    if (oid >= OID_FIRST_USER) deps[(*n)++] = (ObjDep){.ref = oid};
    (void)w;
    return QN_OK;
}

/* Its commutator or negator learns of it. */
static Status
tell_other(OperWork *w, Oid other, int field, Oid oid)
{
    const Definition *found;
    int64_t nums[OPR_COUNT];
    if (other == INVALID_OID || other == oid) return QN_OK;
    TRY(catalog_definition(w->d->ctx, w->d->arena, other, &found));
    if (found == NULL || found->nums[field] != INVALID_OID) return QN_OK;
    Definition def = *found;
    memcpy(nums, found->nums, sizeof(nums));
    nums[field] = oid;
    def.nums = nums;
    return ddl_put_definition(w->d->ctx, &def);
}

Status
ddl_run_create_operator(Ddl *d, const DefineStmt *s)
{
    Ctx *ctx = d->ctx;
    OperWork w = {.d = d, .ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql}};
    Definition def = {.kind = DEF_OPERATOR};
    const Definition *old;
    Oid function, result, commutator, negator, restriction, join;
    ObjDep deps[5];
    TRY(ddl_routine_target(d, &s->name, &def.schema_oid, &def.name));
    for (int i = 0; i < s->definition.count; i++) TRY(read_option(&w, AST_AS(DefElem, s->definition.items[i])));
    TRY(check_args(&w));
    bool binary = w.args[0] != INVALID_OID;
    TRY(exact_function(&w, w.function, binary ? w.args : w.args + 1, 1 + binary, &function, &result));
    TRY(estimator(&w, w.restriction, false, &restriction));
    TRY(estimator(&w, w.join, true, &join));
    TRY(check_result(&w, result));
    TRY(ddl_lock_name(ctx, def.schema_oid, def.name));
    TRY(find_same(&w, def.schema_oid, def.name, w.args[0], w.args[1], &old));
    if (old != NULL) return RAISE(ctx, ERR_DUPLICATE_FUNCTION, "operator %s already exists", def.name);
    TRY(find_other(&w, def.schema_oid, w.commutator, w.args[1], w.args[0], &commutator));
    TRY(find_other(&w, def.schema_oid, w.negator, w.args[0], w.args[1], &negator));
    if (w.negator != NULL && w.negator->count == 1 && strcmp(ast_str(w.negator->items[0]), def.name) == 0)
        return BAD_OPERATOR(&w, "operator cannot be its own negator or sort operator");
    TRY(ddl_new_oid(ctx, &def.oid));
    if (w.commutator != NULL && strcmp(ast_str(w.commutator->items[w.commutator->count - 1]), def.name) == 0 && w.args[0] == w.args[1])
        commutator = def.oid;
    const int64_t nums[OPR_COUNT] = {w.args[0], w.args[1], result, function, commutator, negator, restriction, join, w.hashes, w.merges};
    const Oid needs[] = {w.args[0], w.args[1], result, function};
    for (int i = 0; i < 4; i++) TRY(add_need(&w, deps, &def.ndeps, needs[i]));
    def.nums = nums;
    def.nnums = OPR_COUNT;
    def.deps = deps;
    TRY(ddl_put_definition(ctx, &def));
    TRY(tell_other(&w, commutator, OPR_COMMUTATOR, def.oid));
    return tell_other(&w, negator, OPR_NEGATOR, def.oid);
}

Status
ddl_run_alter_operator(Ddl *d, const AlterOperatorStmt *s)
{
    Ctx *ctx = d->ctx;
    OperWork w = {.d = d, .ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql}};
    ObjectRef ref;
    int64_t nums[OPR_COUNT];
    TRY(ddl_find_object(d, AST_OBJECT_OPERATOR, s->op, false, &ref));
    if (ref.def == NULL) return RAISE(ctx, ERR_INSUFFICIENT_PRIVILEGE, "must be owner of operator");
    memcpy(nums, ref.def->nums, sizeof(nums));
    for (int i = 0; i < s->options.count; i++) {
        const DefElem *e = AST_AS(DefElem, s->options.items[i]);
        bool is_join = strcmp(e->name, "join") == 0;
        const AstList *names = NULL;
        Oid oid;
        static const char *const fixed[] = {"leftarg", "rightarg", "function", "procedure", "commutator", "negator", "hashes", "merges"};
        for (size_t k = 0; k < sizeof(fixed) / sizeof(fixed[0]); k++)
            if (strcmp(fixed[k], e->name) == 0) return RAISE(ctx, ERR_SYNTAX_ERROR, "operator attribute \"%s\" cannot be changed", e->name);
        if (!is_join && strcmp(e->name, "restrict") != 0)
            return RAISE(ctx, ERR_SYNTAX_ERROR, "operator attribute \"%s\" not recognized", e->name);
        if (e->arg != NULL) TRY(ddl_opt_names(d, e, &names));
        TRY(estimator(&w, names, is_join, &oid));
        if (oid != INVALID_OID && nums[OPR_RESULT] != TYPE_BOOL)
            return BAD_OPERATOR(&w, is_join ? "only boolean operators can have join selectivity"
                                            : "only boolean operators can have restriction selectivity");
        if (oid != INVALID_OID && is_join && nums[OPR_LEFT] == INVALID_OID)
            return BAD_OPERATOR(&w, "only binary operators can have join selectivity");
        nums[is_join ? OPR_JOIN : OPR_RESTRICT] = oid;
    }
    Definition def = *ref.def;
    def.nums = nums;
    return ddl_put_definition(ctx, &def);
}

/* ---- operator classes and families ---- */

static Status
family_target(Ddl *d, const AstList *name, const char *method, char kind, Definition *def, Oid *am_out)
{
    Ctx *ctx = d->ctx;
    const Definition **list;
    int n;
    TRY(ddl_routine_target(d, name, &def->schema_oid, &def->name));
    *am_out = def_method_oid(method);
    if (*am_out == INVALID_OID) return RAISE(ctx, ERR_UNDEFINED_OBJECT, "access method \"%s\" does not exist", method);
    def->kind = kind;
    TRY(ddl_lock_name(ctx, def->schema_oid, def->name));
    TRY(catalog_definitions(ctx, d->arena, def->schema_oid, def->name, kind, &list, &n));
    for (int i = 0; i < n; i++)
        if (list[i]->nums[0] == (int64_t)*am_out)
            return RAISE(ctx, ERR_DUPLICATE_OBJECT, "operator %s \"%s\" for access method \"%s\" already exists",
                         kind == DEF_OPCLASS ? "class" : "family", def->name, method);
    return QN_OK;
}

Status
ddl_run_create_opfamily(Ddl *d, const CreateOpFamilyStmt *s)
{
    Definition def = {0};
    Oid am;
    TRY(family_target(d, &s->name, s->access_method, DEF_OPFAMILY, &def, &am));
    const int64_t nums[OPF_COUNT] = {am};
    def.nums = nums;
    def.nnums = OPF_COUNT;
    return ddl_put_definition(d->ctx, &def);
}

typedef struct Members {
    Ddl *d;
    ARRAY(int64_t) nums;
    ARRAY(ObjDep) deps;
    Oid am, type, class_oid;
    Oid storage;
} Members;

static Status
member_limits(Members *m, const CreateOpClassItem *item)
{
    Ctx *ctx = m->d->ctx;
    /* PostgreSQL's numbers for B-trees and hashes; other methods leave them to the class. */
    int strategies = m->am == 403 ? 5 : m->am == 405 ? 1 : 0, functions = m->am == 403 ? 5 : m->am == 405 ? 3 : 0;
    int max = item->kind == 1 ? strategies : functions;
    if (max == 0 || (item->number >= 1 && item->number <= max)) return QN_OK;
    return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "invalid %s number %d, must be between 1 and %d",
                 item->kind == 1 ? "operator" : "function", item->number, max);
}

static Status
add_member(Members *m, const CreateOpClassItem *item)
{
    Ddl *d = m->d;
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    const ObjectWithArgs *o = item->name != NULL ? AST_AS(ObjectWithArgs, item->name) : NULL;
    Oid sides[2] = {m->type, m->type}, oid = INVALID_OID;
    int32_t typmod;
    if (item->kind == 3) {
        if (m->storage != INVALID_OID) return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "storage type specified more than once");
        return resolve_type_name(&ps, item->stored_type, &m->storage, &typmod);
    }
    TRY(member_limits(m, item));
    for (int i = 0; i < item->class_args.count && i < 2; i++) TRY(resolve_type_name(&ps, item->class_args.items[i], &sides[i], &typmod));
    if (item->class_args.count == 1) sides[1] = sides[0];
    if (item->kind == 1) {
        ObjectRef ref = {0};
        if (o->args.count > 0) {
            TRY(ddl_find_object(d, AST_OBJECT_OPERATOR, item->name, false, &ref));
            for (int i = 0; i < 2 && i < o->args.count; i++)
                if (o->args.items[i] != NULL) TRY(resolve_type_name(&ps, o->args.items[i], &sides[i], &typmod));
            oid = ref.oid;
        } else {
            const Operator *op;
            if (m->type == INVALID_OID)
                return RAISE(d->ctx, ERR_SYNTAX_ERROR, "operator argument types must be specified in ALTER OPERATOR FAMILY");
            const char *schema = o->name.count > 1 ? ast_str(o->name.items[0]) : NULL;
            TRY(resolve_operator(&ps, schema, ast_str(o->name.items[o->name.count - 1]), m->type, m->type, 0, &op));
            oid = op->oid;
        }
    } else {
        const Routine *r;
        TRY(ddl_find_any_routine(d, o, AST_OBJECT_FUNCTION, &r, &oid));
        if (r != NULL) oid = r->fn.oid;
    }
    for (int i = 0; i + MEMBER_COUNT <= m->nums.count; i += MEMBER_COUNT) {
        const int64_t *x = &m->nums.items[i];
        if (x[MEMBER_KIND] != item->kind || x[MEMBER_NUMBER] != item->number || x[MEMBER_LEFT] != sides[0] || x[MEMBER_RIGHT] != sides[1]) continue;
        return RAISE(d->ctx, ERR_INVALID_OBJECT_DEFINITION, "%s number %d for (%s,%s) appears more than once",
                     item->kind == 1 ? "operator" : "function", item->number, type_text(&ps, sides[0]), type_text(&ps, sides[1]));
    }
    const int64_t row[MEMBER_COUNT] = {item->kind, item->number, sides[0], sides[1], oid, m->class_oid};
    for (int i = 0; i < MEMBER_COUNT; i++) TRY(array_push(d->ctx, d->arena, &m->nums, row[i]));
    if (oid >= OID_FIRST_USER) TRY(array_push(d->ctx, d->arena, &m->deps, ((ObjDep){.ref = oid})));
    return QN_OK;
}

/* 42704 if there is none. */
static Status
find_family(Ddl *d, const char *method, const AstList *name, ObjectRef *out)
{
    AstList names = {0};
    StringNode *first;
    TRY_ALLOC(d->ctx, first, ARENA_NEW(d->arena, StringNode));
    *first = (StringNode){.base = {AST_StringNode}, .str = method};
    TRY(array_push(d->ctx, d->arena, &names, (Ast *)first));
    for (int i = 0; i < name->count; i++) TRY(array_push(d->ctx, d->arena, &names, name->items[i]));
    ListNode list = {.base = {AST_ListNode}, .items = names};
    return ddl_find_object(d, AST_OBJECT_OPFAMILY, (const Ast *)&list, false, out);
}

/* The family named, or one of the class's name, made if it is not there. */
static Status
class_family(Ddl *d, const CreateOpClassStmt *s, const Definition *class, Oid am, Oid *out)
{
    const Definition **list;
    int n;
    if (s->family.count > 0) {
        ObjectRef ref;
        TRY(find_family(d, s->access_method, &s->family, &ref));
        *out = ref.oid;
        return QN_OK;
    }
    TRY(catalog_definitions(d->ctx, d->arena, class->schema_oid, class->name, DEF_OPFAMILY, &list, &n));
    for (int i = 0; i < n; i++)
        if (list[i]->nums[OPF_METHOD] == (int64_t)am) {
            *out = list[i]->oid;
            return QN_OK;
        }
    const int64_t nums[OPF_COUNT] = {am};
    Definition family = {.kind = DEF_OPFAMILY, .schema_oid = class->schema_oid, .name = class->name, .nnums = OPF_COUNT, .nums = nums};
    TRY(ddl_put_definition(d->ctx, &family));
    *out = family.oid;
    return QN_OK;
}

Status
ddl_run_create_opclass(Ddl *d, const CreateOpClassStmt *s)
{
    Ctx *ctx = d->ctx;
    PlanState ps = {.ctx = ctx, .arena = d->arena, .sql = d->sql};
    Definition def = {0};
    Members m = {.d = d};
    int32_t typmod;
    Oid family;
    TRY(family_target(d, &s->name, s->access_method, DEF_OPCLASS, &def, &m.am));
    TRY(resolve_type_name(&ps, s->type, &m.type, &typmod));
    TRY(class_family(d, s, &def, m.am, &family));
    TRY(ddl_new_oid(ctx, &def.oid));
    m.class_oid = def.oid;
    for (int i = 0; i < s->items.count; i++) TRY(add_member(&m, AST_AS(CreateOpClassItem, s->items.items[i])));
    if (m.storage != INVALID_OID && m.storage != m.type && (m.am == 403 || m.am == 405))
        return RAISE(ctx, ERR_INVALID_OBJECT_DEFINITION, "storage type cannot be different from data type for access method \"%s\"",
                     s->access_method);
    ARRAY(int64_t) nums = {0};
    const int64_t head[OPC_COUNT] = {m.am, family, m.type, m.storage, s->is_default};
    for (int i = 0; i < OPC_COUNT; i++) TRY(array_push(ctx, d->arena, &nums, head[i]));
    for (int i = 0; i < m.nums.count; i++) TRY(array_push(ctx, d->arena, &nums, m.nums.items[i]));
    if (m.type >= OID_FIRST_USER) TRY(array_push(ctx, d->arena, &m.deps, ((ObjDep){.ref = m.type})));
    def.parent = family;
    def.nums = nums.items;
    def.nnums = nums.count;
    def.deps = m.deps.items;
    def.ndeps = m.deps.count;
    return ddl_put_definition(ctx, &def);
}

/* Takes one member out of a family: the entry of its number and types. */
static Status
drop_member(Members *m, const CreateOpClassItem *item)
{
    Ddl *d = m->d;
    PlanState ps = {.ctx = d->ctx, .arena = d->arena, .sql = d->sql};
    Oid sides[2] = {0};
    int32_t typmod;
    int kept = 0;
    for (int i = 0; i < item->class_args.count && i < 2; i++) TRY(resolve_type_name(&ps, item->class_args.items[i], &sides[i], &typmod));
    if (item->class_args.count == 1) sides[1] = sides[0];
    for (int i = 0; i + MEMBER_COUNT <= m->nums.count; i += MEMBER_COUNT) {
        int64_t *x = &m->nums.items[i];
        bool same = x[MEMBER_KIND] == item->kind && x[MEMBER_NUMBER] == item->number && x[MEMBER_LEFT] == sides[0] && x[MEMBER_RIGHT] == sides[1];
        if (same) continue;
        memmove(&m->nums.items[kept], x, sizeof(int64_t) * MEMBER_COUNT);
        kept += MEMBER_COUNT;
    }
    bool found = kept < m->nums.count;
    m->nums.count = kept;
    if (found) return QN_OK;
    return RAISE(d->ctx, ERR_UNDEFINED_OBJECT, "%s %d(%s,%s) does not exist in operator family", item->kind == 1 ? "operator" : "function",
                 item->number, type_text(&ps, sides[0]), type_text(&ps, sides[1]));
}

Status
ddl_run_alter_opfamily(Ddl *d, const AlterOpFamilyStmt *s)
{
    Ctx *ctx = d->ctx;
    ObjectRef ref;
    Members m = {.d = d};
    TRY(find_family(d, s->access_method, &s->name, &ref));
    m.am = (Oid)ref.def->nums[OPF_METHOD];
    for (int i = OPF_COUNT; i < ref.def->nnums; i++) TRY(array_push(ctx, d->arena, &m.nums, ref.def->nums[i]));
    for (int i = 0; i < ref.def->ndeps; i++) TRY(array_push(ctx, d->arena, &m.deps, ref.def->deps[i]));
    for (int i = 0; i < s->items.count; i++) {
        const CreateOpClassItem *item = AST_AS(CreateOpClassItem, s->items.items[i]);
        if (item->kind == 3) return RAISE(ctx, ERR_SYNTAX_ERROR, "STORAGE cannot be specified in ALTER OPERATOR FAMILY");
        TRY(s->is_drop ? drop_member(&m, item) : add_member(&m, item));
    }
    Definition def = *ref.def;
    ARRAY(int64_t) nums = {0};
    TRY(array_push(ctx, d->arena, &nums, (int64_t)m.am));
    for (int i = 0; i < m.nums.count; i++) TRY(array_push(ctx, d->arena, &nums, m.nums.items[i]));
    def.nums = nums.items;
    def.nnums = nums.count;
    def.deps = m.deps.items;
    def.ndeps = m.deps.count;
    return ddl_put_definition(ctx, &def);
}
