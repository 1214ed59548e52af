/* arena.c - see arena.h. Blocks, their header included, double from 1 KiB to 256 KiB; a larger request gets its own block. */
#include "common/arena.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ARENA_CHECKED
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
enum { RED_ZONE = 16, SPARE_MAX = 0 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0, SPARE_MAX = 256 * 1024 };
#endif

enum {
    BLOCK_MIN_SHIFT = 10,
    BLOCK_MIN = 1 << BLOCK_MIN_SHIFT,
    BLOCK_MAX = 256 * 1024,
    SPARE_CLASSES = 7, /* kept are blocks of 1 to 64 KiB */
};

typedef struct Block {
    struct Block *next; /* older */
    size_t nbytes;      /* the whole block */
    char data[];
} Block;

static_assert(sizeof(Block) % ARENA_ALIGN == 0, "block data is aligned");

/* Of the root: blocks of the tree that wait for another use. They are charged to no account. */
typedef struct Spare {
    Block *blocks[SPARE_CLASSES];
    size_t nbytes;
} Spare;

struct Arena {
    ArenaHot hot;
    Block *blocks; /* newest first; allocation happens there */
    size_t nbytes;
    const char *name;
    MemAccount *account;
    Arena *root;
    Spare *spare; /* of the root; NULL until something was given back */
    Arena *parent, *first_child, *next_sibling, *prev_sibling;
};

static _Atomic int64_t fail_countdown = -1;
static _Atomic bool fail_sticky;
static _Atomic bool has_failed;
static _Atomic int64_t live_blocks;
static _Atomic bool is_tight;

void
mem_fail_after(int64_t n, bool sticky)
{
    atomic_store(&fail_sticky, sticky);
    atomic_store(&has_failed, false);
    atomic_store(&fail_countdown, n);
}

void
mem_fail_tightly(bool on)
{
    atomic_store(&is_tight, on);
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
    a->root = parent != NULL ? parent->root : a;
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

/* The list that blocks of this size wait in, -1: none does. */
static int
spare_class(size_t nbytes)
{
    int shift = __builtin_ctzl(nbytes);
    bool is_one = nbytes == (size_t)1 << shift && shift >= BLOCK_MIN_SHIFT && shift < BLOCK_MIN_SHIFT + SPARE_CLASSES;
    return is_one ? shift - BLOCK_MIN_SHIFT : -1;
}

static bool
keep_spare(Arena *root, Block *b)
{
    int class = spare_class(b->nbytes);
    if (SPARE_MAX == 0 || class < 0) return false;
    if (root->spare == NULL && (root->spare = calloc(1, sizeof(Spare))) == NULL) return false;
    if (root->spare->nbytes + b->nbytes > SPARE_MAX) return false;
    root->spare->nbytes += b->nbytes;
    b->next = root->spare->blocks[class];
    root->spare->blocks[class] = b;
    return true;
}

static Block *
take_spare(Arena *root, size_t nbytes)
{
    int class = spare_class(nbytes);
    if (root->spare == NULL || class < 0 || root->spare->blocks[class] == NULL) return NULL;
    Block *b = root->spare->blocks[class];
    root->spare->blocks[class] = b->next;
    root->spare->nbytes -= nbytes;
    return b;
}

static void
free_spare(Arena *root)
{
    for (int i = 0; root->spare != NULL && i < SPARE_CLASSES; i++)
        for (Block *b = root->spare->blocks[i], *next; b != NULL; b = next) {
            next = b->next;
            mem_free(NULL, b, 0);
        }
    free(root->spare);
}

static void
free_block(Arena *a, Block *b)
{
    size_t nbytes = b->nbytes;
    UNPOISON(b->data, nbytes - sizeof(Block));
#ifndef NDEBUG
    memset(b->data, 0x7F, nbytes < 4096 ? nbytes - sizeof(Block) : 4096 - sizeof(Block));
#endif
    a->nbytes -= nbytes;
    if (keep_spare(a->root, b)) mem_release(a->account, nbytes);
    else mem_free(a->account, b, nbytes);
}

static void
destroy_children(Arena *a)
{
    /* Iterative over siblings, recursive over depth: arena trees are a handful of levels deep. */
    while (a->first_child != NULL) arena_destroy(a->first_child);
}

/* Allocation goes on in the newest block, which is empty. */
static void
start_block(Arena *a)
{
    a->hot.at = a->blocks->data;
    a->hot.room = a->blocks->nbytes - sizeof(Block);
    POISON(a->hot.at, a->hot.room);
}

void
arena_reset(Arena *a)
{
    if (a->first_child == NULL && (a->blocks == NULL || (a->blocks->next == NULL && a->hot.at == a->blocks->data)))
        return; /* as it was */
    destroy_children(a);
    bool keeps_one = !atomic_load_explicit(&is_tight, memory_order_relaxed);
    while (a->blocks != NULL && (a->blocks->next != NULL || !keeps_one)) {
        Block *b = a->blocks;
        a->blocks = b->next;
        free_block(a, b);
    }
    a->hot = (ArenaHot){0};
    if (a->blocks == NULL) return;
#ifndef NDEBUG
    UNPOISON(a->blocks->data, a->blocks->nbytes - sizeof(Block));
    memset(a->blocks->data, 0x7F, a->blocks->nbytes - sizeof(Block));
#endif
    start_block(a);
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
    free_spare(a);
    if (a->parent != NULL && a->parent->first_child == a) a->parent->first_child = a->next_sibling;
    if (a->prev_sibling != NULL) a->prev_sibling->next_sibling = a->next_sibling;
    if (a->next_sibling != NULL) a->next_sibling->prev_sibling = a->prev_sibling;
    mem_free(NULL, a, sizeof(*a));
}

static size_t
block_bytes(const Arena *a, size_t need)
{
    size_t nbytes = a->blocks != NULL ? a->blocks->nbytes * 2 : BLOCK_MIN;
    if (atomic_load_explicit(&is_tight, memory_order_relaxed)) return need + sizeof(Block);
    if (nbytes > BLOCK_MAX) nbytes = BLOCK_MAX;
    while (nbytes < need + sizeof(Block) && nbytes < BLOCK_MAX) nbytes *= 2;
    return nbytes < need + sizeof(Block) ? need + sizeof(Block) : nbytes;
}

static bool
add_block(Arena *a, size_t need)
{
    size_t nbytes = block_bytes(a, need);
    Block *b = take_spare(a->root, nbytes);
    if (b != NULL && (mem_should_fail() || !mem_charge(a->account, nbytes))) {
        (void)keep_spare(a->root, b);
        return false;
    }
    if (b == NULL) b = mem_alloc(a->account, nbytes);
    if (b == NULL) return false;
    b->nbytes = nbytes;
    b->next = a->blocks;
    a->blocks = b;
    a->nbytes += nbytes;
    start_block(a);
    return true;
}

void *
arena_alloc_slow(Arena *a, size_t nbytes)
{
    if (nbytes > SIZE_MAX / 2) return NULL;
    size_t need = ((nbytes != 0 ? nbytes : 1) + RED_ZONE + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (a->hot.room < need && !add_block(a, need)) return NULL;
    void *p = a->hot.at;
    a->hot.at += need;
    a->hot.room -= need;
    UNPOISON(p, nbytes);
    return p;
}

void *
arena_realloc(Arena *a, void *old, size_t old_nbytes, size_t new_nbytes)
{
    if (old == NULL) return arena_alloc(a, new_nbytes);
    if (new_nbytes <= old_nbytes) return old;
    size_t old_need = ((old_nbytes != 0 ? old_nbytes : 1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    size_t new_need = (new_nbytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (RED_ZONE == 0 && (char *)old + old_need == a->hot.at && new_need - old_need <= a->hot.room) {
        a->hot.at += new_need - old_need;
        a->hot.room -= new_need - old_need;
        return old;
    }
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
            if ((const char *)p >= b->data && (const char *)p < (const char *)b + b->nbytes) return true;
    return false;
}
