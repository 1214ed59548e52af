/* recordfn.c - kernels that compare rows. */
#include "types/kernel.h"
#include "types/record.h"

/* Rows of different shape have no order; PostgreSQL names the first column that differs. */
static Status
check_columns(Ctx *ctx, const Str *a, const Str *b)
{
    int n = record_count(a);
    if (n != record_count(b))
        return RAISE(ctx, ERR_DATATYPE_MISMATCH, "cannot compare record types with different numbers of columns");
    for (int i = 0; i < n; i++) {
        const TypeInfo *x = type_info(record_field(a, i).type), *y = type_info(record_field(b, i).type);
        if (x != y)
            return RAISE(ctx, ERR_DATATYPE_MISMATCH,
                         "cannot compare dissimilar column types %s and %s at record column %d",
                         x != NULL ? x->sql_name : "???", y != NULL ? y->sql_name : "???", i + 1);
    }
    return QN_OK;
}

static Status
check_shape(Ctx *ctx, const Str *a, const Str *b)
{
    TRY(check_columns(ctx, a, b));
    for (int i = 0; i < record_count(a); i++) {
        const TypeInfo *x = type_info(record_field(a, i).type);
        if (x != NULL && x->cmp == NULL)
            return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "could not identify a comparison function for type %s",
                         x->sql_name);
    }
    return QN_OK;
}

#define RECORD_COMPARE(NAME, T, EXPR)                                                              \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            const Str *a = &ARG(call, 0, Str, i), *b = &ARG(call, 1, Str, i);                      \
            TRY(check_shape(call->ctx, a, b));                                                     \
            int c = record_compare(a, b);                                                          \
            OUT(call, T, i) = (EXPR);                                                              \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
#define RECORD_IMAGE(NAME, T, EXPR)                                                                \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        ROWS (call, i) {                                                                           \
            const Str *a = &ARG(call, 0, Str, i), *b = &ARG(call, 1, Str, i);                      \
            TRY(check_columns(call->ctx, a, b));                                                   \
            int c = record_image_compare(a, b);                                                    \
            OUT(call, T, i) = (EXPR);                                                              \
        }                                                                                          \
        return QN_OK;                                                                              \
    }
RECORD_IMAGE(record_image_eq, uint8_t, c == 0)
RECORD_IMAGE(record_image_ne, uint8_t, c != 0)
RECORD_IMAGE(record_image_lt, uint8_t, c < 0)
RECORD_IMAGE(record_image_le, uint8_t, c <= 0)
RECORD_IMAGE(record_image_gt, uint8_t, c > 0)
RECORD_IMAGE(record_image_ge, uint8_t, c >= 0)
RECORD_IMAGE(btrecordimagecmp, int32_t, c)

RECORD_COMPARE(record_eq, uint8_t, c == 0)
RECORD_COMPARE(record_ne, uint8_t, c != 0)
RECORD_COMPARE(record_lt, uint8_t, c < 0)
RECORD_COMPARE(record_le, uint8_t, c <= 0)
RECORD_COMPARE(record_gt, uint8_t, c > 0)
RECORD_COMPARE(record_ge, uint8_t, c >= 0)
RECORD_COMPARE(btrecordcmp, int32_t, c)
