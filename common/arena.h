/* arena.h - memory that is given back all at once.
 *
 * Arenas form a tree; destroying one destroys its children. A pointer may point to the same arena or
 * to an ancestor's, never down. An arena is used by one thread at a time.
 *
 * Every block is counted against the arena's MemAccount, which sums up to its parent account: one a
 * query, one an instance. Past a limit allocation returns NULL, which the caller turns into 53200.
 * Machinery that grows without bound (hash tables, runs) takes its blocks with mem_alloc and the same
 * account, and spills instead.
 *
 * Allocations are aligned to 16 bytes and not cleared (arena_zalloc clears).
 *
 * Blocks that arenas of a tree give back are kept with its root, up to a bound, for the next arena of the tree: a
 * statement after the first asks the system for nothing.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Under AddressSanitizer allocations lie apart, and blocks that were given back are not used again. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_CHECKED 1
#endif
#endif

typedef struct Arena Arena;

/* The hot part of Arena, its first member: what is free in the newest block. */
typedef struct ArenaHot {
    char *at;
    size_t room;
} ArenaHot;
enum { ARENA_ALIGN = 16 };

typedef struct MemAccount {
    _Atomic size_t used;
    _Atomic size_t peak;
    size_t limit;              /* 0: none */
    struct MemAccount *parent; /* charged too; NULL at the root */
} MemAccount;

/* parent may be NULL; the account is the parent's, or the one given to arena_create_account. name is a
 * literal and is not copied. NULL when memory is out. */
Arena *arena_create(Arena *parent, const char *name);
Arena *arena_create_account(Arena *parent, const char *name, MemAccount *account);
void arena_destroy(Arena *a); /* NULL is fine */
void arena_reset(Arena *a);   /* frees all allocations and children; keeps the first block */
void *arena_alloc_slow(Arena *a, size_t nbytes);
static inline void *
arena_alloc(Arena *a, size_t nbytes)
{
#ifndef ARENA_CHECKED
    ArenaHot *hot = (ArenaHot *)(void *)a;
    size_t need = (nbytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (__builtin_expect(need - 1 < hot->room, 1)) { /* not for 0, and not for what wraps around to it */
        void *p = hot->at;
        hot->at += need;
        hot->room -= need;
        return p;
    }
#endif
    return arena_alloc_slow(a, nbytes);
}
static inline void *
arena_zalloc(Arena *a, size_t nbytes)
{
    void *p = arena_alloc(a, nbytes);
    return p != NULL ? memset(p, 0, nbytes) : NULL;
}
/* Enlarges an allocation of this arena; extends in place when it was the last one. */
void *arena_realloc(Arena *a, void *old, size_t old_nbytes, size_t new_nbytes);
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t nbytes); /* adds the NUL */
void *arena_memdup(Arena *a, const void *p, size_t nbytes);
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t arena_bytes(const Arena *a); /* taken from the system, children not included */
bool arena_owns(const Arena *a, const void *p); /* in this arena or an ancestor; slow, for asserts */

#define ARENA_NEW(a, T) ((T *)arena_zalloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n) ((T *)arena_zalloc((a), sizeof(T) * (size_t)(n)))

/* Heap blocks that are counted. mem_free takes the size it was allocated with; NULL is fine. */
void *mem_alloc(MemAccount *acc, size_t nbytes);
void *mem_zalloc(MemAccount *acc, size_t nbytes);
void *mem_realloc(MemAccount *acc, void *old, size_t old_nbytes, size_t new_nbytes);
void mem_free(MemAccount *acc, void *p, size_t nbytes);
bool mem_charge(MemAccount *acc, size_t nbytes); /* false: over a limit, nothing charged */
void mem_release(MemAccount *acc, size_t nbytes);

/* For tests: the n-th allocation from now (0: the next one) fails; sticky: and all later ones.
 * -1 switches it off. Process-wide. */
void mem_fail_after(int64_t n, bool sticky);
/* For tests: each allocation from an arena takes a block of its size from the system, so that it is one of those that fail. */
void mem_fail_tightly(bool on);
bool mem_has_failed(void);        /* since then one has */
bool mem_should_fail(void);       /* asked by every allocation site */
int64_t mem_live_blocks(void);    /* blocks not yet given back: zero at the end of a clean test */

#endif
