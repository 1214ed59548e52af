/* status.h - the result of every fallible function, and the slot its error text waits in.
 *
 * A Status is an error code (errcodes.def). RAISE fills the context's slot once, where the fault is
 * found; the first error wins, so that clean-up after a failure cannot hide its cause. Callers
 * hand the code up with TRY or TRY_GOTO and never write a second message.
 *
 * The slot owns its texts (malloc). When memory is out it falls back to static text, so raising
 * an error never fails.
 */
#ifndef COMMON_STATUS_H
#define COMMON_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__clang__)
#define QN_NODISCARD __attribute__((warn_unused_result))
#else
#define QN_NODISCARD
#endif

typedef struct Ctx Ctx;

/* Error values start at 1000, so that none reads as QUERN_ROW or QUERN_DONE. */
typedef enum QN_NODISCARD Status {
    QN_OK = 0,
    STATUS_FIRST_ERROR = 999,
#define ERR(sym, state, name) ERR_##sym,
#include "common/errcodes.def"
#undef ERR
    STATUS_COUNT
} Status;

typedef struct Err {
    Status code;      /* QN_OK: the slot is empty */
    int position;     /* byte offset in the statement plus 1, 0 if unknown */
    const char *file; /* where it was raised, for the developer */
    int line;
    char *message; /* owned by the slot, or static; never NULL while code is set */
    char *detail;  /* NULL if none */
    char *hint;    /* NULL if none */
    char *context; /* NULL if none; lines joined by \n */
} Err;

const char *status_sqlstate(Status st); /* "00000" for QN_OK */
const char *status_condition(Status st);
/* The code of a five-character SQLSTATE, QN_OK if it is not in the table. */
Status status_from_sqlstate(const char *sqlstate);

/* Fills ctx's slot unless it is taken; returns st, or the code that was there first. */
Status err_raise(Ctx *ctx, const char *file, int line, Status st, const char *fmt, ...)
    __attribute__((format(printf, 5, 6), cold));
/* 53200 with static text; cannot fail. */
Status err_oom(Ctx *ctx, const char *file, int line) __attribute__((cold));
/* Additions to the error just raised; without effect on an empty slot. Return the slot's code, so
 * that `return err_position(ctx, RAISE(...), pos)` reads well. position: byte offset + 1; set only if
 * none is there yet. */
Status err_position(Ctx *ctx, Status st, int position);
Status err_detail(Ctx *ctx, Status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
Status err_hint(Ctx *ctx, Status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
Status err_context(Ctx *ctx, Status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
void err_clear(Err *err);               /* frees the texts; safe on an empty slot */
void err_move(Err *to, Err *from);      /* to is cleared first; from is left empty */

#define RAISE(ctx, st, ...) err_raise((ctx), __FILE__, __LINE__, (st), __VA_ARGS__)
#define RAISE_OOM(ctx) err_oom((ctx), __FILE__, __LINE__)
/* An invariant of ours was broken in a way that can be survived: XX000. */
#define RAISE_INTERNAL(ctx, ...) err_raise((ctx), __FILE__, __LINE__, ERR_INTERNAL_ERROR, __VA_ARGS__)

/* Propagate: only in a function that holds nothing but arena memory. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        Status try_ = (expr);                                                                      \
        if (__builtin_expect(try_ != QN_OK, 0)) return try_;                                       \
    } while (0)

/* Propagate through the single exit `done:` of a function that holds pins, latches, files or heap
 * blocks; needs a local `Status st`. */
#define TRY_GOTO(expr)                                                                             \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (__builtin_expect(st != QN_OK, 0)) goto done;                                           \
    } while (0)

/* p = allocation; NULL becomes 53200 at once. */
#define TRY_ALLOC(ctx, p, expr)                                                                    \
    do {                                                                                           \
        (p) = (expr);                                                                              \
        if (__builtin_expect((p) == NULL, 0)) return RAISE_OOM(ctx);                               \
    } while (0)
#define TRY_ALLOC_GOTO(ctx, p, expr)                                                               \
    do {                                                                                           \
        (p) = (expr);                                                                              \
        if (__builtin_expect((p) == NULL, 0)) {                                                    \
            st = RAISE_OOM(ctx);                                                                   \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

#endif
