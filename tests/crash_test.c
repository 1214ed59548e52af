/* crash_test.c - a process that works on a table with a unique index is killed at a random moment, over and over; after each
 * kill the database is opened and compared with what must be there.
 *
 *     crash_test [kills [seed]]      60 kills by default
 *
 * Each of WRITERS threads owns a range of ids and runs transactions numbered 1, 2, ... whose operations follow from the seed, the writer
 * and the number; the last operation stores the number in the writer's marker row. So the marker says which transactions are in the file,
 * and the whole table follows from it. The numbers a writer has begun and been told to be committed are kept in memory
 * shared with the parent, which survives the kill.
 *
 * Checked: an acknowledged commit is there (not for the writer that commits with synchronous_commit = off); nothing that was not begun is;
 * each row of each writer is that of its marker's transaction, no half of one; index and table agree; structure of index,
 * extents and space maps. Some kills hit the recovery itself. */
#include "tests/storage_test.h"

#include "common/settings.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <pthread.h>

enum { WRITERS = 3, ASYNC_WRITER = 2, IDS = 150, COLS = 3, ROOT_HEAP = 20, ROOT_INDEX = 21 };

static const Oid types[COLS] = {TYPE_INT4, TYPE_INT8, TYPE_TEXT};

typedef struct Shared {
    _Atomic int64_t begun[WRITERS], acknowledged[WRITERS];
    _Atomic int ready;
    _Atomic int64_t commits;
} Shared;

static Shared *shared;
static uint64_t run_seed;
static char path[512];

/* ---- the model: what a writer's rows are after its first n transactions ---- */

typedef struct State { int64_t version[IDS]; } State; /* 0: no row */

enum { OP_PUT, OP_DELETE };
typedef struct Op { int id, kind; } Op;
typedef struct Plan {
    int nops;
    Op ops[8];
    bool rolls_back;
    int undone_from;     /* operations from here on are in a savepoint that is rolled back; nops: none */
} Plan;

static Plan
plan_of(int writer, int64_t number)
{
    uint64_t s = run_seed * 31 + (uint64_t)writer * 1000003 + (uint64_t)number * 7919;
    Plan p = {.nops = 1 + pick(&s, 8)};
    for (int i = 0; i < p.nops; i++) p.ops[i] = (Op){pick(&s, IDS), pick(&s, 4) == 0 ? OP_DELETE : OP_PUT};
    p.rolls_back = pick(&s, 8) == 0;
    p.undone_from = pick(&s, 5) == 0 ? pick(&s, p.nops) : p.nops;
    return p;
}

static void
apply(State *state, int writer, int64_t number)
{
    Plan p = plan_of(writer, number);
    if (p.rolls_back) return;
    for (int i = 0; i < p.undone_from; i++)
        state->version[p.ops[i].id] = p.ops[i].kind == OP_DELETE ? 0 : number;
}

static int
text_bytes(int32_t id, int64_t version)
{
    uint64_t x = (uint64_t)id * 7919 + (uint64_t)version * 104729;
    return x % 97 == 0 ? 20000 : (int)(x % 120);
}

static void
fill_text(char *to, int32_t id, int64_t version)
{
    int n = text_bytes(id, version);
    for (int i = 0; i < n; i++) to[i] = (char)('a' + (id + version + i) % 26);
}

/* ---- the database ---- */

typedef struct Conn {
    Ctx ctx;
    Settings settings;
    Arena *arena, *scratch;
    TestLayout layout;
    const Layout *layouts[1];
    uint64_t indexed;
    HeapDesc heap_desc;
    Heap *heap;
    KeyColumn key;
    Oid key_type;
    uint8_t key_phys;
    int16_t key_scale;
    IndexDesc index_desc;
    Index *index;
} Conn;

static void
conn_open(Conn *c)
{
    DbOptions o = {.cache_bytes = 2 << 20, .wal_bytes_max = 2 << 20};
    PageNo heap_root, index_root;

    memset(c, 0, sizeof(*c));
    OK(&c->ctx, db_open(&c->ctx, path, &o));
    c->ctx.settings = &c->settings;
    c->arena = arena_create(NULL, "crash");
    c->scratch = arena_create(NULL, "crash scratch");
    OK(&c->ctx, db_root_get(&c->ctx, ROOT_HEAP, &heap_root));
    OK(&c->ctx, db_root_get(&c->ctx, ROOT_INDEX, &index_root));
    if (heap_root == PAGE_NONE) {
        begin(&c->ctx);
        OK(&c->ctx, heap_create(&c->ctx, 16384, &heap_root));
        OK(&c->ctx, index_create(&c->ctx, 16385, INDEX_BTREE, &index_root));
        OK(&c->ctx, db_root_set(&c->ctx, ROOT_HEAP, heap_root));
        OK(&c->ctx, db_root_set(&c->ctx, ROOT_INDEX, index_root));
        commit(&c->ctx);
    }
    make_layout(&c->layout, 1, types, COLS);
    c->layouts[0] = &c->layout.layout;
    c->indexed = 1;
    c->heap_desc = (HeapDesc){.relid = 16384, .root_page = heap_root, .name = "t", .layouts = c->layouts, .nlayouts = 1,
                              .indexed = &c->indexed};
    OK(&c->ctx, heap_open(&c->ctx, c->arena, &c->heap_desc, &c->heap));
    OK(&c->ctx, key_column_init(&c->ctx, &c->key, TYPE_INT4, -1, false, false, false));
    c->key_type = TYPE_INT4;
    c->key_phys = PHYS_I32;
    c->index_desc = (IndexDesc){.relid = 16385, .root_page = index_root, .name = "i", .kind = INDEX_BTREE, .unique = true,
                                .nkeys = 1, .ncols = 1, .keys = &c->key, .types = &c->key_type, .phys = &c->key_phys,
                                .scales = &c->key_scale};
    OK(&c->ctx, index_open(&c->ctx, c->arena, &c->index_desc, &c->index));
}

static void
conn_close(Conn *c)
{
    index_close(&c->ctx, c->index);
    heap_close(&c->ctx, c->heap);
    arena_destroy(c->scratch);
    arena_destroy(c->arena);
    OK(&c->ctx, db_close(&c->ctx));
}

static Batch *
one_row(Conn *c, int32_t id, int64_t version)
{
    Batch *b = batch_create_types(c->scratch, COLS, types);
    int n = text_bytes(id, version);
    char *text = arena_alloc(c->scratch, (size_t)n + 1);
    fill_text(text, id, version);
    ((int32_t *)b->cols[0]->data)[0] = id;
    ((int64_t *)b->cols[1]->data)[0] = version;
    ((Str *)b->cols[2]->data)[0] = str_make(text, (size_t)n);
    b->nrows = b->nsel = 1;
    return b;
}

/* The visible row of an id by the index; TID_NONE if there is none. */
static Tid
find_row(Conn *c, int32_t id)
{
    static const int columns[] = {0, HEAP_COL_CTID};
    Ctx *ctx = &c->ctx;
    IndexScan *scan;
    HeapFetch *f;
    IndexBatch ib;
    Batch *b;
    Value v = value_null(TYPE_INT4);
    v.is_null = false;
    v.phys = PHYS_I32;
    v.i32 = id;
    IndexRange r = {.neq = 1, .eq = &v};
    uint16_t rows[BATCH_ROWS];
    Tid found = TID_NONE;

    OK(ctx, index_scan_begin(ctx, c->scratch, c->index, NULL, &scan));
    OK(ctx, heap_fetch_begin(ctx, c->scratch, c->heap, columns, 2, &f));
    OK(ctx, index_scan_start(ctx, scan, &r, false));
    for (;;) {
        OK(ctx, index_scan_next(ctx, scan, BATCH_ROWS, &ib));
        if (ib.n == 0) break;
        OK(ctx, heap_fetch(ctx, f, ctx->snapshot, ib.tids, ib.n, &b, rows, NULL));
        for (int i = 0; i < b->nrows; i++) {
            if (((int32_t *)b->cols[0]->data)[i] != id || found != TID_NONE) {
                fprintf(stderr, "index gives a wrong or a second row for id %d\n", id);
                abort();
            }
            found = ((Tid *)b->cols[1]->data)[i];
        }
    }
    heap_fetch_end(f);
    index_scan_end(scan);
    return found;
}

static void
put_row(Conn *c, int32_t id, int64_t version)
{
    Ctx *ctx = &c->ctx;
    Tid old = find_row(c, id), tid, newer, conflict;
    Batch *b = one_row(c, id, version);
    bool hot = false;
    int nconflicts = 0;
    uint8_t result = HEAP_DONE;

    if (old == TID_NONE) OK(ctx, heap_insert_batch(ctx, c->heap, b, &tid));
    else OK(ctx, heap_update_batch(ctx, c->heap, &old, b, HEAP_WAIT, false, &result, &newer, &tid, &hot));
    if (result != HEAP_DONE) {
        fprintf(stderr, "update of id %d: result %d\n", id, result);
        abort();
    }
    if (hot) return;
    OK(ctx, index_insert_batch(ctx, c->index, c->heap, b->cols, NULL, 1, &tid, INDEX_CHECK_UNIQUE, &conflict, &nconflicts));
    if (nconflicts != 0) {
        fprintf(stderr, "id %d conflicts with itself\n", id);
        abort();
    }
}

static void
delete_row(Conn *c, int32_t id)
{
    Tid tid = find_row(c, id), newer;
    uint8_t result;
    if (tid == TID_NONE) return;
    OK(&c->ctx, heap_delete_batch(&c->ctx, c->heap, &tid, 1, HEAP_WAIT, &result, &newer));
    if (result != HEAP_DONE) {
        fprintf(stderr, "delete of id %d: result %d\n", id, result);
        abort();
    }
}

/* ---- reading everything back ---- */

typedef struct Found { int64_t version[WRITERS * (IDS + 1)]; Tid tid[WRITERS * (IDS + 1)]; int rows; } Found;

static void
collect(Conn *c, const Batch *b, Found *out)
{
    char expected[20001];
    for (int i = 0; i < b->nrows; i++) {
        int32_t id = ((int32_t *)b->cols[0]->data)[i];
        int64_t version = ((int64_t *)b->cols[1]->data)[i];
        const Str *text = (Str *)b->cols[2]->data + i;
        int n = text_bytes(id, version);
        fill_text(expected, id, version);
        if (id < 0 || id >= WRITERS * (IDS + 1) || out->version[id] != 0 || (int)text->len != n ||
            memcmp(str_data(text), expected, (size_t)n) != 0) {
            fprintf(stderr, "row of id %d, version %lld, is wrong or there twice\n", id, (long long)version);
            abort();
        }
        out->version[id] = version;
        out->tid[id] = ((Tid *)b->cols[3]->data)[i];
        out->rows++;
    }
    (void)c;
}

static const int all_columns[] = {0, 1, 2, HEAP_COL_CTID};

static void
read_by_scan(Conn *c, Found *out)
{
    Ctx *ctx = &c->ctx;
    HeapScan *scan;
    Batch *b;
    HeapScanSpec spec = {.columns = all_columns, .ncolumns = 4};

    OK(ctx, heap_scan_begin(ctx, c->scratch, c->heap, ctx->snapshot, &spec, &scan));
    for (;;) {
        OK(ctx, heap_scan_next(ctx, scan, BATCH_ROWS, &b));
        if (b == NULL) break;
        collect(c, b, out);
    }
    heap_scan_end(scan);
}

static void
read_by_index(Conn *c, Found *out)
{
    Ctx *ctx = &c->ctx;
    IndexScan *scan;
    HeapFetch *f;
    IndexBatch ib;
    Batch *b;
    IndexRange all = {0};
    uint16_t rows[BATCH_ROWS];

    OK(ctx, index_scan_begin(ctx, c->scratch, c->index, NULL, &scan));
    OK(ctx, heap_fetch_begin(ctx, c->scratch, c->heap, all_columns, 4, &f));
    OK(ctx, index_scan_start(ctx, scan, &all, false));
    for (;;) {
        OK(ctx, index_scan_next(ctx, scan, BATCH_ROWS, &ib));
        if (ib.n == 0) break;
        OK(ctx, heap_fetch(ctx, f, ctx->snapshot, ib.tids, ib.n, &b, rows, NULL));
        collect(c, b, out);
    }
    heap_fetch_end(f);
    index_scan_end(scan);
}

static void
complain(void *arg, PageNo root, PageNo page, const char *text)
{
    (void)arg, (void)root;
    fprintf(stderr, "block %u: %s\n", page, text);
}

/* Opens, compares with the model, closes. Afterwards begun and acknowledged are what the file holds. */
static void
verify(State *model, int64_t *in_model)
{
    static Conn c;
    static Found by_scan, by_index;
    uint64_t entries;

    conn_open(&c);
    begin(&c.ctx);
    memset(&by_scan, 0, sizeof(by_scan));
    memset(&by_index, 0, sizeof(by_index));
    read_by_scan(&c, &by_scan);
    read_by_index(&c, &by_index);
    if (memcmp(&by_scan, &by_index, sizeof(by_scan)) != 0) {
        fprintf(stderr, "index and table disagree: %d rows and %d\n", by_scan.rows, by_index.rows);
        abort();
    }
    for (int w = 0; w < WRITERS; w++) {
        int64_t marker = by_scan.version[w * (IDS + 1)];
        int64_t acknowledged = atomic_load(&shared->acknowledged[w]), begun = atomic_load(&shared->begun[w]);
        if (marker > begun || (w != ASYNC_WRITER && marker < acknowledged)) {
            fprintf(stderr, "writer %d: transaction %lld is the last in the file, %lld was acknowledged, %lld begun\n", w,
                    (long long)marker, (long long)acknowledged, (long long)begun);
            abort();
        }
        if (marker < in_model[w]) { /* what an earlier crash kept cannot go any more */
            fprintf(stderr, "writer %d: back from %lld to %lld\n", w, (long long)in_model[w], (long long)marker);
            abort();
        }
        while (in_model[w] < marker) apply(&model[w], w, ++in_model[w]);
        for (int i = 0; i < IDS; i++) {
            int32_t id = w * (IDS + 1) + 1 + i;
            if (by_scan.version[id] == model[w].version[i]) continue;
            fprintf(stderr, "writer %d after transaction %lld: id %d has version %lld, not %lld\n", w, (long long)marker, id,
                    (long long)by_scan.version[id], (long long)model[w].version[i]);
            abort();
        }
        atomic_store(&shared->begun[w], marker);
        atomic_store(&shared->acknowledged[w], marker);
    }
    rollback(&c.ctx);
    OK(&c.ctx, index_check(&c.ctx, c.index, &entries));
    PageNo roots[2] = {c.heap_desc.root_page, c.index_desc.root_page};
    OK(&c.ctx, db_check(&c.ctx, roots, 2, complain, NULL));
    conn_close(&c);
}

/* ---- the process that is killed ---- */

static void *
write_forever(void *arg)
{
    int w = (int)(intptr_t)arg;
    Conn *c = calloc(1, sizeof(*c));
    conn_open(c);
    c->settings.synchronous_commit = w == ASYNC_WRITER ? 1 : 0;
    int64_t number = atomic_load(&shared->acknowledged[w]);
    atomic_fetch_add(&shared->ready, 1);
    for (;;) {
        Plan p = plan_of(w, ++number);
        int32_t base = w * (IDS + 1);
        begin(&c->ctx);
        for (int i = 0; i < p.nops; i++) {
            if (i == p.undone_from) OK(&c->ctx, tx_savepoint(&c->ctx, "s"));
            int32_t id = base + 1 + p.ops[i].id;
            if (p.ops[i].kind == OP_DELETE) delete_row(c, id);
            else put_row(c, id, number);
            next_command(&c->ctx);
            arena_reset(c->scratch);
        }
        if (p.undone_from < p.nops) OK(&c->ctx, tx_rollback_to(&c->ctx, "s"));
        if (p.rolls_back) {
            rollback(&c->ctx);
            continue; /* the marker stays; the number is spent */
        }
        put_row(c, base, number);
        arena_reset(c->scratch);
        atomic_store(&shared->begun[w], number);
        commit(&c->ctx);
        atomic_store(&shared->acknowledged[w], number);
        atomic_fetch_add(&shared->commits, 1);
        if (number % 50 == 0) OK(&c->ctx, heap_prune_all(&c->ctx, c->heap, &(uint64_t){0}));
    }
    return NULL;
}

static void
child_main(void)
{
    pthread_t t;
    for (int w = 1; w < WRITERS; w++)
        if (pthread_create(&t, NULL, write_forever, (void *)(intptr_t)w) != 0) abort();
    write_forever((void *)0);
}

static void
child_recover(void)
{
    static Conn c;
    conn_open(&c);
    for (;;) pause();
}

/* Runs body in a child and kills it after wait_us; a child that ends by itself has failed. */
static void
run_and_kill(void (*body)(void), int64_t wait_us, bool wait_ready)
{
    int status;
    atomic_store(&shared->ready, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(3);
    }
    if (pid < 0) abort();
    while (wait_ready && atomic_load(&shared->ready) < WRITERS && waitpid(pid, &status, WNOHANG) == 0) usleep(200);
    usleep((useconds_t)wait_us);
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, 0) == pid && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        fprintf(stderr, "the worker ended by itself, status %d\n", status);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    int kills = argc > 1 ? atoi(argv[1]) : 60;
    uint64_t s;
    static State model[WRITERS];
    static int64_t in_model[WRITERS];

    run_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20240607;
    s = run_seed;
    printf("seed %llu, %d kills\n", (unsigned long long)run_seed, kills);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    temp_path(path, sizeof(path), "crash");
    remove_db(path);
    verify(model, in_model); /* makes the table */
    for (int i = 0; i < kills; i++) {
        run_and_kill(child_main, pick(&s, 40000), pick(&s, 8) != 0);
        while (pick(&s, 3) == 0) run_and_kill(child_recover, pick(&s, 5000), false);
        verify(model, in_model);
    }
    printf("%d kills, %lld commits seen, last transactions %lld %lld %lld\n", kills, (long long)atomic_load(&shared->commits),
           (long long)in_model[0], (long long)in_model[1], (long long)in_model[2]);
    remove_db(path);
    return 0;
}
