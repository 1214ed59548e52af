/* sched.h - points at which a test decides who goes on.
 *
 * Code that must come out right however threads interleave (commit, checkpoint, reuse of the log, page splits, vacuum) passes sched_point
 * between the steps that matter. Nobody listens but tests/torture/schedule.c; without a listener a point is a load and a branch. No latch that others
 * spin on is held at a point; mutexes may be. */
#ifndef COMMON_SCHED_H
#define COMMON_SCHED_H

#include <stdatomic.h>
#include <stddef.h>

extern void (*_Atomic sched_listener)(const char *point); /* process-wide, for tests */

static inline void
sched_point(const char *point)
{
    void (*listener)(const char *point) = atomic_load_explicit(&sched_listener, memory_order_relaxed);
    if (__builtin_expect(listener != NULL, 0)) listener(point);
}

#endif
