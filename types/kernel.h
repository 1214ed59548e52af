/* kernel.h - the loops that kernels are made of. Private to the .c files of types/ (and vector/).
 *
 * A kernel's work is one expression a row; what costs is everything around it. The macros here
 * write that once: they split by shape (FLAT, CONST) outside the loop, so that with no selection
 * the loop body is loads, the expression and a store on arrays that do not overlap, which both
 * compilers turn into SIMD at -O3. With a selection the loop gathers by position and shapes cost
 * one AND with a mask.
 *
 *   UNARY_KERNEL(name, TA, TR, expr)        fn_name(call): r = expr of x; cannot fail
 *   BINARY_KERNEL(name, TA, TB, TR, expr)   the same of x and y
 *   UNARY_LOOP, BINARY_LOOP                 the loops alone, in kernels that check or raise: expr
 * may be a statement expression that ORs into a local, looked at afterwards COMPARE_KERNEL(name,
 * TA, TB, expr)      fn_name (a bool vector) and sel_name (a selection) ROWS(call, i) { ... } plain
 * iteration, for kernels where the row's work dominates
 *
 * In the loops, sel and n come from the call; rows outside sel are left as they are. A FLAT
 * argument without a selection may be read in every row 0..n-1, NULL rows included: what lies there
 * must not trap.
 */
#ifndef TYPES_KERNEL_H
#define TYPES_KERNEL_H

#include "types/function.h"
#include <assert.h>

/* Loops worth it are compiled for AVX2 too and the processor chooses when the library is loaded;
 * x86-64's baseline has no 64-bit comparison and no widening multiply. AVX2 brings no fused
 * multiply-add, so results are the same. Not in debug and sanitizer builds, whose run-time is not
 * up when the choice is made; not without glibc, which makes it; and not with clang before 18,
 * which names the function chosen by another symbol than its callers. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(NDEBUG) && !defined(KERNEL_NO_CLONES) &&  \
    (!defined(__clang__) || __clang_major__ >= 18)
#define KERNEL_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define KERNEL_CLONES
#endif

#define ROWS(call, i)                                                                              \
    for (int i##_k = 0, i = 0;                                                                     \
         i##_k < (call)->n && ((i = (call)->sel != NULL ? (call)->sel[i##_k] : i##_k), true);      \
         i##_k++)

/* Row i's value of argument a, whatever its shape (FLAT or CONST). */
#define ARG(call, a, T, i) (((const T *)(call)->args[a]->data)[arg_at((call)->args[a], (i))])
#define OUT(call, T, i) (((T *)(call)->out->data)[i])

static inline int
arg_at(const Vector *v, int row)
{
    return v->shape == VEC_CONST ? 0 : row;
}
static inline bool
arg_is_const(const KernelCall *call, int a)
{
    return call->args[a]->shape == VEC_CONST;
}
/* Marks row i of the result NULL, in kernels that are not strict or give NULL by themselves. */
static inline void
out_set_null(KernelCall *call, int row)
{
    vec_set_null(call->out, row);
    if (call->out->phys == PHYS_STR) memset((Str *)call->out->data + row, 0, sizeof(Str));
}
/* Gives a numeric result its form and scale; which rows are NULL stays as it is. */
static inline void
out_set_form(KernelCall *call, Phys phys, int scale)
{
    call->out->phys = (uint8_t)phys;
    call->out->scale = (int16_t)scale;
}

#define UNARY_LOOP(call, TA, TR, EXPR)                                                             \
    do {                                                                                           \
        const TA *restrict a_ = (call)->args[0]->data;                                             \
        TR *restrict r_ = (call)->out->data;                                                       \
        const uint16_t *restrict sel_ = (call)->sel;                                               \
        const int n_ = (call)->n;                                                                  \
        if (sel_ != NULL || (call)->args[0]->shape == VEC_CONST) {                                 \
            const int ma_ = (call)->args[0]->shape == VEC_CONST ? 0 : -1;                          \
            for (int k_ = 0; k_ < n_; k_++) {                                                      \
                const int i_ = sel_ != NULL ? sel_[k_] : k_;                                       \
                const TA x = a_[i_ & ma_];                                                         \
                r_[i_] = (TR)(EXPR);                                                               \
            }                                                                                      \
        } else {                                                                                   \
            for (int i_ = 0; i_ < n_; i_++) {                                                      \
                const TA x = a_[i_];                                                               \
                r_[i_] = (TR)(EXPR);                                                               \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#define BINARY_LOOP(call, TA, TB, TR, EXPR)                                                        \
    do {                                                                                           \
        const TA *restrict a_ = (call)->args[0]->data;                                             \
        const TB *restrict b_ = (call)->args[1]->data;                                             \
        TR *restrict r_ = (call)->out->data;                                                       \
        const uint16_t *restrict sel_ = (call)->sel;                                               \
        const int n_ = (call)->n;                                                                  \
        const bool ca_ = (call)->args[0]->shape == VEC_CONST;                                      \
        const bool cb_ = (call)->args[1]->shape == VEC_CONST;                                      \
        if (sel_ != NULL || (ca_ && cb_)) {                                                        \
            const int ma_ = ca_ ? 0 : -1, mb_ = cb_ ? 0 : -1;                                      \
            for (int k_ = 0; k_ < n_; k_++) {                                                      \
                const int i_ = sel_ != NULL ? sel_[k_] : k_;                                       \
                const TA x = a_[i_ & ma_];                                                         \
                const TB y = b_[i_ & mb_];                                                         \
                r_[i_] = (TR)(EXPR);                                                               \
            }                                                                                      \
        } else if (ca_) {                                                                          \
            const TA x = a_[0];                                                                    \
            for (int i_ = 0; i_ < n_; i_++) {                                                      \
                const TB y = b_[i_];                                                               \
                r_[i_] = (TR)(EXPR);                                                               \
            }                                                                                      \
        } else if (cb_) {                                                                          \
            const TB y = b_[0];                                                                    \
            for (int i_ = 0; i_ < n_; i_++) {                                                      \
                const TA x = a_[i_];                                                               \
                r_[i_] = (TR)(EXPR);                                                               \
            }                                                                                      \
        } else {                                                                                   \
            for (int i_ = 0; i_ < n_; i_++) {                                                      \
                const TA x = a_[i_];                                                               \
                const TB y = b_[i_];                                                               \
                r_[i_] = (TR)(EXPR);                                                               \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#define UNARY_KERNEL(NAME, TA, TR, EXPR)                                                           \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        UNARY_LOOP(call, TA, TR, EXPR);                                                            \
        return QN_OK;                                                                              \
    }

#define BINARY_KERNEL(NAME, TA, TB, TR, EXPR)                                                      \
    KERNEL_CLONES Status fn_##NAME(KernelCall *call)                                               \
    {                                                                                              \
        BINARY_LOOP(call, TA, TB, TR, EXPR);                                                       \
        return QN_OK;                                                                              \
    }

/* The positions of the rows that satisfy EXPR of x and y, without a branch a row. Without a
 * selection the outcomes are computed as bytes, in a SIMD loop, and sel_compress makes positions of
 * them, eight at a time; with one, every position is stored and the end moves by the outcome. Rows
 * with a NULL never pass. out may be sel itself. */
#define SEL_KERNEL(NAME, TA, TB, EXPR)                                                             \
    KERNEL_CLONES int sel_##NAME(const Vector *a, const Vector *b, const uint16_t *sel, int n,     \
                                 uint16_t *out)                                                    \
    {                                                                                              \
        const TA *a_ = a->data;                                                                    \
        const TB *b_ = b->data;                                                                    \
        const bool ca_ = a->shape == VEC_CONST, cb_ = b->shape == VEC_CONST;                       \
        if ((ca_ && vec_is_null(a, 0)) || (cb_ && vec_is_null(b, 0))) return 0;                    \
        const uint64_t *va_ = ca_ ? NULL : a->valid, *vb_ = cb_ ? NULL : b->valid;                 \
        if (sel == NULL && n <= BATCH_ROWS && !(ca_ && cb_)) {                                     \
            uint8_t pass_[BATCH_ROWS];                                                             \
            if (cb_) {                                                                             \
                const TB y = b_[0];                                                                \
                for (int i_ = 0; i_ < n; i_++) {                                                   \
                    const TA x = a_[i_];                                                           \
                    pass_[i_] = (EXPR);                                                            \
                }                                                                                  \
            } else if (ca_) {                                                                      \
                const TA x = a_[0];                                                                \
                for (int i_ = 0; i_ < n; i_++) {                                                   \
                    const TB y = b_[i_];                                                           \
                    pass_[i_] = (EXPR);                                                            \
                }                                                                                  \
            } else {                                                                               \
                for (int i_ = 0; i_ < n; i_++) {                                                   \
                    const TA x = a_[i_];                                                           \
                    const TB y = b_[i_];                                                           \
                    pass_[i_] = (EXPR);                                                            \
                }                                                                                  \
            }                                                                                      \
            return sel_compress(pass_, va_, vb_, n, out);                                          \
        }                                                                                          \
        const int ma_ = ca_ ? 0 : -1, mb_ = cb_ ? 0 : -1;                                          \
        int m_ = 0;                                                                                \
        if (sel != NULL && cb_ && va_ == NULL) {                                                   \
            const TB y = b_[0];                                                                    \
            for (int k_ = 0; k_ < n; k_++) {                                                       \
                const uint16_t i_ = sel[k_];                                                       \
                const TA x = a_[i_ & ma_];                                                         \
                out[m_] = i_;                                                                      \
                m_ += (EXPR);                                                                      \
            }                                                                                      \
            return m_;                                                                             \
        }                                                                                          \
        for (int k_ = 0; k_ < n; k_++) {                                                           \
            const int i_ = sel != NULL ? sel[k_] : k_;                                             \
            const TA x = a_[i_ & ma_];                                                             \
            const TB y = b_[i_ & mb_];                                                             \
            bool ok_ = (EXPR);                                                                     \
            if (va_ != NULL) ok_ &= bits_get(va_, (size_t)i_);                                     \
            if (vb_ != NULL) ok_ &= bits_get(vb_, (size_t)i_);                                     \
            out[m_] = (uint16_t)i_;                                                                \
            m_ += ok_;                                                                             \
        }                                                                                          \
        return m_;                                                                                 \
    }

/* Positions i of 0..n-1 with pass[i] 1 (else 0) and valid in both bitmaps (NULL: all are),
 * ascending. */
int sel_compress(const uint8_t *pass, const uint64_t *valid_a, const uint64_t *valid_b, int n,
                 uint16_t *out);

#define COMPARE_KERNEL(NAME, TA, TB, EXPR)                                                         \
    BINARY_KERNEL(NAME, TA, TB, uint8_t, EXPR)                                                     \
    SEL_KERNEL(NAME, TA, TB, EXPR)

/* A type's six comparisons by C's operators; TC is the type both sides are compared in. */
#define COMPARE_SIX(PREFIX, TA, TB, TC)                                                            \
    COMPARE_KERNEL(PREFIX##eq, TA, TB, (TC)x == (TC)y)                                             \
    COMPARE_KERNEL(PREFIX##ne, TA, TB, (TC)x != (TC)y)                                             \
    COMPARE_KERNEL(PREFIX##lt, TA, TB, (TC)x < (TC)y)                                              \
    COMPARE_KERNEL(PREFIX##le, TA, TB, (TC)x <= (TC)y)                                             \
    COMPARE_KERNEL(PREFIX##gt, TA, TB, (TC)x > (TC)y)                                              \
    COMPARE_KERNEL(PREFIX##ge, TA, TB, (TC)x >= (TC)y)

/* Calls the function's kernel row by row with the elements of the last argument, an array, as arguments. */
Status fn_call_variadic(KernelCall *call);

/* The six comparisons and the three-way one from an int expression CMP of x and y, where the row's work dominates. */
#define ORDER_KERNELS(PREFIX, T, CMP)                                                              \
    BINARY_KERNEL(PREFIX##eq, T, T, uint8_t, (CMP) == 0)                                           \
    BINARY_KERNEL(PREFIX##ne, T, T, uint8_t, (CMP) != 0)                                           \
    BINARY_KERNEL(PREFIX##lt, T, T, uint8_t, (CMP) < 0)                                            \
    BINARY_KERNEL(PREFIX##le, T, T, uint8_t, (CMP) <= 0)                                           \
    BINARY_KERNEL(PREFIX##gt, T, T, uint8_t, (CMP) > 0)                                            \
    BINARY_KERNEL(PREFIX##ge, T, T, uint8_t, (CMP) >= 0)                                           \
    BINARY_KERNEL(PREFIX##cmp, T, T, int32_t, CMP)

/* Declares what the .def tables refer to. */
#define FUNC_DECLARE(src) Status fn_##src(KernelCall *call);
#define SEL_DECLARE(name)                                                                          \
    int sel_##name(const Vector *a, const Vector *b, const uint16_t *sel, int n, uint16_t *out);

#endif
