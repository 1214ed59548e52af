/* main.c - torture_test [SECONDS [SEED [PART]]]: the fault campaign. Without arguments a short run, the same every time; with SECONDS it goes
 * on from seed to seed until they are over, trying every call. PART: faults, flips, lies, memory, kill, system or schedule alone. What it has done is printed at
 * the end, the seed when something is wrong. */
#include "tests/torture/torture.h"
#include <stdarg.h>
#include <time.h>

Tally tally;
uint64_t torture_seed;
static char what[200];

void
doing(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
}

void
die(const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "torture: seed %llu, %s: ", (unsigned long long)torture_seed, what);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    fflush(NULL);
    abort();
}

static double
seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
show_tally(double seconds)
{
    long points = tally.power + tally.io_error + tally.no_space + tally.sync_error + tally.memory + tally.kills + tally.schedules +
                  tally.flips + tally.lies;
    printf("%ld fault points in %.0f s: %ld power losses (%ld more while recovering, %ld with synchronous_commit off), %ld I/O errors, %ld full disks, %ld failed syncs, "
           "%ld allocations, %ld kills, %ld schedules with a loss of power (%ld switches); %ld interrupted or short calls, %ld clock jumps; "
           "%ld flipped bits (%ld times told of), %ld syncs that lied, %ld recovered databases; %ld databases verified\n",
           points, seconds, tally.power, tally.power_twice, tally.relaxed, tally.io_error, tally.no_space, tally.sync_error, tally.memory, tally.kills,
           tally.schedules, tally.switches, tally.interrupted, tally.clock, tally.flips, tally.flips_refused, tally.lies,
           tally.recovered, tally.verified);
}

static bool
wants(const char *part, const char *name)
{
    return part == NULL || strcmp(part, name) == 0;
}

int
main(int argc, char **argv)
{
    const char *env = getenv("TORTURE_SECONDS");
    double limit = argc > 1 ? atof(argv[1]) : env != NULL ? atof(env) : 0, start = seconds_now();
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 20240607;
    const char *part = argc > 3 ? argv[3] : NULL;
    for (uint64_t round = 0;; round++) {
        uint64_t seed = torture_seed = first + round;
        bool is_long = limit > 0;
        printf("seed %llu\n", (unsigned long long)torture_seed);
        fflush(stdout);
        if (wants(part, "faults")) faults_step(&seed, is_long ? 0 : 150);
        if (wants(part, "flips")) flips_step(&seed, is_long ? 200 : 60);
        if (wants(part, "lies")) lies_step(&seed, is_long ? 20 : 10);
        if (wants(part, "memory") && round % 16 == 0) memory_step(&seed, is_long);
        if (wants(part, "kill")) kill_step(&seed, is_long ? 5 : 2);
        if (wants(part, "system")) system_step(&seed);
        if (wants(part, "schedule")) schedule_step(&seed, is_long ? 20 : 5);
        if (is_long ? seconds_now() - start > limit : round == 2) break;
    }
    show_tally(seconds_now() - start);
    return 0;
}
