/* catalog_test.c - the catalog on real storage: what is committed, rolled back, undone to savepoints and found again. */
#include "catalog/catalog_priv.h"
#include "catalog/ddl.h"
#include "catalog/sequence.h"
#include "common/settings.h"
#include "storage/db.h"
#include "storage/tx.h"
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Conn {
    Ctx ctx;
    Settings settings;
    Arena *arena;
    RelPins pins;
} Conn;

#define OK(expr)                                                                                   \
    do {                                                                                           \
        Status ok_ = (expr);                                                                       \
        if (ok_ != QN_OK)                                                                          \
            fail_msg("%s: %s", #expr, c->ctx.err.message != NULL ? c->ctx.err.message : "?");      \
    } while (0)

static void
connect_to(Conn *c, const char *path)
{
    memset(c, 0, sizeof(*c));
    settings_init(&c->settings);
    c->ctx.settings = &c->settings;
    c->arena = arena_create(NULL, "test");
    c->ctx.stmt_arena = c->arena;
    DbOptions options = {.no_threads = true};
    OK(db_open(&c->ctx, path, &options));
    OK(catalog_attach(&c->ctx));
    catalog_pins_use(&c->ctx, &c->pins);
}

static void
disconnect(Conn *c)
{
    if (c->ctx.tx != NULL) tx_rollback(&c->ctx);
    relpins_release(&c->ctx, &c->pins);
    catalog_detach(&c->ctx);
    OK(db_close(&c->ctx));
    arena_destroy(c->arena);
}

static void
begin(Conn *c)
{
    OK(tx_begin(&c->ctx, TX_READ_COMMITTED, false));
    OK(tx_command_begin(&c->ctx));
}

static void
commit(Conn *c)
{
    tx_command_end(&c->ctx);
    OK(tx_commit(&c->ctx));
}

/* A table of an integer "id" and a text "name". */
static Oid
make_table(Conn *c, const char *name)
{
    ColDef cols[2] = {
        {.col = {.attnum = 1, .name = "id", .type = TYPE_INT4, .typmod = -1, .not_null = true},
         .added_layout = 1, .missing = value_null(TYPE_INT4)},
        {.col = {.attnum = 2, .name = "name", .type = TYPE_TEXT, .typmod = -1, .collation = 100,
                 .default_sql = "'x'::text"},
         .added_layout = 1, .missing = value_null(TYPE_TEXT)}};
    RelDef def = {.name = name, .kind = RELKIND_TABLE, .schema_oid = OID_PUBLIC, .ncols = 2, .cols = cols};
    OK(ddl_create_table(&c->ctx, &def));
    return def.oid;
}

static const Relation *
find(Conn *c, const char *name)
{
    const Relation *rel;
    OK(catalog_relation(&c->ctx, NULL, name, &rel));
    return rel;
}

static void
test_new_table_is_seen_by_its_transaction_only_until_commit(void **state)
{
    (void)state;
    char path[] = "/tmp/catalog_test_XXXXXX";
    int fd = mkstemp(path);
    close(fd);
    unlink(path);
    Conn conn, *c = &conn, other, *o = &other;
    connect_to(c, path);
    connect_to(o, path);
    begin(c);
    Oid oid = make_table(c, "t");
    const Relation *rel = find(c, "t");
    assert_non_null(rel);
    assert_int_equal(rel->oid, oid);
    assert_non_null(rel->heap);
    assert_null(find(o, "t"));
    uint64_t version = rel->version, before = catalog_generation(&o->ctx);
    commit(c);
    assert_int_not_equal(catalog_generation(&o->ctx), before);
    rel = find(o, "t");
    assert_non_null(rel);
    assert_int_equal(rel->version, version);
    assert_string_equal(rel->cols[1].name, "name");
    assert_string_equal(rel->cols[1].default_sql, "'x'::text");
    assert_string_equal(rel->schema, "public");
    disconnect(c);
    disconnect(o);
    unlink(path);
}

static void
test_objects_are_there_after_reopening(void **state)
{
    (void)state;
    char path[] = "/tmp/catalog_test_XXXXXX";
    close(mkstemp(path));
    unlink(path);
    Conn conn, *c = &conn;
    connect_to(c, path);
    begin(c);
    Oid oid = make_table(c, "t");
    commit(c);
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof(name), "many%d", i);
        begin(c);
        make_table(c, name);
        commit(c);
    }
    disconnect(c);
    connect_to(c, path);
    const Relation *rel = find(c, "t");
    assert_non_null(rel);
    assert_int_equal(rel->oid, oid);
    assert_int_equal(rel->ncols, 2);
    assert_true(rel->cols[0].not_null);
    assert_non_null(find(c, "many0"));
    assert_non_null(find(c, "many299"));
    assert_null(find(c, "many300"));
    disconnect(c);
    unlink(path);
}

static void
test_rollback_leaves_nothing(void **state)
{
    (void)state;
    Conn conn, *c = &conn;
    connect_to(c, ":memory:");
    begin(c);
    make_table(c, "t");
    assert_non_null(find(c, "t"));
    tx_rollback(&c->ctx);
    assert_null(find(c, "t"));
    begin(c);
    make_table(c, "t"); /* the name is free again */
    commit(c);
    assert_non_null(find(c, "t"));
    disconnect(c);
}

static void
test_rolling_back_to_a_savepoint_undoes_what_came_after(void **state)
{
    (void)state;
    Conn conn, *c = &conn;
    connect_to(c, ":memory:");
    begin(c);
    Oid kept = make_table(c, "kept");
    OK(tx_savepoint(&c->ctx, "s"));
    OK(tx_command_begin(&c->ctx));
    make_table(c, "lost");
    DropTarget t = {.kind = OBJ_RELATION, .oid = kept};
    OK(ddl_drop(&c->ctx, &t, 1, false));
    assert_null(find(c, "kept"));
    assert_non_null(find(c, "lost"));
    OK(tx_rollback_to(&c->ctx, "s"));
    OK(tx_command_begin(&c->ctx));
    assert_non_null(find(c, "kept"));
    assert_null(find(c, "lost"));
    commit(c);
    assert_non_null(find(c, "kept"));
    assert_null(find(c, "lost"));
    disconnect(c);
}

static void
test_a_change_makes_a_new_version_and_old_pins_stay_readable(void **state)
{
    (void)state;
    Conn conn, *c = &conn;
    connect_to(c, ":memory:");
    begin(c);
    Oid oid = make_table(c, "t");
    commit(c);
    const Relation *old = find(c, "t");
    uint64_t version = old->version;
    begin(c);
    RelDef *def;
    OK(ddl_edit_relation(&c->ctx, c->arena, oid, &def));
    def->cols[1].col.name = "renamed";
    OK(ddl_put_relation(&c->ctx, def));
    assert_int_not_equal(catalog_relation_version(&c->ctx, oid), version);
    commit(c);
    assert_int_not_equal(catalog_relation_version(&c->ctx, oid), version);
    assert_string_equal(old->cols[1].name, "name");
    assert_string_equal(find(c, "t")->cols[1].name, "renamed");
    disconnect(c);
}

static void
test_version_comes_back_when_a_change_is_rolled_back(void **state)
{
    (void)state;
    Conn conn, *c = &conn;
    connect_to(c, ":memory:");
    begin(c);
    Oid oid = make_table(c, "t");
    commit(c);
    uint64_t version = catalog_relation_version(&c->ctx, oid), generation = catalog_generation(&c->ctx);
    begin(c);
    RelDef *def;
    OK(ddl_edit_relation(&c->ctx, c->arena, oid, &def));
    OK(ddl_put_relation(&c->ctx, def));
    tx_rollback(&c->ctx);
    assert_int_equal(catalog_relation_version(&c->ctx, oid), version);
    assert_int_not_equal(catalog_generation(&c->ctx), generation);
    disconnect(c);
}

static void
test_index_and_constraint_belong_to_their_table(void **state)
{
    (void)state;
    Conn conn, *c = &conn;
    connect_to(c, ":memory:");
    begin(c);
    Oid oid = make_table(c, "t");
    static const int attnums[] = {1};
    static const char *const exprs[] = {NULL};
    static const Oid types[] = {TYPE_INT4}, collations[] = {0};
    static const int32_t typmods[] = {-1};
    static const bool no[] = {false};
    IndexDef ix = {.name = "t_pkey", .rel_oid = oid, .nkeys = 1, .ncols = 1, .attnums = attnums,
                   .exprs = exprs, .types = types, .typmods = typmods, .collations = collations,
                   .desc = no, .nulls_first = no, .unique = true, .primary = true, .valid = true,
                   .method = "btree"};
    OK(ddl_create_index(&c->ctx, OID_PUBLIC, &ix));
    RelConstraint check = {.name = "t_check", .kind = CONSTRAINT_CHECK, .rel_oid = oid, .nkeys = 1,
                           .attnums = attnums, .check_sql = "id > 0", .validated = true};
    OK(ddl_create_constraint(&c->ctx, &check));
    commit(c);
    const Relation *rel = find(c, "t");
    assert_int_equal(rel->nindexes, 1);
    assert_ptr_equal(rel->primary, rel->indexes[0]);
    assert_non_null(rel->primary->index);
    assert_int_equal(rel->nconstraints, 1);
    assert_string_equal(rel->constraints[0]->check_sql, "id > 0");
    const Relation *by_name = find(c, "t_pkey");
    assert_int_equal(by_name->kind, RELKIND_INDEX);
    assert_int_equal(by_name->parent_oid, oid);
    begin(c);
    DropTarget t = {.kind = OBJ_RELATION, .oid = oid};
    OK(ddl_drop(&c->ctx, &t, 1, false));
    assert_null(find(c, "t_pkey"));
    commit(c);
    assert_null(find(c, "t_pkey"));
    disconnect(c);
}

static void
test_sequence_values_are_not_taken_back_and_survive_closing(void **state)
{
    (void)state;
    char path[] = "/tmp/catalog_test_XXXXXX";
    close(mkstemp(path));
    unlink(path);
    Conn conn, *c = &conn;
    connect_to(c, path);
    begin(c);
    SeqDef seq;
    OK(ddl_sequence_defaults(&seq, TYPE_INT8));
    RelDef def = {.name = "s", .schema_oid = OID_PUBLIC, .sequence = &seq};
    OK(ddl_create_sequence(&c->ctx, &def));
    commit(c);
    int64_t v[3];
    begin(c);
    OK(sequence_next(&c->ctx, find(c, "s"), 3, v));
    assert_int_equal(v[2], 3);
    tx_rollback(&c->ctx);
    begin(c);
    OK(sequence_next(&c->ctx, find(c, "s"), 1, v));
    assert_int_equal(v[0], 4);
    commit(c);
    disconnect(c);
    connect_to(c, path);
    begin(c);
    OK(sequence_next(&c->ctx, find(c, "s"), 1, v));
    assert_int_equal(v[0], 5);
    commit(c);
    disconnect(c);
    unlink(path);
}

static void
test_nothing_is_leaked(void **state)
{
    (void)state;
    int64_t before = mem_live_blocks();
    Conn conn, *c = &conn;
    connect_to(c, ":memory:");
    begin(c);
    Oid oid = make_table(c, "t");
    commit(c);
    (void)find(c, "t");
    begin(c);
    DropTarget t = {.kind = OBJ_RELATION, .oid = oid};
    OK(ddl_drop(&c->ctx, &t, 1, false));
    commit(c);
    disconnect(c);
    assert_int_equal(mem_live_blocks(), before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_table_is_seen_by_its_transaction_only_until_commit),
        cmocka_unit_test(test_objects_are_there_after_reopening),
        cmocka_unit_test(test_rollback_leaves_nothing),
        cmocka_unit_test(test_rolling_back_to_a_savepoint_undoes_what_came_after),
        cmocka_unit_test(test_a_change_makes_a_new_version_and_old_pins_stay_readable),
        cmocka_unit_test(test_version_comes_back_when_a_change_is_rolled_back),
        cmocka_unit_test(test_index_and_constraint_belong_to_their_table),
        cmocka_unit_test(test_sequence_values_are_not_taken_back_and_survive_closing),
        cmocka_unit_test(test_nothing_is_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
