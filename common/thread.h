/* thread.h - mutexes, reader-writer latches, conditions, threads, and waiting on a word.
 *
 * One concept: everything here is for short waits inside the engine. Waits a user can notice (locks,
 * row conflicts) go through storage/lock.c, which polls for interrupts.
 *
 * Mutex, RwLatch and Cond are thin covers over pthreads: they cannot fail once initialised, and their
 * zero value (MUTEX_INIT etc.) is ready for use. thread_create is the one call that may fail (53200).
 *
 * Optimistic reads: code that reads shared bytes and validates a version afterwards is a data race by
 * the letter of C11. Under ThreadSanitizer such reads compile to a shared latch; OPTIMISTIC_READS is
 * the switch, and the only place where code may differ between the builds.
 */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include "common/ctx.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define OPTIMISTIC_READS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OPTIMISTIC_READS 0
#endif
#endif
#ifndef OPTIMISTIC_READS
#define OPTIMISTIC_READS 1
#endif

typedef struct Mutex { pthread_mutex_t m; } Mutex;
typedef struct RwLatch { pthread_rwlock_t l; } RwLatch;
typedef struct Cond { pthread_cond_t c; } Cond; /* timed waits use CLOCK_MONOTONIC */

#define MUTEX_INIT {PTHREAD_MUTEX_INITIALIZER}
#define RWLATCH_INIT {PTHREAD_RWLOCK_INITIALIZER}

static inline void mutex_init(Mutex *m) { pthread_mutex_init(&m->m, NULL); }
static inline void mutex_destroy(Mutex *m) { pthread_mutex_destroy(&m->m); }
static inline void mutex_lock(Mutex *m) { pthread_mutex_lock(&m->m); }
static inline bool mutex_try(Mutex *m) { return pthread_mutex_trylock(&m->m) == 0; }
static inline void mutex_unlock(Mutex *m) { pthread_mutex_unlock(&m->m); }

static inline void rwlatch_init(RwLatch *l) { pthread_rwlock_init(&l->l, NULL); }
static inline void rwlatch_destroy(RwLatch *l) { pthread_rwlock_destroy(&l->l); }
static inline void rwlatch_shared(RwLatch *l) { pthread_rwlock_rdlock(&l->l); }
static inline void rwlatch_exclusive(RwLatch *l) { pthread_rwlock_wrlock(&l->l); }
static inline void rwlatch_unlock(RwLatch *l) { pthread_rwlock_unlock(&l->l); }

void cond_init(Cond *c);
static inline void cond_destroy(Cond *c) { pthread_cond_destroy(&c->c); }
static inline void cond_wait(Cond *c, Mutex *m) { pthread_cond_wait(&c->c, &m->m); }
/* False when deadline_us (ctx_now_us time) passed without a signal. Spurious returns are possible. */
bool cond_wait_until(Cond *c, Mutex *m, int64_t deadline_us);
static inline void cond_signal(Cond *c) { pthread_cond_signal(&c->c); }
static inline void cond_broadcast(Cond *c) { pthread_cond_broadcast(&c->c); }

/* How many forks lie between the first process and this one: what another number opened is another process's. Cheap, unlike
 * getpid(), which is a system call. */
uint32_t process_generation(void);

/* Sleeps while *word == expected, until thread_wake_word or a few milliseconds have passed: callers
 * loop. The word is 32 bits and naturally aligned. */
void thread_wait_word(_Atomic uint32_t *word, uint32_t expected);
void thread_wake_word(_Atomic uint32_t *word); /* everyone who waits on it */

static inline void
thread_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef struct Thread Thread;

/* Starts fn(arg) with all signals blocked, named for debuggers (15 bytes). 53200 if the system has no
 * thread to give. thread_join waits for its end and frees the handle; NULL is fine. */
Status thread_create(Ctx *ctx, const char *name, void (*fn)(void *arg), void *arg, Thread **out);
void thread_join(Thread *t);
int thread_cpu_count(void); /* processors this process may use, at least 1 */

#endif
