/* btree_test.c - B-tree indexes against a model: random inserts, ranges in both directions, unique
 * checks, bulk builds, deletes, crashes, and several writers at once. */
#include "tests/storage_test.h"

#include "types/array.h"

#include <pthread.h>

static uint64_t seed;

typedef struct Tree {
    Ctx ctx;
    Arena *arena;
    char path[512];
    KeyColumn keys[3];
    Oid types[3];
    uint8_t phys[3];
    int16_t scales[3];
    IndexDesc desc;
    Index *index;
} Tree;

static void
open_tree(Tree *t, const char *path, uint32_t root, const Oid *types, int ncols, int nkeys,
          int options)
{
    DbOptions db = {.cache_bytes = 64 << 20, .no_threads = true};
    OK(&t->ctx, db_open(&t->ctx, path, &db));
    snprintf(t->path, sizeof(t->path), "%s", path);
    t->arena = arena_create(NULL, "tree");
    for (int i = 0; i < ncols; i++) {
        t->types[i] = types[i];
        t->phys[i] = (uint8_t)type_phys(types[i], -1);
        t->scales[i] = 0;
        if (i < nkeys)
            OK(&t->ctx, key_column_init(&t->ctx, &t->keys[i], types[i], -1, options >> i & 1,
                                        options >> (i + 4) & 1, false));
    }
    begin(&t->ctx);
    if (root == 0) OK(&t->ctx, index_create(&t->ctx, 16385, INDEX_BTREE, &root));
    commit(&t->ctx);
    t->desc = (IndexDesc){.relid = 16385,
                          .root_page = root,
                          .name = "i",
                          .kind = INDEX_BTREE,
                          .nkeys = nkeys,
                          .ncols = ncols,
                          .keys = t->keys,
                          .types = t->types,
                          .phys = t->phys,
                          .scales = t->scales};
    OK(&t->ctx, index_open(&t->ctx, t->arena, &t->desc, &t->index));
}

static void
close_tree(Tree *t)
{
    index_close(&t->ctx, t->index);
    arena_destroy(t->arena);
    OK(&t->ctx, db_close(&t->ctx));
}

/* ---- a model: entries in order ---- */

typedef struct Entry {
    bool null_a;
    int32_t a;
    char text[48];
    int text_len;
    Tid tid;
} Entry;

typedef struct Model {
    Entry *items;
    int n, cap;
    bool desc_a, nulls_first_a, desc_b;
} Model;

static const Model *sorting;

static int
compare_keys(const Model *m, const Entry *x, const Entry *y)
{
    int c;
    if (x->null_a || y->null_a) {
        if (x->null_a != y->null_a) return x->null_a == m->nulls_first_a ? -1 : 1;
    } else if (x->a != y->a) {
        c = x->a < y->a ? -1 : 1;
        return m->desc_a ? -c : c;
    }
    int n = x->text_len < y->text_len ? x->text_len : y->text_len;
    c = memcmp(x->text, y->text, (size_t)n);
    if (c == 0) c = (x->text_len > y->text_len) - (x->text_len < y->text_len);
    return m->desc_b ? -c : c;
}

static int
compare_entries(const void *x, const void *y)
{
    const Entry *a = x, *b = y;
    int c = compare_keys(sorting, a, b);
    return c != 0 ? c : (a->tid > b->tid) - (a->tid < b->tid);
}

static void
sort_model(Model *m)
{
    sorting = m;
    if (m->n > 0) qsort(m->items, (size_t)m->n, sizeof(Entry), compare_entries);
}

static Entry
random_entry(int spread, Tid tid)
{
    Entry e = {.tid = tid};
    e.null_a = pick(&seed, 15) == 0;
    e.a = pick(&seed, spread) - spread / 2;
    e.text_len = pick(&seed, 4) == 0 ? pick(&seed, 45) : pick(&seed, 5);
    for (int i = 0; i < e.text_len; i++) e.text[i] = (char)('a' + pick(&seed, 3));
    return e;
}

static void
add_model(Model *m, const Entry *e)
{
    if (m->n == m->cap)
        m->items = realloc(m->items, sizeof(Entry) * (size_t)(m->cap = m->cap * 2 + 64));
    m->items[m->n++] = *e;
}

static void
vectors_of(Arena *arena, const Entry *items, int n, Vector **cols, Tid *tids)
{
    cols[0] = vec_create(arena, TYPE_INT4, n);
    cols[1] = vec_create(arena, TYPE_TEXT, n);
    for (int i = 0; i < n; i++) {
        ((int32_t *)cols[0]->data)[i] = items[i].a;
        ((Str *)cols[1]->data)[i] = str_make(items[i].text, (size_t)items[i].text_len);
        if (items[i].null_a) vec_set_null(cols[0], i);
        tids[i] = items[i].tid;
    }
}

static void
insert_entries(Tree *t, Model *m, int n, int spread)
{
    static Tid next_tid = 1 << 16;
    Arena *a = arena_create(NULL, "insert");
    Entry *items = arena_alloc(a, sizeof(Entry) * (size_t)n);
    Tid tids[BATCH_ROWS];
    Vector *cols[2];
    for (int i = 0; i < n; i++) {
        items[i] = random_entry(spread, next_tid += 1 + pick(&seed, 3));
        add_model(m, &items[i]);
    }
    vectors_of(a, items, n, cols, tids);
    Xid xid; /* as the rows would have taken: it makes the commit durable */
    OK(&t->ctx, tx_write_xid(&t->ctx, &xid));
    OK(&t->ctx, index_insert_batch(&t->ctx, t->index, NULL, cols, NULL, n, tids, INDEX_CHECK_NONE,
                                   NULL, NULL));
    arena_destroy(a);
}

static bool
in_range(const Model *m, const Entry *e, const IndexRange *r)
{
    (void)m;
    if (r->neq >= 1) {
        if (r->eq[0].is_null != e->null_a) return false;
        if (!e->null_a && r->eq[0].i32 != e->a) return false;
    }
    if (r->neq == 2)
        return e->text_len == (int)r->eq[1].str.len &&
               memcmp(e->text, str_data(&r->eq[1].str), (size_t)e->text_len) == 0;
    if (r->lower == NULL && r->upper == NULL && !r->not_null) return true;
    if (r->neq == 0) {
        if (e->null_a) return false;
        if (r->lower != NULL &&
            (e->a < r->lower->i32 || (e->a == r->lower->i32 && !r->lower_inclusive)))
            return false;
        if (r->upper != NULL &&
            (e->a > r->upper->i32 || (e->a == r->upper->i32 && !r->upper_inclusive)))
            return false;
        return true;
    }
    Str s = str_make(e->text, (size_t)e->text_len);
    if (r->lower != NULL) {
        int c = str_cmp(&s, &r->lower->str);
        if (c < 0 || (c == 0 && !r->lower_inclusive)) return false;
    }
    if (r->upper != NULL) {
        int c = str_cmp(&s, &r->upper->str);
        if (c > 0 || (c == 0 && !r->upper_inclusive)) return false;
    }
    return true;
}

static Value
int_value(int32_t v)
{
    return (Value){.type = TYPE_INT4, .phys = PHYS_I32, .i32 = v};
}

static void
check_ranges(Tree *t, Model *m, int rounds, int spread)
{
    static const int columns[] = {0, 1};
    IndexScanSpec spec = {.columns = columns, .ncolumns = 2};
    IndexScan *scans[2];
    Arena *arena = arena_create(NULL, "ranges");
    sort_model(m);
    OK(&t->ctx, index_scan_begin(&t->ctx, arena, t->index, NULL, &scans[0]));
    OK(&t->ctx, index_scan_begin(&t->ctx, arena, t->index, &spec, &scans[1]));
    for (int k = 0; k < rounds; k++) {
        Value eq[2], lo, hi;
        IndexRange r = {.neq = pick(&seed, 3),
                        .eq = eq,
                        .lower_inclusive = pick(&seed, 2),
                        .upper_inclusive = pick(&seed, 2)};
        Entry some =
            m->n > 0 && pick(&seed, 3) != 0 ? m->items[pick(&seed, m->n)] : random_entry(spread, 0);
        Entry other =
            m->n > 0 && pick(&seed, 2) != 0 ? m->items[pick(&seed, m->n)] : random_entry(spread, 0);
        eq[0] = some.null_a ? value_null(TYPE_INT4) : int_value(some.a);
        eq[1] = (Value){
            .type = TYPE_TEXT, .phys = PHYS_STR, .str = str_make(some.text, (size_t)some.text_len)};
        if (r.neq == 0) {
            lo = int_value(some.a - pick(&seed, 3));
            hi = int_value(some.a + pick(&seed, 20));
        } else {
            lo = (Value){
                .type = TYPE_TEXT,
                .phys = PHYS_STR,
                .str = str_make(other.text, (size_t)(other.text_len < 2 ? other.text_len : 2))};
            hi = (Value){.type = TYPE_TEXT,
                         .phys = PHYS_STR,
                         .str = str_make(some.text, (size_t)some.text_len)};
        }
        if (r.neq < 2 && pick(&seed, 3) != 0) r.lower = &lo;
        if (r.neq < 2 && pick(&seed, 3) != 0) r.upper = &hi;
        if (r.neq < 2) r.not_null = pick(&seed, 4) == 0;
        bool backward = pick(&seed, 2);
        IndexScan *scan = scans[pick(&seed, 2)];
        IndexBatch b;
        OK(&t->ctx, index_scan_start(&t->ctx, scan, &r, backward));
        int at = backward ? m->n - 1 : 0, step = backward ? -1 : 1;
        for (;;) {
            OK(&t->ctx, index_scan_next(&t->ctx, scan, 1 + pick(&seed, BATCH_ROWS), &b));
            if (b.n == 0) break;
            for (int i = 0; i < b.n; i++, at += step) {
                while (at >= 0 && at < m->n && !in_range(m, &m->items[at], &r)) at += step;
                assert_in_range(at, 0, m->n - 1);
                assert_int_equal(b.tids[i], m->items[at].tid);
                if (scan == scans[1]) {
                    assert_int_equal(vec_is_null(b.cols[0], i), m->items[at].null_a);
                    if (!m->items[at].null_a)
                        assert_int_equal(((int32_t *)b.cols[0]->data)[i], m->items[at].a);
                    const Str *s = (Str *)b.cols[1]->data + i;
                    assert_int_equal(s->len, m->items[at].text_len);
                    assert_memory_equal(str_data(s), m->items[at].text, s->len);
                }
            }
        }
        for (; at >= 0 && at < m->n; at += step) assert_false(in_range(m, &m->items[at], &r));
    }
    index_scan_end(scans[0]);
    index_scan_end(scans[1]);
    arena_destroy(arena);
}

static void
check_tree(Tree *t, const Model *m)
{
    uint64_t entries;
    IndexStats stats;
    OK(&t->ctx, index_check(&t->ctx, t->index, &entries));
    assert_int_equal(entries, m->n);
    OK(&t->ctx, index_stats(&t->ctx, t->index, &stats));
    assert_true(stats.entries >= m->n * 0.3 - 10 && stats.entries <= m->n * 3.0 + 10);
}

static bool
is_chosen(void *arg, IndexTid tid)
{
    return (tid >> *(int *)arg & 3) == 1;
}

static void
delete_some(Tree *t, Model *m)
{
    int shift = pick(&seed, 4), to = 0;
    uint64_t removed;
    OK(&t->ctx, index_bulk_delete(&t->ctx, t->index, is_chosen, &shift, &removed));
    for (int i = 0; i < m->n; i++)
        if (!is_chosen(&shift, m->items[i].tid)) m->items[to++] = m->items[i];
    assert_int_equal(removed, m->n - to);
    m->n = to;
}

static const Oid two[2] = {TYPE_INT4, TYPE_TEXT};

static void
test_random_work_agrees_with_the_model(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        static const int spreads[] = {5, 100, 1000000};
        int options = pick(&seed, 256), spread = spreads[round % 3];
        Tree t = {0};
        Model m = {
            .desc_a = options & 1, .nulls_first_a = options >> 4 & 1, .desc_b = options >> 1 & 1};
        open_tree(&t, ":memory:", 0, two, 2, 2, options);
        for (int i = 0; i < 40; i++) {
            begin(&t.ctx);
            insert_entries(&t, &m, 1 + pick(&seed, BATCH_ROWS < 400 ? BATCH_ROWS : 400), spread);
            if (i % 13 == 12) delete_some(&t, &m);
            commit(&t.ctx);
            if (i % 10 == 9) check_tree(&t, &m);
        }
        check_ranges(&t, &m, 60, spread);
        close_tree(&t);
        free(m.items);
    }
}

static void
test_bulk_build_holds_every_entry_in_order(void **state)
{
    (void)state;
    static const int sizes[] = {0, 1, 2, 700, 5000, 40000};
    for (int round = 0; round < 6; round++) {
        int options = pick(&seed, 256), n = sizes[round];
        Tree t = {0};
        Model m = {
            .desc_a = options & 1, .nulls_first_a = options >> 4 & 1, .desc_b = options >> 1 & 1};
        open_tree(&t, ":memory:", 0, two, 2, 2, options);
        for (int i = 0; i < n; i++) {
            Entry e = random_entry(round & 1 ? 50 : 100000, ((Tid)i + 100) << 14);
            add_model(&m, &e);
        }
        if (n > 0) sort_model(&m);
        begin(&t.ctx);
        IndexBuild *build;
        OK(&t.ctx, index_build_begin(&t.ctx, t.arena, t.index, 0, &build));
        Arena *a = arena_create(NULL, "build");
        KeyRows keys = key_rows_new(a);
        for (int from = 0; from < n; from += BATCH_ROWS) {
            int k = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
            Vector *cols[2];
            Tid *tids = arena_alloc(a, sizeof(Tid) * BATCH_ROWS), dup;
            vectors_of(a, m.items + from, k, cols, tids);
            OK(&t.ctx, index_form_entries(&t.ctx, t.index, cols, NULL, k, &keys, NULL, NULL));
            for (int i = 0; i < k; i++) {
                uint32_t nbytes;
                const uint8_t *key = key_rows_get(&keys, i, &nbytes);
                OK(&t.ctx,
                   index_build_add(&t.ctx, t.index, build, key, nbytes, tids[i], NULL, 0, &dup));
            }
        }
        OK(&t.ctx, index_build_finish(&t.ctx, t.index, build));
        index_build_end(t.index, build);
        commit(&t.ctx);
        arena_destroy(a);
        check_tree(&t, &m);
        check_ranges(&t, &m, 30, 100000);
        begin(&t.ctx);
        for (int i = 0; i < 5; i++)
            insert_entries(&t, &m, BATCH_ROWS < 300 ? BATCH_ROWS : 300, 100000);
        commit(&t.ctx);
        check_tree(&t, &m);
        check_ranges(&t, &m, 20, 100000);
        close_tree(&t);
        free(m.items);
    }
}

static void
test_a_unique_build_tells_of_duplicates_but_not_of_nulls(void **state)
{
    (void)state;
    static const Oid int4[1] = {TYPE_INT4};
    Tree t = {0};
    open_tree(&t, ":memory:", 0, int4, 1, 1, 0);
    index_close(&t.ctx, t.index);
    t.desc.unique = true;
    OK(&t.ctx, index_open(&t.ctx, t.arena, &t.desc, &t.index));
    begin(&t.ctx);
    IndexBuild *build;
    OK(&t.ctx, index_build_begin(&t.ctx, t.arena, t.index, 0, &build));
    for (int i = 0; i < 6; i++) { /* 1, 2, 2, NULL, NULL, NULL */
        Value v = i < 3 ? int_value(i == 0 ? 1 : 2) : value_null(TYPE_INT4);
        StrBuf key = strbuf_new(t.arena);
        Tid dup;
        OK(&t.ctx, key_encode_values(&t.ctx, &t.index->format, &v, 1, &key, NULL));
        OK(&t.ctx,
           index_build_add(&t.ctx, t.index, build, (uint8_t *)key.data, (uint32_t)key.nbytes,
                           tid_make(7, (uint32_t)i + 1), NULL, 0, &dup));
        assert_int_equal(dup, i == 2 ? tid_make(7, 2) : 0);
    }
    OK(&t.ctx, index_build_finish(&t.ctx, t.index, build));
    index_build_end(t.index, build);
    commit(&t.ctx);
    close_tree(&t);
}

/* Values whose keys do not give them back, and INCLUDE columns, come from the payload. */
static void
test_payload_columns_come_back(void **state)
{
    (void)state;
    static const Oid types[3] = {TYPE_NUMERIC, TYPE_FLOAT8, TYPE_TEXT};
    enum { N = 600 };
    Tree t = {0};
    Arena *a = arena_create(NULL, "payload");
    Vector *cols[3];
    Tid tids[BATCH_ROWS];
    open_tree(&t, ":memory:", 0, types, 3, 2, 0);
    begin(&t.ctx);
    for (int from = 0; from < N; from += BATCH_ROWS) {
        int n = N - from < BATCH_ROWS ? N - from : BATCH_ROWS;
        for (int c = 0; c < 3; c++) cols[c] = vec_create(a, types[c], n);
        for (int i = 0; i < n; i++) {
            char text[40];
            Value v;
            snprintf(text, sizeof(text), "%d.%s", (from + i) / 3,
                     (from + i) % 3 == 0   ? "5"
                     : (from + i) % 3 == 1 ? "50"
                                           : "500");
            OK(&t.ctx, value_in(&t.ctx, a, text, strlen(text), TYPE_NUMERIC, -1, &v));
            OK(&t.ctx, value_default_form(&t.ctx, a, &v, &v));
            vec_put(cols[0], i, &v);
            ((double *)cols[1]->data)[i] = (from + i) & 1 ? -0.0 : 0.0;
            char *s = arena_printf(a, "included text %d", from + i);
            ((Str *)cols[2]->data)[i] = str_make(s, strlen(s));
            if ((from + i) % 7 == 0) vec_set_null(cols[2], i);
            tids[i] = tid_make(10, (uint32_t)(from + i + 1));
        }
        OK(&t.ctx, index_insert_batch(&t.ctx, t.index, NULL, cols, NULL, n, tids, INDEX_CHECK_NONE,
                                      NULL, NULL));
    }
    commit(&t.ctx);
    static const int columns[] = {0, 1, 2};
    IndexScanSpec spec = {.columns = columns, .ncolumns = 3};
    IndexScan *scan;
    IndexBatch b;
    int seen = 0;
    OK(&t.ctx, index_scan_begin(&t.ctx, a, t.index, &spec, &scan));
    OK(&t.ctx, index_scan_start(&t.ctx, scan, NULL, false));
    for (;;) {
        OK(&t.ctx, index_scan_next(&t.ctx, scan, BATCH_ROWS, &b));
        if (b.n == 0) break;
        for (int i = 0; i < b.n; i++, seen++) {
            int k = (int)tid_slot(b.tids[i]) - 1;
            char want[40];
            Value v = vec_get(b.cols[0], i);
            StrBuf text = strbuf_new(a);
            snprintf(want, sizeof(want), "%d.%s", k / 3,
                     k % 3 == 0   ? "5"
                     : k % 3 == 1 ? "50"
                                  : "500");
            OK(&t.ctx, value_out(&t.ctx, &text, &v));
            assert_string_equal(text.data, want);
            double d = ((double *)b.cols[1]->data)[i];
            assert_int_equal(__builtin_signbit(d) != 0, k & 1);
            assert_int_equal(vec_is_null(b.cols[2], i), k % 7 == 0);
        }
    }
    assert_int_equal(seen, N);
    index_scan_end(scan);
    arena_destroy(a);
    close_tree(&t);
}

static void
test_a_crash_keeps_the_tree(void **state)
{
    (void)state;
    char path[512], copy[512];
    temp_path(path, sizeof(path), "btree");
    temp_path(copy, sizeof(copy), "btree_copy");
    remove_db(path);
    remove_db(copy);
    Tree t = {0};
    Model m = {0};
    open_tree(&t, path, 0, two, 2, 2, 0);
    for (int round = 0; round < 6; round++) {
        begin(&t.ctx);
        for (int i = 0; i < 10; i++)
            insert_entries(&t, &m, 1 + pick(&seed, BATCH_ROWS < 300 ? BATCH_ROWS : 300), 1000);
        if (round & 1) delete_some(&t, &m);
        commit(&t.ctx);
        if (round == 2) OK(&t.ctx, db_checkpoint(&t.ctx));
        copy_db(path, copy);
        Tree u = {0};
        open_tree(&u, copy, t.desc.root_page, two, 2, 2, 0);
        check_tree(&u, &m);
        check_ranges(&u, &m, 10, 1000);
        begin(&u.ctx);
        int n = m.n;
        insert_entries(&u, &m, 3, 1000);
        commit(&u.ctx);
        check_tree(&u, &m);
        sort_model(&m);
        /* The copy's entries are not the original's. */
        close_tree(&u);
        remove_db(copy);
        if (m.n != n) {
            uint64_t entries;
            OK(&t.ctx, index_check(&t.ctx, t.index, &entries));
            assert_int_equal(entries, n);
            for (int k = 0; k < 3; k++) {
                int newest = 0;
                for (int i = 1; i < m.n; i++)
                    if (m.items[i].tid > m.items[newest].tid) newest = i;
                memmove(m.items + newest, m.items + newest + 1,
                        sizeof(Entry) * (size_t)(m.n - newest - 1));
                m.n--;
            }
        }
    }
    close_tree(&t);
    remove_db(path);
    free(m.items);
}

/* ---- unique, with a heap below ---- */

static const Oid one[1] = {TYPE_INT4};

typedef struct Keyed {
    Tree t;
    TestLayout layout;
    const Layout *layouts[1];
    uint64_t indexed;
    Heap *heap;
} Keyed;

static void
open_keyed(Keyed *k, const char *path, uint32_t heap_root, uint32_t index_root)
{
    open_tree(&k->t, path, index_root, one, 1, 1, 0);
    Ctx *ctx = &k->t.ctx;
    make_layout(&k->layout, 1, one, 1);
    k->layouts[0] = &k->layout.layout;
    k->indexed = 1;
    begin(ctx);
    if (heap_root == 0) OK(ctx, heap_create(ctx, 16384, &heap_root));
    commit(ctx);
    HeapDesc desc = {.relid = 16384,
                     .root_page = heap_root,
                     .name = "t",
                     .layouts = k->layouts,
                     .nlayouts = 1,
                     .indexed = &k->indexed};
    OK(ctx, heap_open(ctx, k->t.arena, &desc, &k->heap));
    index_close(ctx, k->t.index);
    k->t.desc.unique = true;
    OK(ctx, index_open(ctx, k->t.arena, &k->t.desc, &k->t.index));
}

static void
close_keyed(Keyed *k)
{
    heap_close(&k->t.ctx, k->heap);
    close_tree(&k->t);
}

/* Inserts a row and its entry; false if the key is there already, and the row is taken back. */
static bool
insert_key(Keyed *k, int32_t key, Status *st_out)
{
    Ctx *ctx = &k->t.ctx;
    Arena *a = arena_create(NULL, "key");
    Batch *b = batch_create_types(a, 1, one);
    Tid tid, conflict = 0, newer;
    uint8_t result;
    int nconflicts = 0;
    ((int32_t *)b->cols[0]->data)[0] = key;
    b->nrows = b->nsel = 1;
    OK(ctx, heap_insert_batch(ctx, k->heap, b, &tid));
    *st_out = index_insert_batch(ctx, k->t.index, k->heap, b->cols, NULL, 1, &tid,
                                 INDEX_CHECK_UNIQUE, &conflict, &nconflicts);
    if (*st_out == QN_OK && nconflicts > 0) {
        assert_int_not_equal(conflict, 0);
        next_command(ctx);
        OK(ctx, heap_delete_batch(ctx, k->heap, &tid, 1, HEAP_WAIT, &result, &newer));
        assert_int_equal(result, HEAP_DONE);
    }
    arena_destroy(a);
    return nconflicts == 0;
}

static int
find_key(Keyed *k, int32_t key, Tid *tid_out)
{
    Ctx *ctx = &k->t.ctx;
    static const int columns[] = {0, HEAP_COL_CTID};
    Arena *a = arena_create(NULL, "find");
    IndexScan *scan;
    HeapFetch *f;
    IndexBatch ib;
    Batch *b;
    Value v = int_value(key);
    IndexRange r = {.neq = 1, .eq = &v};
    uint16_t rows[BATCH_ROWS];
    uint64_t dead[BITS_WORDS(BATCH_ROWS)];
    int found = 0;
    OK(ctx, index_scan_begin(ctx, a, k->t.index, NULL, &scan));
    OK(ctx, heap_fetch_begin(ctx, a, k->heap, columns, 2, &f));
    OK(ctx, index_scan_start(ctx, scan, &r, false));
    for (;;) {
        OK(ctx, index_scan_next(ctx, scan, BATCH_ROWS, &ib));
        if (ib.n == 0) break;
        OK(ctx, heap_fetch(ctx, f, ctx->snapshot, ib.tids, ib.n, &b, rows, dead));
        for (int i = 0; i < b->nrows; i++) {
            assert_int_equal(((int32_t *)b->cols[0]->data)[i], key);
            *tid_out = ((Tid *)b->cols[1]->data)[i];
        }
        found += b->nrows;
        index_scan_kill(ctx, scan, dead);
    }
    heap_fetch_end(f);
    index_scan_end(scan);
    arena_destroy(a);
    return found;
}

static void
test_unique_sees_live_rows_only(void **state)
{
    (void)state;
    enum { KEYS = 50 };
    Keyed k = {0};
    bool present[KEYS] = {0}, before[KEYS];
    Tid tid;
    Status st;
    open_keyed(&k, ":memory:", 0, 0);
    for (int i = 0; i < 1500; i++) {
        memcpy(before, present, sizeof(present));
        begin(&k.t.ctx);
        for (int n = 1 + pick(&seed, 3); n > 0; n--) {
            int key = pick(&seed, KEYS);
            if (pick(&seed, 2) == 0) {
                bool done = insert_key(&k, key, &st);
                OK(&k.t.ctx, st);
                assert_int_equal(done, !present[key]);
                present[key] = true;
            } else {
                int found = find_key(&k, key, &tid);
                assert_int_equal(found, present[key]);
                if (found) {
                    Tid newer;
                    uint8_t result;
                    OK(&k.t.ctx,
                       heap_delete_batch(&k.t.ctx, k.heap, &tid, 1, HEAP_WAIT, &result, &newer));
                    assert_int_equal(result, HEAP_DONE);
                    present[key] = false;
                }
            }
            next_command(&k.t.ctx);
        }
        if (pick(&seed, 4) == 0) {
            rollback(&k.t.ctx);
            memcpy(present, before, sizeof(present));
        } else {
            commit(&k.t.ctx);
        }
    }
    uint64_t entries;
    OK(&k.t.ctx, index_check(&k.t.ctx, k.t.index, &entries));
    close_keyed(&k);
}

enum { THREADS = 8, SHARED_KEYS = 300 };

typedef struct Worker {
    const char *path;
    uint32_t heap_root, index_root;
    uint64_t seed;
    int inserted[SHARED_KEYS];
} Worker;

/* Everyone inserts the same keys, a few a transaction; some roll back. */
static void *
insert_shared_keys(void *arg)
{
    Worker *w = arg;
    Keyed k = {0};
    open_keyed(&k, w->path, w->heap_root, w->index_root);
    for (int i = 0; i < 120; i++) {
        int keys[3], n = 1 + pick(&w->seed, 3), done = 0;
        Status st = QN_OK;
        bool inserted[3] = {0};
        for (int j = 0; j < n; j++) keys[j] = pick(&w->seed, SHARED_KEYS);
        begin(&k.t.ctx);
        for (; done < n && st == QN_OK; done++) {
            inserted[done] = insert_key(&k, keys[done], &st);
            if (st == QN_OK) next_command(&k.t.ctx);
        }
        if (st != QN_OK) {
            assert_int_equal(st, ERR_T_R_DEADLOCK_DETECTED);
            err_clear(&k.t.ctx.err);
            rollback(&k.t.ctx);
        } else if (pick(&w->seed, 3) == 0) {
            rollback(&k.t.ctx);
        } else {
            commit(&k.t.ctx);
            for (int j = 0; j < n; j++) w->inserted[keys[j]] += inserted[j];
        }
    }
    close_keyed(&k);
    return NULL;
}

static void
test_concurrent_inserts_of_a_key_let_one_through(void **state)
{
    (void)state;
    char path[512];
    pthread_t threads[THREADS];
    static Worker workers[THREADS];
    temp_path(path, sizeof(path), "btree_unique");
    remove_db(path);
    Keyed k = {0};
    open_keyed(&k, path, 0, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (Worker){.path = path,
                              .heap_root = heap_desc(k.heap)->root_page,
                              .index_root = k.t.desc.root_page,
                              .seed = seed + (uint64_t)i};
        pthread_create(&threads[i], NULL, insert_shared_keys, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    begin(&k.t.ctx);
    for (int key = 0; key < SHARED_KEYS; key++) {
        int sum = 0;
        Tid tid;
        for (int i = 0; i < THREADS; i++) sum += workers[i].inserted[key];
        assert_in_range(sum, 0, 1);
        assert_int_equal(find_key(&k, key, &tid), sum);
    }
    commit(&k.t.ctx);
    uint64_t entries;
    OK(&k.t.ctx, index_check(&k.t.ctx, k.t.index, &entries));
    close_keyed(&k);
    remove_db(path);
}

typedef struct Splitter {
    const char *path;
    uint32_t root;
    int nth;
} Splitter;

/* Many splits at once: each thread adds its own keys and looks them up through the others' splits.
 */
static void *
split_pages(void *arg)
{
    Splitter *w = arg;
    Tree t = {0};
    enum { BATCHES = 30, ROWS = BATCH_ROWS < 100 ? BATCH_ROWS : 100 };
    open_tree(&t, w->path, w->root, one, 1, 1, 0);
    Arena *a = arena_create(NULL, "splitter");
    IndexScan *scan;
    OK(&t.ctx, index_scan_begin(&t.ctx, a, t.index, NULL, &scan));
    for (int i = 0; i < BATCHES; i++) {
        Vector *v = vec_create(a, TYPE_INT4, ROWS);
        Tid tids[ROWS];
        for (int j = 0; j < ROWS; j++) {
            ((int32_t *)v->data)[j] = (i * ROWS + j) * THREADS + w->nth;
            tids[j] = tid_make((uint32_t)w->nth + 1, (uint32_t)(i * ROWS + j + 1));
        }
        begin(&t.ctx);
        OK(&t.ctx, index_insert_batch(&t.ctx, t.index, NULL, &v, NULL, ROWS, tids, INDEX_CHECK_NONE,
                                      NULL, NULL));
        commit(&t.ctx);
        for (int j = 0; j < ROWS; j += 7) {
            Value key = int_value(((int32_t *)v->data)[j]);
            IndexRange r = {.neq = 1, .eq = &key};
            IndexBatch b;
            OK(&t.ctx, index_scan_start(&t.ctx, scan, &r, j & 1));
            OK(&t.ctx, index_scan_next(&t.ctx, scan, BATCH_ROWS, &b));
            assert_int_equal(b.n, 1);
            assert_int_equal(b.tids[0], tids[j]);
        }
    }
    index_scan_end(scan);
    arena_destroy(a);
    close_tree(&t);
    return NULL;
}

static void
test_concurrent_splits_lose_no_entry(void **state)
{
    (void)state;
    char path[512];
    pthread_t threads[THREADS];
    Splitter workers[THREADS];
    uint64_t entries;
    temp_path(path, sizeof(path), "btree_split");
    remove_db(path);
    Tree t = {0};
    open_tree(&t, path, 0, one, 1, 1, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (Splitter){path, t.desc.root_page, i};
        pthread_create(&threads[i], NULL, split_pages, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    OK(&t.ctx, index_check(&t.ctx, t.index, &entries));
    assert_int_equal(entries, THREADS * 30 * (BATCH_ROWS < 100 ? BATCH_ROWS : 100));
    close_tree(&t);
    remove_db(path);
}

static void
test_wide_keys_are_refused(void **state)
{
    (void)state;
    static const Oid text[1] = {TYPE_TEXT};
    Tree t = {0};
    open_tree(&t, ":memory:", 0, text, 1, 1, 0);
    Vector *v = vec_create(t.arena, TYPE_TEXT, 1);
    Tid tid = tid_make(1, 1);
    char *wide = arena_alloc(t.arena, 5000);
    memset(wide, 'x', 5000);
    begin(&t.ctx);
    for (int n = 2500; n <= 5000; n += 2500) {
        *(Str *)v->data = str_make(wide, (size_t)n);
        Status st = index_insert_batch(&t.ctx, t.index, NULL, &v, NULL, 1, &tid, INDEX_CHECK_NONE,
                                       NULL, NULL);
        assert_int_equal(st, n == 2500 ? QN_OK : ERR_PROGRAM_LIMIT_EXCEEDED);
    }
    err_clear(&t.ctx.err);
    rollback(&t.ctx);
    close_tree(&t);
}

int
main(void)
{
    seed = test_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_work_agrees_with_the_model),
        cmocka_unit_test(test_bulk_build_holds_every_entry_in_order),
        cmocka_unit_test(test_a_unique_build_tells_of_duplicates_but_not_of_nulls),
        cmocka_unit_test(test_payload_columns_come_back),
        cmocka_unit_test(test_a_crash_keeps_the_tree),
        cmocka_unit_test(test_unique_sees_live_rows_only),
        cmocka_unit_test(test_concurrent_inserts_of_a_key_let_one_through),
        cmocka_unit_test(test_concurrent_splits_lose_no_entry),
        cmocka_unit_test(test_wide_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
