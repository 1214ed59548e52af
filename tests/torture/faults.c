/* faults.c - a fault at each call of a script on files in memory.
 *
 * The script starts from files that are closed and whole; each point of it gets a copy of them. Four styles:
 *
 *     power       the n-th call that changes anything fails, and all after it; then unsynced writes are kept, lost, torn and reordered
 *                 sector by sector, sometimes again while recovering. Now and then with synchronous_commit off, when the last transactions may
 *                 be gone, but whole
 *     I/O error   the n-th call fails once; what was not acknowledged is not there, neither now nor after a crash
 *     no space    the n-th write and some after it fail; then there is space again and work goes on
 *     sync        the n-th sync fails; no later commit may be acknowledged until the database was opened again */
#include "session/session.h"
#include "tests/torture/torture.h"

enum { LOSES_POWER, FAILS_ONCE, RUNS_FULL, FAILS_TO_SYNC, STYLES };
static const char *const style_names[] = {"power loss", "I/O error", "no space", "failing sync"};
enum { CHANGES = FAULT_WRITE | FAULT_SYNC | FAULT_OPEN | FAULT_ALLOCATE | FAULT_OTHER };

static const unsigned style_kinds[] = {CHANGES, FAULT_ANY, FAULT_WRITE | FAULT_ALLOCATE, FAULT_SYNC};

quern *
open_on(FaultFs *fs)
{
    quern_config config;
    Session *s;
    quern_config_init(&config);
    config.no_background = 1;
    config.cache_size = 1 << 20;
    config.settings = "max_wal_size=2MB"; /* checkpoints come by themselves, too */
    Status st = session_open("torture.db", &config, fault_fs_ops(fs), &s);
    if (st == QN_OK) return (quern *)s;
    const char *state = status_sqlstate(st);
    if (!is_system_error(state)) die("opening: %s: %s", state, s != NULL && s->ctx.err.message != NULL ? s->ctx.err.message : "");
    (void)!(session_close(s) == QN_OK);
    return NULL;
}

/* may_fail: reading may still meet the fault, and then says nothing. */
static void
expect_digest(quern *db, const Script *s, int done, bool maybe_next, bool may_fail, const char *when)
{
    uint64_t digest;
    if (!digest_of(db, &digest)) {
        if (may_fail) return;
        die("%s: the database cannot be read: %s", when, quern_errmsg(db));
    }
    if (digest == script_digest(s, done)) return;
    if (maybe_next && done < s->n && digest == script_digest(s, done + 1)) return;
    for (int i = 0; i <= s->n; i++)
        if (digest == script_digest(s, i)) die("%s: the database is that after transaction %d, not %d%s", when, i, done, maybe_next ? " or the next" : "");
    die("%s: the database is neither that after transaction %d nor after any other", when, done);
}

/* Opens what is left and compares; nothing fails any more. */
static void
verify(FaultFs *fs, const Script *s, int done, bool maybe_next)
{
    fault_fs_fail(fs, 0, -1, 0, 1);
    quern *db = open_on(fs);
    if (db == NULL) die("the database does not open");
    expect_digest(db, s, done, maybe_next, false, "after recovery");
    check_clean(db);
    if (quern_close(db) != QUERN_OK) die("closing after recovery fails");
}

/* Power goes, and sometimes goes again while the database is being opened. */
static void
lose_power(FaultFs *fs, quern *db, uint64_t *seed)
{
    fault_fs_power_loss(fs, rnd(seed));
    quern_close(db);
    for (int again = 0; again < 4 && pick(seed, 3) == 0; again++) {
        fault_fs_fail(fs, CHANGES, pick(seed, 40), EIO, -1);
        db = open_on(fs);
        fault_fs_power_loss(fs, rnd(seed));
        quern_close(db);
        tally.power_twice++;
    }
}

/* Runs the script up to the first thing that does not end well; *done_out: transactions acknowledged. */
static Outcome
run_script(quern *db, const Script *s, int from, int *done_out)
{
    for (*done_out = from; *done_out < s->n; ++*done_out) {
        Outcome o = transaction_run(db, &s->transactions[*done_out]);
        if (o != RUN_DONE) return o;
    }
    return RUN_DONE;
}

static bool
has_failed(quern *db)
{
    return quern_exec(db, "SELECT 1", NULL, NULL) != QUERN_OK;
}

/* Opens what is left: the database after some transaction, and not after more than were begun. */
static void
verify_some(FaultFs *fs, const Script *s, int begun)
{
    uint64_t digest;
    bool found = false;
    fault_fs_fail(fs, 0, -1, 0, 1);
    quern *db = open_on(fs);
    if (db == NULL || !digest_of(db, &digest)) die("the database does not open");
    for (int i = 0; i <= begun && !found; i++) found = digest == script_digest(s, i);
    if (!found) die("the database is not that after any of the %d transactions", begun);
    check_clean(db);
    if (quern_close(db) != QUERN_OK) die("closing after recovery fails");
}

static void
power_point(FaultFs *fs, const Script *s, uint64_t *seed)
{
    int done = 0;
    quern *db = open_on(fs);
    bool is_relaxed = db != NULL && pick(seed, 4) == 0;
    if (is_relaxed) must(db, "SET synchronous_commit = off");
    Outcome o = db != NULL ? run_script(db, s, 0, &done) : RUN_FAILED;
    if (o == RUN_DONE && pick(seed, 2) == 0) {
        quern_close(db);
        db = NULL;
    }
    lose_power(fs, db, seed);
    if (is_relaxed) verify_some(fs, s, done + (o != RUN_DONE));
    else verify(fs, s, done, o == RUN_UNCERTAIN);
    tally.relaxed += is_relaxed;
    tally.power++;
}

static void
error_point(FaultFs *fs, const Script *s, uint64_t *seed)
{
    int done = 0;
    quern *db = open_on(fs);
    if (db == NULL) db = open_on(fs); /* what failed once goes well the second time */
    if (db == NULL) die("the database does not open after a call that failed once");
    Outcome o = run_script(db, s, 0, &done);
    bool failed = o != RUN_DONE && has_failed(db);
    if (o != RUN_DONE && !failed) expect_digest(db, s, done, false, false, "after an error");
    if (!failed && o != RUN_DONE && pick(seed, 2) == 0) {
        /* The same again, and to the end. */
        if (run_script(db, s, done, &done) != RUN_DONE) die("it fails a second time: %s", quern_errmsg(db));
        o = RUN_DONE;
    }
    if (pick(seed, 2) == 0) {
        fault_fs_kill(fs);
        quern_close(db);
    } else {
        lose_power(fs, db, seed);
    }
    /* A commit record that failed to be written may have been, for all that: it is there, whole, if the crash comes before the next commit. */
    verify(fs, s, done, o == RUN_UNCERTAIN);
    tally.io_error++;
}

static void
full_point(FaultFs *fs, const Script *s, uint64_t *seed)
{
    int done = 0, tries = 0;
    quern *db = NULL;
    while (db == NULL && tries++ < 100) db = open_on(fs);
    if (db == NULL) die("the database does not open though there is space again");
    while (run_script(db, s, done, &done) != RUN_DONE) {
        if (has_failed(db)) die("a full disk made the instance fail: %s: %s", quern_sqlstate(db), quern_errmsg(db));
        expect_digest(db, s, done, false, true, "on a full disk");
        if (++tries > 100) die("it still fails though there is space again: %s", quern_errmsg(db));
    }
    if (pick(seed, 3) == 0) lose_power(fs, db, seed);
    else if (quern_close(db) != QUERN_OK) fault_fs_kill(fs);
    verify(fs, s, done, false);
    tally.no_space++;
}

static void
sync_point(FaultFs *fs, const Script *s, uint64_t *seed)
{
    int done = 0;
    quern *db = open_on(fs);
    Outcome o = db != NULL ? run_script(db, s, 0, &done) : RUN_FAILED;
    if (db != NULL && fault_fs_has_failed(fs)) {
        if (o == RUN_DONE && !has_failed(db)) die("a sync failed and nobody was told");
        for (int i = 0; i < 3; i++)
            if (quern_exec(db, "UPDATE account SET amount = 1 WHERE id = 1", NULL, NULL) == QUERN_OK)
                die("a commit is acknowledged after a failed sync");
    }
    lose_power(fs, db, seed);
    verify(fs, s, done, o == RUN_UNCERTAIN);
    tally.sync_error++;
}

static void
one_point(FaultFs *base, const Script *s, int style, int64_t n, uint64_t *seed)
{
    FaultFs *fs = fault_fs_clone(base);
    if (fs == NULL) abort();
    doing("%s at call %lld", style_names[style], (long long)n);
    int64_t times = style == FAILS_ONCE ? 1 : style == FAILS_TO_SYNC ? 1 : style == RUNS_FULL ? 1 + pick(seed, 30) : -1;
    fault_fs_fail(fs, style_kinds[style], n, style == RUNS_FULL ? ENOSPC : EIO, times);
    switch (style) {
    case LOSES_POWER: power_point(fs, s, seed); break;
    case FAILS_ONCE: error_point(fs, s, seed); break;
    case RUNS_FULL: full_point(fs, s, seed); break;
    default: sync_point(fs, s, seed); break;
    }
    fault_fs_destroy(fs);
}

/* The script without a fault, on a copy: how many calls of a style's kinds there are. */
static void
count_calls(FaultFs *base, const Script *s, int64_t *calls)
{
    FaultFs *fs = fault_fs_clone(base);
    int done;
    if (fs == NULL) abort();
    doing("no fault");
    quern *db = open_on(fs);
    if (run_script(db, s, 0, &done) != RUN_DONE) die("it fails without a fault: %s", quern_errmsg(db));
    expect_digest(db, s, s->n, false, false, "without a fault");
    if (quern_close(db) != QUERN_OK) die("closing fails without a fault");
    for (int i = 0; i < STYLES; i++) calls[i] = fault_fs_calls(fs, style_kinds[i]);
    fault_fs_destroy(fs);
}

/* The script for good, without a fault. */
static void
run_for_good(FaultFs *files, const Script *s)
{
    int done;
    doing("between scripts");
    quern *db = open_on(files);
    if (db == NULL || run_script(db, s, 0, &done) != RUN_DONE) die("it fails without a fault: %s", quern_errmsg(db));
    if (quern_close(db) != QUERN_OK) die("closing fails without a fault");
}

/* A database of some scripts, and a fault at the calls of one more. points: at most so many; 0: every call. */
void
faults_step(uint64_t *seed, int points)
{
    static Script s;
    int64_t calls[STYLES], all = 0;
    quern *mirror;
    FaultFs *files = fault_fs_create();

    doing("before the first script");
    quern *db = files != NULL ? open_on(files) : NULL;
    if (db == NULL || quern_open(":memory:", &mirror) != QUERN_OK) die("no database to begin with");
    script_setup(db);
    script_setup(mirror);
    quern_close(db);
    for (int before = pick(seed, pick(seed, 4) == 0 ? 40 : 8); before > 0; before--) {
        script_make(&s, mirror, rnd(seed), 6 + pick(seed, 10));
        run_for_good(files, &s);
        script_free(&s);
    }
    script_make(&s, mirror, rnd(seed), 6 + pick(seed, 10));
    count_calls(files, &s, calls);
    for (int i = 0; i < STYLES; i++) all += calls[i];
    int64_t step = points > 0 && all > points ? all / points : 1;
    for (int style = 0; style < STYLES; style++)
        for (int64_t n = pick(seed, (int)step); n < calls[style]; n += step) one_point(files, &s, style, n, seed);
    script_free(&s);
    quern_close(mirror);
    fault_fs_destroy(files);
}
