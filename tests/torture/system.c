/* system.c - what the library calls of the system, disturbed: reads, writes and syncs that are interrupted (EINTR) or stop short, and a wall
 * clock that goes backwards. The functions below stand before the C library's in this program. */
#include "tests/torture/torture.h"
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t random_state;
static _Atomic int rate; /* every rate-th call; 0: none */
static _Atomic int64_t clock_off;
static _Atomic long disturbed;

void
system_disturb(uint64_t seed, int one_in)
{
    atomic_store(&random_state, seed);
    atomic_store(&rate, one_in);
}

void
system_turn_clock(int64_t seconds)
{
    atomic_store(&clock_off, seconds);
}

long
system_disturbed(void)
{
    return atomic_load(&disturbed);
}

/* 0: not now; else a random number. */
static uint64_t
now_and_then(void)
{
    int r = atomic_load_explicit(&rate, memory_order_relaxed);
    if (r == 0) return 0;
    uint64_t s = atomic_fetch_add(&random_state, 0x9E3779B97F4A7C15ull), v = rnd(&s);
    if (v % (uint64_t)r != 0) return 0;
    atomic_fetch_add(&disturbed, 1);
    return v | 1;
}

/* Fewer bytes than asked for, at least one; 0: interrupted instead. */
static size_t
cut(uint64_t v, size_t nbytes)
{
    return v >> 62 == 0 || nbytes < 2 ? 0 : 1 + (size_t)((v >> 8) % (nbytes - 1));
}

ssize_t
pwrite(int fd, const void *buf, size_t nbytes, off_t offset)
{
    uint64_t v = now_and_then();
    if (v != 0 && (nbytes = cut(v, nbytes)) == 0) {
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, buf, nbytes, offset);
}

ssize_t
pread(int fd, void *buf, size_t nbytes, off_t offset)
{
    uint64_t v = now_and_then();
    if (v != 0 && (nbytes = cut(v, nbytes)) == 0) {
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_pread64, fd, buf, nbytes, offset);
}

int
fdatasync(int fd)
{
    if (now_and_then() != 0) {
        errno = EINTR;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ts);
    if (clock == CLOCK_REALTIME) ts->tv_sec += atomic_load_explicit(&clock_off, memory_order_relaxed);
    return rc;
}

/* A script on a file while every few calls are disturbed and the clock jumps about: everything ends as on the mirror. */
void
system_step(uint64_t *seed)
{
    static Script s;
    char path[300], wal[320];
    const char *dir = getenv("TMPDIR");
    quern *mirror, *db;
    uint64_t digest;

    doing("disturbed calls and clock");
    snprintf(path, sizeof(path), "%s/quern_torture_sys_%d", dir != NULL ? dir : "/tmp", (int)getpid());
    snprintf(wal, sizeof(wal), "%s-wal", path);
    unlink(path);
    unlink(wal);
    if (quern_open(":memory:", &mirror) != QUERN_OK) die("no mirror");
    script_setup(mirror);
    script_make(&s, mirror, rnd(seed), 12);
    long before = system_disturbed();
    system_disturb(rnd(seed), 2 + pick(seed, 6));
    if (quern_open(path, &db) != QUERN_OK) die("opening: %s", quern_errmsg(db));
    script_setup(db);
    long long last = 0;
    for (int i = 0; i < s.n; i++) {
        system_turn_clock(pick(seed, 2000000) - 1000000);
        if (transaction_run(db, &s.transactions[i]) != RUN_DONE) die("%s: %s", quern_sqlstate(db), quern_errmsg(db));
        /* The time of a transaction stands still, whatever the clock does. */
        must(db, "BEGIN");
        last = ask(db, "SELECT extract(epoch FROM now())::bigint");
        system_turn_clock(-5000000);
        if (ask(db, "SELECT extract(epoch FROM now())::bigint") != last) die("now() has changed within a transaction");
        must(db, "COMMIT");
        tally.clock++;
    }
    if (!digest_of(db, &digest) || digest != script_digest(&s, s.n)) die("the database is not the mirror's");
    check_clean(db);
    if (quern_close(db) != QUERN_OK) die("closing fails");
    system_disturb(0, 0);
    system_turn_clock(0);
    tally.interrupted += system_disturbed() - before;
    quern_close(mirror);
    script_free(&s);
    unlink(path);
    unlink(wal);
}
