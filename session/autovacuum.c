/* autovacuum.c - see autovacuum.h. */
#include "session/autovacuum.h"
#include "catalog/reloptions.h"
#include "session/maintain.h"
#include "storage/db.h"
#include "storage/tablestats.h"

enum {
    SLICE_PAGES = 256,
    ABORTED_MANY = 64, /* ranges of aborted xids worth going through tables for */
};

/* A table that is due. */
typedef struct Task {
    Oid oid;
    bool vacuum, analyze;
} Task;

typedef struct AutoVacuum {
    Db *db;
    Settings settings; /* of the session that opened the database; only numbers are looked at */
    Session *s;        /* NULL until there is something to look at */
    Mutex mutex;       /* without threads any session's thread may come by */
    /* A round: the tables found due, and how far it is. */
    Arena *arena;      /* of the round */
    Task *due;
    int ndue, at;
    bool has_round, was_useful;
    bool is_late; /* some table has half as many dead rows again as it may: no rests */
    int64_t analyze_us; /* not before: rounds that dead rows have called for do without, or a busy table would be analysed all the time */
    /* The table at hand. */
    Arena *table_arena;
    Vacuum *vacuum;
    uint32_t root_page;
    int nindexes;
} AutoVacuum;

static const MaintainOptions options = {.vacuum = true, .analyze = true, .process_toast = true, .is_auto = true};

/* ---- what is due ---- */

/* A threshold and a fraction of the table, both by its own parameters where it has them. */
static double
limit(const Relation *rel, const char *threshold_name, double threshold, const char *factor_name, double factor, double rows)
{
    threshold = reloption_number(rel, threshold_name, threshold);
    return threshold < 0 ? -1 : threshold + reloption_number(rel, factor_name, factor) * rows;
}

static Status
judge_table(AutoVacuum *av, const Relation *rel, TableStats *t, Task *out)
{
    const Settings *s = &av->settings;
    double known = atomic_load(&t->live_known) || rel->tuples < 0 ? 0 : rel->tuples;
    double rows = known + (double)atomic_load(&t->live);
    double dead = (double)atomic_load(&t->dead), inserted = (double)atomic_load(&t->inserted_since);
    double changed = (double)atomic_load(&t->changed);
    if (rows < 0) rows = 0;
    double dead_limit = limit(rel, "autovacuum_vacuum_threshold", s->autovacuum_vacuum_threshold,
                              "autovacuum_vacuum_scale_factor", s->autovacuum_vacuum_scale_factor, rows);
    double insert_limit = limit(rel, "autovacuum_vacuum_insert_threshold", s->autovacuum_vacuum_insert_threshold,
                                "autovacuum_vacuum_insert_scale_factor", s->autovacuum_vacuum_insert_scale_factor, rows);
    double analyze_limit = limit(rel, "autovacuum_analyze_threshold", s->autovacuum_analyze_threshold,
                                 "autovacuum_analyze_scale_factor", s->autovacuum_analyze_scale_factor, rows);
    /* What could not go goes no sooner for being looked at again at once. */
    if (session_wall_us() - atomic_load(&t->autovacuum_us) < (int64_t)s->autovacuum_naptime * 1000000)
        dead_limit += (double)atomic_load(&t->left_dead);
    out->vacuum = dead > dead_limit || (insert_limit >= 0 && inserted > insert_limit);
    out->analyze = changed > analyze_limit;
    av->is_late |= dead > 1.5 * dead_limit && dead > TABLE_STATS_FEW;
    if (!out->vacuum && vacuum_aborted_ranges(&av->s->ctx) >= ABORTED_MANY)
        TRY(vacuum_has_aborted(&av->s->ctx, rel->heap, &out->vacuum));
    bool enabled = reloption_bool(rel, "autovacuum_enabled", true);
    atomic_store(&t->wake_dead, enabled && dead_limit < 1e18 ? (int64_t)dead_limit + 1 : INT64_MAX);
    out->analyze &= ctx_now_us() >= av->analyze_us;
    if (!enabled) out->vacuum = out->analyze = false;
    return QN_OK;
}

/* Draws up the round. */
static Status
look(AutoVacuum *av)
{
    Ctx *ctx = &av->s->ctx;
    Oid *list;
    int n;
    bool analyzes = ctx_now_us() >= av->analyze_us;
    av->ndue = av->at = 0;
    av->was_useful = av->is_late = false;
    TRY(ddl_all_tables(ctx, &list, &n));
    TRY_ALLOC(ctx, av->due, ARENA_ARRAY(av->arena, Task, n + 1));
    for (int i = 0; i < n; i++) {
        const Relation *rel;
        Task due = {.oid = list[i]};
        TableStats *t = table_stats_find(ctx, list[i]);
        if (t == NULL && vacuum_aborted_ranges(ctx) < ABORTED_MANY) continue; /* nobody has touched it */
        Status st = catalog_relation_by_oid(ctx, list[i], &rel);
        if (st == QN_OK && rel != NULL && rel->heap != NULL && rel->persistence != 't')
            st = judge_table(av, rel, heap_table_stats(rel->heap), &due);
        table_stats_close(ctx, t);
        TRY(st);
        if (due.vacuum || due.analyze) av->due[av->ndue++] = due;
    }
    if (analyzes) av->analyze_us = ctx_now_us() + (int64_t)av->settings.autovacuum_naptime * 1000000;
    return QN_OK;
}

/* ---- a slice ---- */

static void
leave_table(AutoVacuum *av)
{
    vacuum_end(&av->s->ctx, av->vacuum);
    av->vacuum = NULL;
    arena_reset(av->table_arena);
    relpins_release(&av->s->ctx, &av->s->no_pins);
}

static Status
begin_table(AutoVacuum *av, const Relation *rel)
{
    Ctx *ctx = &av->s->ctx;
    Index **indexes;
    VacuumOptions o = maintain_vacuum_options(ctx, rel, &options);
    TRY_ALLOC(ctx, indexes, ARENA_ARRAY(av->table_arena, Index *, rel->nindexes + 1));
    for (int i = 0; i < rel->nindexes; i++) indexes[i] = rel->indexes[i]->index;
    av->root_page = rel->root_page;
    av->nindexes = rel->nindexes;
    return vacuum_begin(ctx, rel->heap, indexes, rel->nindexes, &o, &av->vacuum);
}

static Status
vacuum_slice(AutoVacuum *av, const Relation *rel, Task *due)
{
    bool done;
    if (av->vacuum == NULL) TRY(begin_table(av, rel));
    TRY(vacuum_step(&av->s->ctx, av->vacuum, SLICE_PAGES, &done));
    if (!done) return QN_OK;
    due->vacuum = false;
    av->was_useful = true;
    atomic_store(&heap_table_stats(rel->heap)->left_dead, (int64_t)vacuum_report(av->vacuum)->dead_left);
    return maintain_after_vacuum(&av->s->ctx, av->table_arena, rel, vacuum_report(av->vacuum), &options);
}

/* One slice of the table at hand, whose lock is had. */
static Status
work(AutoVacuum *av, const Relation *rel, Task *due)
{
    Ctx *ctx = &av->s->ctx;
    if (av->vacuum != NULL &&
        (rel->root_page != av->root_page || rel->nindexes != av->nindexes || !vacuum_is_current(av->vacuum))) {
        due->vacuum = due->analyze = false; /* it has changed since the last slice: the next round looks again */
        return QN_OK;
    }
    if (due->vacuum) return vacuum_slice(av, rel, due);
    due->analyze = false;
    TRY(maintain_analyze(ctx, av->table_arena, rel, &options));
    tx_command_end(ctx);
    return QN_OK;
}

static Status
slice(AutoVacuum *av)
{
    Ctx *ctx = &av->s->ctx;
    Task *due = &av->due[av->at];
    const Relation *rel = NULL;
    bool granted = false;
    TRY(session_begin_statement(av->s));
    ctx->stmt_arena = av->table_arena;
    Status st = lock_acquire(ctx, lock_relation_tag(due->oid), LOCK_SHARE_UPDATE_EXCLUSIVE, LOCK_TRY, &granted);
    if (st == QN_OK && granted) st = catalog_relation_by_oid(ctx, due->oid, &rel);
    if (st == QN_OK && rel != NULL && rel->heap != NULL)
        st = work(av, rel, due);
    else
        due->vacuum = due->analyze = false; /* gone, or somebody has other plans with it */
    Status ended = session_end_statement(av->s, st == QN_OK);
    if (st == QN_OK) st = ended;
    if (st != QN_OK) due->vacuum = due->analyze = false;
    if (!due->vacuum && av->vacuum != NULL) leave_table(av);
    if (!due->vacuum && !due->analyze) {
        leave_table(av);
        av->at++;
    }
    return st;
}

static Status
in_transaction(AutoVacuum *av, Status (*fn)(AutoVacuum *av))
{
    TRY(session_begin_statement(av->s));
    av->s->ctx.stmt_arena = av->arena;
    Status st = fn(av);
    Status ended = session_end_statement(av->s, st == QN_OK);
    relpins_release(&av->s->ctx, &av->s->no_pins);
    return st != QN_OK ? st : ended;
}

static Status
finish_round(AutoVacuum *av)
{
    return maintain_database(&av->s->ctx, av->arena);
}

/* One step of a round; *wait_us_out: how long until the next. */
static Status
step(AutoVacuum *av, int64_t *wait_us_out)
{
    if (av->s == NULL) TRY(session_open_internal(av->db, &av->settings, &av->s));
    Ctx *ctx = &av->s->ctx;
    catalog_use_types(ctx);
    session_note_stack(av->s);
    err_clear(&ctx->err);
    if (av->arena == NULL) TRY_ALLOC(ctx, av->arena, arena_create(NULL, "autovacuum"));
    if (av->table_arena == NULL) TRY_ALLOC(ctx, av->table_arena, arena_create(NULL, "autovacuum table"));
    if (!av->has_round) {
        TRY(in_transaction(av, look));
        av->has_round = true;
    } else if (av->at < av->ndue) {
        TRY(slice(av));
    }
    *wait_us_out = av->is_late ? 0 : (int64_t)(av->settings.autovacuum_vacuum_cost_delay * 1000);
    if (av->at < av->ndue) return QN_OK;
    bool useful = av->was_useful;
    av->has_round = false;
    *wait_us_out = (int64_t)av->settings.autovacuum_naptime * 1000000;
    Status st = useful ? in_transaction(av, finish_round) : QN_OK;
    arena_reset(av->arena);
    return st;
}

static int64_t
run(void *arg)
{
    AutoVacuum *av = arg;
    int64_t wait_us = (int64_t)av->settings.autovacuum_naptime * 1000000;
    if (!mutex_try(&av->mutex)) return wait_us; /* another session is at it */
    /* What goes wrong is not anybody's statement: the next round tries again. */
    if (step(av, &wait_us) != QN_OK) {
        if (av->s != NULL && av->s->ctx.tx != NULL) tx_rollback(&av->s->ctx);
        if (av->s != NULL) err_clear(&av->s->ctx.err);
        av->has_round = av->has_round && av->at < av->ndue;
    }
    bool more = av->has_round;
    mutex_unlock(&av->mutex);
    return more && wait_us <= 0 ? 0 : wait_us;
}

static void
stop(void *arg)
{
    AutoVacuum *av = arg;
    if (av->s != NULL) {
        if (av->vacuum != NULL) leave_table(av);
        session_close_internal(av->s);
    }
    arena_destroy(av->arena);
    arena_destroy(av->table_arena);
    mutex_destroy(&av->mutex);
    mem_free(NULL, av, sizeof(*av));
}

Status
autovacuum_attach(Session *s)
{
    AutoVacuum *av;
    Ctx *ctx = &s->ctx;
    if (!s->settings.autovacuum || db_is_read_only(ctx)) return QN_OK;
    TRY_ALLOC(ctx, av, mem_zalloc(NULL, sizeof(*av)));
    av->db = ctx->db;
    av->settings = s->settings;
    av->analyze_us = ctx_now_us() + (int64_t)s->settings.autovacuum_naptime * 1000000;
    mutex_init(&av->mutex);
    if (!db_set_maintenance(ctx, &(DbMaintenance){.run = run, .free = stop, .arg = av})) stop(av);
    return QN_OK;
}

void
autovacuum_at_commit(Session *s)
{
    db_maintain(&s->ctx);
    catalog_use_types(&s->ctx);
}
