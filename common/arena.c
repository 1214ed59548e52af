/* arena.c - see arena.h. Blocks double from 1 KiB to 256 KiB; a larger request gets its own block. */
#include "common/arena.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define RED_ZONE 16
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define RED_ZONE 0
#endif

enum { ARENA_FIRST_BLOCK = 1024, ARENA_BLOCK_MAX = 256 * 1024, ARENA_ALIGN = 16 };

typedef struct Block {
    struct Block *next; /* older */
    size_t nbytes;      /* of data[] */
    size_t used;
    size_t pad;
    char data[];
} Block;

static_assert(sizeof(Block) % ARENA_ALIGN == 0, "block data is aligned");

struct Arena {
    Block *blocks; /* newest first; allocation happens there */
    size_t nbytes;
    const char *name;
    MemAccount *account;
    Arena *parent, *first_child, *next_sibling, *prev_sibling;
};

static _Atomic int64_t fail_countdown = -1;
static _Atomic bool fail_sticky;
static _Atomic bool has_failed;
static _Atomic int64_t live_blocks;

void
mem_fail_after(int64_t n, bool sticky)
{
    atomic_store(&fail_sticky, sticky);
    atomic_store(&has_failed, false);
    atomic_store(&fail_countdown, n);
}

bool
mem_has_failed(void)
{
    return atomic_load(&has_failed);
}

bool
mem_should_fail(void)
{
    int64_t n = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (__builtin_expect(n < 0, 1)) return false;
    n = atomic_fetch_sub(&fail_countdown, 1);
    if (n > 0) return false;
    if (atomic_load(&fail_sticky)) atomic_store(&fail_countdown, 0);
    atomic_store(&has_failed, true);
    return n == 0 || atomic_load(&fail_sticky);
}

int64_t
mem_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

bool
mem_charge(MemAccount *acc, size_t nbytes)
{
    for (MemAccount *a = acc; a != NULL; a = a->parent) {
        size_t now = atomic_fetch_add_explicit(&a->used, nbytes, memory_order_relaxed) + nbytes;
        if (a->limit != 0 && now > a->limit) {
            for (MemAccount *b = acc;; b = b->parent) {
                atomic_fetch_sub_explicit(&b->used, nbytes, memory_order_relaxed);
                if (b == a) break;
            }
            return false;
        }
        size_t peak = atomic_load_explicit(&a->peak, memory_order_relaxed);
        while (now > peak && !atomic_compare_exchange_weak_explicit(&a->peak, &peak, now,
                                                                    memory_order_relaxed,
                                                                    memory_order_relaxed)) {}
    }
    return true;
}

void
mem_release(MemAccount *acc, size_t nbytes)
{
    for (MemAccount *a = acc; a != NULL; a = a->parent)
        atomic_fetch_sub_explicit(&a->used, nbytes, memory_order_relaxed);
}

void *
mem_alloc(MemAccount *acc, size_t nbytes)
{
    if (mem_should_fail() || !mem_charge(acc, nbytes)) return NULL;
    void *p = malloc(nbytes != 0 ? nbytes : 1);
    if (p == NULL) {
        mem_release(acc, nbytes);
        return NULL;
    }
    atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    return p;
}

void *
mem_zalloc(MemAccount *acc, size_t nbytes)
{
    if (mem_should_fail() || !mem_charge(acc, nbytes)) return NULL;
    void *p = calloc(1, nbytes != 0 ? nbytes : 1); /* large ones come zeroed from the system */
    if (p == NULL) {
        mem_release(acc, nbytes);
        return NULL;
    }
    atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    return p;
}

void *
mem_realloc(MemAccount *acc, void *old, size_t old_nbytes, size_t new_nbytes)
{
    if (old == NULL) return mem_alloc(acc, new_nbytes);
    if (mem_should_fail()) return NULL;
    if (new_nbytes > old_nbytes && !mem_charge(acc, new_nbytes - old_nbytes)) return NULL;
    void *p = realloc(old, new_nbytes != 0 ? new_nbytes : 1);
    if (p == NULL) {
        if (new_nbytes > old_nbytes) mem_release(acc, new_nbytes - old_nbytes);
        return NULL;
    }
    if (new_nbytes < old_nbytes) mem_release(acc, old_nbytes - new_nbytes);
    return p;
}

void
mem_free(MemAccount *acc, void *p, size_t nbytes)
{
    if (p == NULL) return;
    free(p);
    mem_release(acc, nbytes);
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
}

Arena *
arena_create_account(Arena *parent, const char *name, MemAccount *account)
{
    Arena *a = mem_zalloc(NULL, sizeof(*a));
    if (a == NULL) return NULL;
    a->name = name;
    a->account = account;
    a->parent = parent;
    if (parent != NULL) {
        a->next_sibling = parent->first_child;
        if (parent->first_child != NULL) parent->first_child->prev_sibling = a;
        parent->first_child = a;
    }
    return a;
}

Arena *
arena_create(Arena *parent, const char *name)
{
    return arena_create_account(parent, name, parent != NULL ? parent->account : NULL);
}

static void
free_block(Arena *a, Block *b)
{
    size_t total = sizeof(Block) + b->nbytes;
    UNPOISON(b->data, b->nbytes);
#ifndef NDEBUG
    memset(b->data, 0x7F, b->nbytes < 4096 ? b->nbytes : 4096);
#endif
    a->nbytes -= total;
    mem_free(a->account, b, total);
}

static void
destroy_children(Arena *a)
{
    /* Iterative over siblings, recursive over depth: arena trees are a handful of levels deep. */
    while (a->first_child != NULL) arena_destroy(a->first_child);
}

void
arena_reset(Arena *a)
{
    destroy_children(a);
    while (a->blocks != NULL && a->blocks->next != NULL) {
        Block *b = a->blocks;
        a->blocks = b->next;
        free_block(a, b);
    }
    if (a->blocks != NULL) {
        UNPOISON(a->blocks->data, a->blocks->nbytes);
#ifndef NDEBUG
        memset(a->blocks->data, 0x7F, a->blocks->used);
#endif
        a->blocks->used = 0;
        POISON(a->blocks->data, a->blocks->nbytes);
    }
}

void
arena_destroy(Arena *a)
{
    if (a == NULL) return;
    destroy_children(a);
    while (a->blocks != NULL) {
        Block *b = a->blocks;
        a->blocks = b->next;
        free_block(a, b);
    }
    if (a->parent != NULL && a->parent->first_child == a) a->parent->first_child = a->next_sibling;
    if (a->prev_sibling != NULL) a->prev_sibling->next_sibling = a->next_sibling;
    if (a->next_sibling != NULL) a->next_sibling->prev_sibling = a->prev_sibling;
    mem_free(NULL, a, sizeof(*a));
}

static Block *
add_block(Arena *a, size_t need)
{
    size_t size = ARENA_FIRST_BLOCK - sizeof(Block);
    if (a->blocks != NULL) {
        size = (a->blocks->nbytes + sizeof(Block)) * 2 - sizeof(Block);
        if (size > ARENA_BLOCK_MAX) size = ARENA_BLOCK_MAX;
    }
    if (size < need) size = need;
    Block *b = mem_alloc(a->account, sizeof(Block) + size);
    if (b == NULL) return NULL;
    b->nbytes = size;
    b->used = 0;
    b->next = a->blocks;
    a->blocks = b;
    a->nbytes += sizeof(Block) + size;
    POISON(b->data, b->nbytes);
    return b;
}

void *
arena_alloc(Arena *a, size_t nbytes)
{
    if (nbytes > SIZE_MAX / 2) return NULL;
    size_t need = ((nbytes != 0 ? nbytes : 1) + RED_ZONE + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    Block *b = a->blocks;
    if (b == NULL || b->nbytes - b->used < need) {
        b = add_block(a, need);
        if (b == NULL) return NULL;
    }
    void *p = b->data + b->used;
    b->used += need;
    UNPOISON(p, nbytes);
    return p;
}

void *
arena_zalloc(Arena *a, size_t nbytes)
{
    void *p = arena_alloc(a, nbytes);
    if (p != NULL) memset(p, 0, nbytes);
    return p;
}

void *
arena_realloc(Arena *a, void *old, size_t old_nbytes, size_t new_nbytes)
{
    if (old == NULL) return arena_alloc(a, new_nbytes);
    if (new_nbytes <= old_nbytes) return old;
#if RED_ZONE == 0
    Block *b = a->blocks;
    size_t old_need = ((old_nbytes != 0 ? old_nbytes : 1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    size_t new_need = (new_nbytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (b != NULL && (char *)old + old_need == b->data + b->used &&
        (size_t)((char *)old - b->data) + new_need <= b->nbytes) {
        b->used += new_need - old_need;
        return old;
    }
#endif
    void *p = arena_alloc(a, new_nbytes);
    if (p != NULL) memcpy(p, old, old_nbytes);
    return p;
}

char *
arena_strndup(Arena *a, const char *s, size_t nbytes)
{
    char *p = arena_alloc(a, nbytes + 1);
    if (p == NULL) return NULL;
    memcpy(p, s, nbytes);
    p[nbytes] = '\0';
    return p;
}

char *
arena_strdup(Arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

void *
arena_memdup(Arena *a, const void *p, size_t nbytes)
{
    void *q = arena_alloc(a, nbytes);
    if (q != NULL && nbytes != 0) memcpy(q, p, nbytes);
    return q;
}

char *
arena_printf(Arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return NULL;
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p == NULL) return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

size_t
arena_bytes(const Arena *a)
{
    return a->nbytes;
}

bool
arena_owns(const Arena *a, const void *p)
{
    for (; a != NULL; a = a->parent)
        for (const Block *b = a->blocks; b != NULL; b = b->next)
            if ((const char *)p >= b->data && (const char *)p < b->data + b->used) return true;
    return false;
}
