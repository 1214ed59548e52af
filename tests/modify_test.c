/* modify_test.c - INSERT, UPDATE, DELETE, ON CONFLICT and index scans on plans made by hand, over a real table in memory. */
#include "tests/exec_util.h"

#include "storage/db.h"
#include "storage/heap.h"
#include "storage/index.h"
#include "storage/tx.h"

/* t(a int4 primary key, b text, c int8 not null) */
typedef struct Table {
    Fixture *f;
    Relation rel;
    Column cols[3];
    IndexDef pk;
    const IndexDef *indexes[1];
} Table;

static const Oid types[3] = {TYPE_INT4, TYPE_TEXT, TYPE_INT8};

static void
ok(Fixture *f, Status st)
{
    if (st != QN_OK) fail_msg("%s: %s", status_sqlstate(st), f->ctx.err.message);
}

static void
begin(Fixture *f)
{
    ok(f, tx_begin(&f->ctx, TX_READ_COMMITTED, false));
    ok(f, tx_command_begin(&f->ctx));
}

static void
commit(Fixture *f)
{
    tx_command_end(&f->ctx);
    ok(f, tx_commit(&f->ctx));
}

static void
make_table(Table *t, Fixture *f)
{
    static const char *const names[3] = {"a", "b", "c"};
    static LayoutColumn lc[3];
    static Layout layout;
    static const Layout *layouts[1];
    static HeapDesc hd;
    static IndexDesc id;
    static KeyColumn key;
    static uint64_t indexed = 1;
    static const int attnums[1] = {1};
    static const int32_t typmods[1] = {-1};
    static const Oid no_collation[1];
    static const bool no[1];
    static uint8_t phys[1];
    static int16_t scales[1];
    uint32_t root;
    memset(t, 0, sizeof(*t));
    t->f = f;
    begin(f);
    for (int i = 0; i < 3; i++) {
        lc[i] = (LayoutColumn){.type = types[i], .typmod = -1, .phys = (uint8_t)type_phys(types[i], -1)};
        t->cols[i] = (Column){.attnum = i + 1, .name = names[i], .type = types[i], .typmod = -1, .not_null = i != 1};
    }
    layout = (Layout){1, 3, lc};
    layouts[0] = &layout;
    ok(f, heap_create(&f->ctx, 16384, &root));
    hd = (HeapDesc){.relid = 16384, .root_page = root, .name = "t", .layouts = layouts, .nlayouts = 1, .indexed = &indexed};
    Heap *heap;
    ok(f, heap_open(&f->ctx, f->arena, &hd, &heap));
    ok(f, index_create(&f->ctx, 16385, INDEX_BTREE, &root));
    ok(f, key_column_init(&f->ctx, &key, TYPE_INT4, -1, false, false, false));
    phys[0] = PHYS_I32;
    id = (IndexDesc){.relid = 16385, .root_page = root, .name = "t_pkey", .kind = INDEX_BTREE, .unique = true, .nkeys = 1, .ncols = 1,
                     .keys = &key, .types = types, .phys = phys, .scales = scales};
    Index *index;
    ok(f, index_open(&f->ctx, f->arena, &id, &index));
    t->pk = (IndexDef){.oid = 16385, .name = "t_pkey", .rel_oid = 16384, .nkeys = 1, .ncols = 1, .attnums = attnums, .types = types,
                       .typmods = typmods, .collations = no_collation, .desc = no, .nulls_first = no, .unique = true,
                       .primary = true, .valid = true, .method = "btree", .index = index};
    t->indexes[0] = &t->pk;
    t->rel = (Relation){.oid = 16384, .name = "t", .schema = "public", .kind = RELKIND_TABLE, .ncols = 3, .cols = t->cols,
                        .nindexes = 1, .indexes = t->indexes, .heap = heap};
    commit(f);
}

static int
setup_db(void **state)
{
    setup(state);
    Fixture *f = *state;
    DbOptions o = {.cache_bytes = 64 << 20, .no_threads = true};
    ok(f, db_open(&f->ctx, ":memory:", &o));
    f->ctx.settings = &f->settings;
    return 0;
}

static int
teardown_db(void **state)
{
    Fixture *f = *state;
    if (f->ctx.tx != NULL) tx_rollback(&f->ctx);
    ok(f, db_close(&f->ctx));
    err_clear(&f->ctx.err);
    arena_destroy(f->arena);
    free(f);
    return 0;
}

/* Runs once in its own transaction; the rows as text, or the error's SQLSTATE, message and detail. */
static char *
statement(Fixture *f, PlanNode *root, int64_t *affected)
{
    Plan *plan = ARENA_NEW(f->arena, Plan);
    Exec *e;
    StrBuf b = strbuf_new(f->arena);
    plan->root = root;
    plan->nnodes = f->nnodes;
    begin(f);
    Status st = exec_build(&f->ctx, f->arena, plan, 0, &e);
    if (st == QN_OK) st = exec_start(e, NULL, 0);
    strbuf_addz(&b, "");
    while (st == QN_OK) {
        Batch *batch;
        st = exec_fetch(e, &batch);
        if (st != QN_OK || batch == NULL) break;
        for (int k = 0; k < batch->nsel; k++) {
            for (int c = 0; c < root->targets.count; c++) {
                Value v = vec_get(batch->cols[c], batch_row(batch, k));
                if (c > 0) strbuf_addc(&b, '|');
                if (v.is_null) strbuf_addz(&b, "-");
                else ok(f, value_out(&f->ctx, &b, &v));
            }
            strbuf_addc(&b, '\n');
        }
    }
    if (affected != NULL) *affected = e->rows_affected;
    exec_stop(e);
    exec_destroy(e);
    if (st == QN_OK) {
        commit(f);
        return b.data;
    }
    char *text = arena_printf(f->arena, "%s: %s (%s)", status_sqlstate(st), f->ctx.err.message,
                              f->ctx.err.detail != NULL ? f->ctx.err.detail : "");
    err_clear(&f->ctx.err);
    tx_command_end(&f->ctx);
    tx_rollback(&f->ctx);
    return text;
}

/* A Modify that writes t alone. */
static ModifyPlan *
modify_of(Table *t, PlanNode *input, DmlKind kind)
{
    ModifyPlan *m = NODE_NEW(t->f, Modify, input, NULL);
    m->kind = kind;
    m->rel = &t->rel;
    m->oid_col = -1;
    m->value_col = kind == DML_INSERT ? 0 : 1;
    m->ntargets = 1;
    m->targets = ARENA_NEW(t->f->arena, ModifyTarget);
    m->targets[0].rel = &t->rel;
    return m;
}

/* INSERT of rows (i, text, i * 10) for i in [from, to). */
static ModifyPlan *
insert_of(Table *t, int from, int to)
{
    Fixture *f = t->f;
    ValuesScanPlan *v = NODE_NEW(f, ValuesScan, NULL, NULL);
    v->nrows = to - from;
    v->ncols = 3;
    v->rows = ARENA_ARRAY(f->arena, ExprList, v->nrows + 1);
    for (int i = from; i < to; i++) {
        add(f, &v->rows[i - from], lit(f, i, TYPE_INT4));
        add(f, &v->rows[i - from], i % 3 == 0 ? text(f, NULL) : text(f, arena_printf(f->arena, "row number %d", i)));
        add(f, &v->rows[i - from], lit(f, i * 10, TYPE_INT8));
    }
    for (int c = 0; c < 3; c++) add(f, &v->base.targets, col(f, INPUT_OUTER, c, types[c]));
    static int cols[3] = {0, 1, 2};
    ModifyPlan *m = modify_of(t, &v->base, DML_INSERT);
    m->cols = cols;
    m->ncols = 3;
    return m;
}

static void
return_all(Table *t, ModifyPlan *m)
{
    m->returning = true;
    m->base.project = true;
    for (int c = 0; c < 3; c++) add(t->f, &m->base.targets, col(t->f, INPUT_INNER, c, types[c]));
}

static SeqScanPlan *
scan_of(Table *t, bool with_tid)
{
    Fixture *f = t->f;
    static int cols[4] = {0, 1, 2, SCANCOL_TID};
    SeqScanPlan *s = NODE_NEW(f, SeqScan, NULL, NULL);
    s->rel = &t->rel;
    s->cols = cols;
    s->ncols = with_tid ? 4 : 3;
    for (int c = 0; c < 3; c++) add(f, &s->base.targets, col(f, INPUT_OUTER, c, types[c]));
    if (with_tid) add(f, &s->base.targets, col(f, INPUT_OUTER, 3, TYPE_TID));
    return s;
}

static IndexScanPlan *
lookup(Table *t, SelKind cmp, Expr *value, bool is_array, bool index_only)
{
    Fixture *f = t->f;
    static int cols[3] = {0, 1, 2};
    IndexScanPlan *s = NODE_NEW(f, IndexScan, NULL, NULL);
    s->rel = &t->rel;
    s->cols = cols;
    s->ncols = s->nread = index_only ? 1 : 3;
    s->index = &t->pk;
    s->index_only = index_only;
    s->bounds = ARENA_ARRAY(f->arena, IndexBound, 1);
    s->bounds[0] = (IndexBound){.cmp = cmp, .value = value, .is_array = is_array};
    s->nbounds = 1;
    for (int c = 0; c < s->ncols; c++) add(f, &s->base.targets, col(f, INPUT_OUTER, c, types[c]));
    return s;
}

static void
test_insert_then_scan_and_lookup(void **state)
{
    Table t;
    int64_t n;
    make_table(&t, *state);
    assert_string_equal(statement(t.f, &insert_of(&t, 0, 5000)->base, &n), "");
    assert_int_equal(n, 5000);
    assert_int_equal(count_lines(statement(t.f, &scan_of(&t, false)->base, NULL)), 5000);
    assert_string_equal(statement(t.f, &lookup(&t, SEL_EQ, lit(t.f, 4321, TYPE_INT4), false, false)->base, NULL),
                        "4321|row number 4321|43210\n");
    /* A bigint bound on an integer column: by value, also where no integer can equal it. */
    assert_string_equal(statement(t.f, &lookup(&t, SEL_EQ, lit(t.f, 7, TYPE_INT8), false, true)->base, NULL), "7\n");
    assert_string_equal(statement(t.f, &lookup(&t, SEL_EQ, lit(t.f, 1ll << 40, TYPE_INT8), false, true)->base, NULL), "");
    assert_int_equal(count_lines(statement(t.f, &lookup(&t, SEL_LT, lit(t.f, 1ll << 40, TYPE_INT8), false, true)->base, NULL)), 5000);
    assert_string_equal(statement(t.f, &lookup(&t, SEL_GE, lit(t.f, 4998, TYPE_INT4), false, false)->base, NULL),
                        "4998|-|49980\n4999|row number 4999|49990\n");
    IndexScanPlan *back = lookup(&t, SEL_LE, lit(t.f, 2, TYPE_INT4), false, true);
    back->backward = true;
    assert_string_equal(statement(t.f, &back->base, NULL), "2\n1\n0\n");
}

static void
test_duplicate_key_is_23505_and_leaves_nothing(void **state)
{
    Table t;
    make_table(&t, *state);
    statement(t.f, &insert_of(&t, 0, 10)->base, NULL);
    assert_string_equal(statement(t.f, &insert_of(&t, 9, 12)->base, NULL),
                        "23505: duplicate key value violates unique constraint \"t_pkey\" (Key (a)=(9) already exists.)");
    assert_int_equal(count_lines(statement(t.f, &scan_of(&t, false)->base, NULL)), 10);
}

static void
test_not_null_and_check_name_the_row(void **state)
{
    Table t;
    make_table(&t, *state);
    ModifyPlan *m = insert_of(&t, 4, 5);
    m->ncols = 2; /* c is left out */
    assert_string_equal(statement(t.f, &m->base, NULL),
                        "23502: null value in column \"c\" of relation \"t\" violates not-null constraint "
                        "(Failing row contains (4, row number 4, null).)");
    m = insert_of(&t, 4, 8);
    static const char *names[] = {"small"};
    add(t.f, &m->targets[0].checks, call(t.f, "int4lt", col(t.f, INPUT_INNER, 0, TYPE_INT4), lit(t.f, 6, TYPE_INT4)));
    m->targets[0].check_names = names;
    assert_string_equal(statement(t.f, &m->base, NULL),
                        "23514: new row for relation \"t\" violates check constraint \"small\" "
                        "(Failing row contains (6, null, 60).)");
}

static PlanNode *
filtered(Table *t, const char *op, int64_t c)
{
    SeqScanPlan *s = scan_of(t, true);
    add(t->f, &s->base.filter, call(t->f, op, col(t->f, INPUT_OUTER, 2, TYPE_INT8), lit(t->f, c, TYPE_INT8)));
    return &s->base;
}

/* UPDATE t SET col = value WHERE ..., col 0 or 2. */
static ModifyPlan *
update_of(Table *t, PlanNode *scan, int c, Expr *value)
{
    Fixture *f = t->f;
    scan->project = true;
    scan->targets.count = 0;
    add(f, &scan->targets, col(f, INPUT_OUTER, 3, TYPE_TID));
    add(f, &scan->targets, value);
    ModifyPlan *m = modify_of(t, scan, DML_UPDATE);
    m->cols = arena_memdup(f->arena, &c, sizeof(c));
    m->ncols = 1;
    return m;
}

static void
test_update_keeps_the_index_right(void **state)
{
    Table t;
    int64_t n;
    make_table(&t, *state);
    Fixture *f = t.f;
    statement(f, &insert_of(&t, 0, 3000)->base, NULL);
    /* No indexed column: found under the same key. */
    ModifyPlan *m = update_of(&t, filtered(&t, "int8lt", 20000), 2, call(f, "int8pl", col(f, INPUT_OUTER, 2, TYPE_INT8), lit(f, 1, TYPE_INT8)));
    statement(f, &m->base, &n);
    assert_int_equal(n, 2000);
    assert_string_equal(statement(f, &lookup(&t, SEL_EQ, lit(f, 7, TYPE_INT4), false, false)->base, NULL), "7|row number 7|71\n");
    /* The key itself. */
    m = update_of(&t, filtered(&t, "int8eq", 71), 0, call(f, "int4pl", col(f, INPUT_OUTER, 0, TYPE_INT4), lit(f, 100000, TYPE_INT4)));
    return_all(&t, m);
    assert_string_equal(statement(f, &m->base, &n), "100007|row number 7|71\n");
    assert_string_equal(statement(f, &lookup(&t, SEL_EQ, lit(f, 7, TYPE_INT4), false, false)->base, NULL), "");
    assert_string_equal(statement(f, &lookup(&t, SEL_EQ, lit(f, 100007, TYPE_INT4), false, true)->base, NULL), "100007\n");
    /* Onto a key that is taken. */
    m = update_of(&t, filtered(&t, "int8eq", 71), 0, lit(f, 8, TYPE_INT4));
    assert_string_equal(statement(f, &m->base, &n),
                        "23505: duplicate key value violates unique constraint \"t_pkey\" (Key (a)=(8) already exists.)");
}

static void
test_delete_returns_what_went(void **state)
{
    Table t;
    int64_t n;
    make_table(&t, *state);
    Fixture *f = t.f;
    statement(f, &insert_of(&t, 0, 2500)->base, NULL);
    PlanNode *scan = filtered(&t, "int8lt", 20);
    scan->project = true;
    scan->targets.count = 0;
    add(f, &scan->targets, col(f, INPUT_OUTER, 3, TYPE_TID));
    ModifyPlan *m = modify_of(&t, scan, DML_DELETE);
    return_all(&t, m);
    assert_string_equal(statement(f, &m->base, &n), "0|-|0\n1|row number 1|10\n");
    assert_int_equal(n, 2);
    assert_int_equal(count_lines(statement(f, &scan_of(&t, false)->base, NULL)), 2498);
    assert_string_equal(statement(f, &lookup(&t, SEL_EQ, lit(f, 1, TYPE_INT4), false, false)->base, NULL), "");
}

static void
test_on_conflict(void **state)
{
    Table t;
    int64_t n;
    make_table(&t, *state);
    Fixture *f = t.f;
    statement(f, &insert_of(&t, 0, 5)->base, NULL);
    ModifyPlan *m = insert_of(&t, 3, 8);
    OnConflict nothing = {.action = ONCONFLICT_NOTHING};
    m->on_conflict = &nothing;
    return_all(&t, m);
    assert_string_equal(statement(f, &m->base, &n), "5|row number 5|50\n6|-|60\n7|row number 7|70\n");
    assert_int_equal(n, 3);
    /* DO UPDATE SET c = t.c + excluded.c WHERE excluded.a <> 7 */
    int arbiter = 0, set_col = 2;
    OnConflict update = {.action = ONCONFLICT_UPDATE, .arbiters = &arbiter, .narbiters = 1, .set_cols = &set_col};
    add(f, &update.set, call(f, "int8pl", col(f, INPUT_OUTER, 2, TYPE_INT8), col(f, INPUT_INNER, 2, TYPE_INT8)));
    update.where = call(f, "int4ne", col(f, INPUT_INNER, 0, TYPE_INT4), lit(f, 7, TYPE_INT4));
    m = insert_of(&t, 6, 9);
    m->on_conflict = &update;
    return_all(&t, m);
    assert_string_equal(statement(f, &m->base, &n), "6|-|120\n8|row number 8|80\n");
    assert_int_equal(n, 2);
    assert_int_equal(count_lines(statement(f, &scan_of(&t, false)->base, NULL)), 9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_insert_then_scan_and_lookup, setup_db, teardown_db),
        cmocka_unit_test_setup_teardown(test_duplicate_key_is_23505_and_leaves_nothing, setup_db, teardown_db),
        cmocka_unit_test_setup_teardown(test_not_null_and_check_name_the_row, setup_db, teardown_db),
        cmocka_unit_test_setup_teardown(test_update_keeps_the_index_right, setup_db, teardown_db),
        cmocka_unit_test_setup_teardown(test_delete_returns_what_went, setup_db, teardown_db),
        cmocka_unit_test_setup_teardown(test_on_conflict, setup_db, teardown_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
