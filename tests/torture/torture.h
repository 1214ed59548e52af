/* torture.h - faults under SQL: what the parts of the campaign share.
 *
 * A Script is a list of transactions that follow from a seed. A mirror, the same engine in memory where nothing fails, runs it first and says
 * for each statement how it must end and after each transaction what the database must hold (a digest of all tables, indexes and views).
 * Then the script runs again and again with one fault each, and the database that comes back must be one that was acknowledged, or
 * that one and the transaction whose commit was under way.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include "quern.h"
#include "storage/file_fault.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the campaign has done so far. */
typedef struct Tally {
    long power, power_twice, relaxed; /* the last: of those with synchronous_commit off */
    long io_error, no_space, sync_error, memory, kills, clock, interrupted;
    long schedules, switches; /* orders of threads, and how often they changed hands */
    long flips, flips_refused; /* bits; reads and openings that were told of them */
    long lies, recovered;      /* syncs that did nothing before a power loss; damaged databases copied */
    long verified; /* databases opened and compared */
} Tally;
extern Tally tally;
extern uint64_t torture_seed; /* printed when something is wrong */

/* Says what is wrong, where it was found and the seed, and ends the program. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* More of the same in what die says: what is being done. Kept until the next call. */
void doing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline uint64_t
rnd(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}
static inline int
pick(uint64_t *state, int n)
{
    return (int)(rnd(state) % (uint64_t)n);
}

/* ---- script.c ---- */

enum { STATEMENTS_MAX = 12, TRANSACTIONS_MAX = 24 };

typedef struct Statement {
    char *sql;
    char state[6]; /* SQLSTATE it ends with on the mirror */
} Statement;

typedef struct Transaction {
    Statement statements[STATEMENTS_MAX];
    int n;
    uint64_t digest; /* of the database after it */
} Transaction;

typedef struct Script {
    Transaction transactions[TRANSACTIONS_MAX];
    int n;
    uint64_t before; /* digest of the database it starts from */
} Script;

/* n transactions of the seed, run on the mirror. */
void script_make(Script *s, quern *mirror, uint64_t seed, int n);
void script_free(Script *s);
/* The tables every script works on. */
void script_setup(quern *db);
static inline uint64_t
script_digest(const Script *s, int done)
{
    return done == 0 ? s->before : s->transactions[done - 1].digest;
}

/* How one run of a transaction ended. */
typedef enum Outcome {
    RUN_DONE,      /* as on the mirror */
    RUN_FAILED,    /* a fault was reported before the statement that commits */
    RUN_UNCERTAIN, /* by the statement that commits */
} Outcome;
/* Runs a transaction; a failed one is rolled back. Whatever is neither the mirror's result nor an error of the system dies. */
Outcome transaction_run(quern *db, const Transaction *t);

/* A hash of everything a user can see in the database. False when a fault kept it from being read. */
bool digest_of(quern *db, uint64_t *out);
/* quern_check() finds nothing. */
void check_clean(quern *db);
/* Runs SQL that must not fail. */
void must(quern *db, const char *sql);
/* One value as a number. */
long long ask(quern *db, const char *sql);
bool is_system_error(const char *sqlstate); /* 53xxx, 58xxx */

/* ---- the parts of the campaign; each call is a step of a second or so, and *seed moves on ---- */

void faults_step(uint64_t *seed, int points);      /* faults.c: files */
void flips_step(uint64_t *seed, int flips);        /* flips.c: bits of the file */
void lies_step(uint64_t *seed, int lies);          /* flips.c: syncs that do nothing */
void memory_step(uint64_t *seed, bool is_tight);   /* memory.c: allocations */
void kill_step(uint64_t *seed, int kills);         /* kill.c: processes */
void system_step(uint64_t *seed);                  /* system.c: interrupted calls, the clock */
void schedule_step(uint64_t *seed, int schedules); /* schedule.c: threads in every order */

/* A database on such files; NULL when a fault was met, anything else dies. */
quern *open_on(FaultFs *fs);

/* system.c stands between the library and the system's calls. */
void system_disturb(uint64_t seed, int one_in);    /* every one_in-th read, write or sync is interrupted or short; 0: none */
void system_turn_clock(int64_t seconds);           /* the wall clock goes wrong by so much */
long system_disturbed(void);

#endif
