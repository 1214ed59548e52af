/* uuidfn.c - kernels of uuid, and the small functions about any value. */
#include "types/kernel.h"
#include <errno.h>
#include <sys/random.h>

static inline int
compare(Uuid x, Uuid y)
{
    int c = memcmp(x.bytes, y.bytes, sizeof(x.bytes));
    return (c > 0) - (c < 0);
}
COMPARE_KERNEL(uuid_eq, Uuid, Uuid, compare(x, y) == 0)
COMPARE_KERNEL(uuid_ne, Uuid, Uuid, compare(x, y) != 0)
COMPARE_KERNEL(uuid_lt, Uuid, Uuid, compare(x, y) < 0)
COMPARE_KERNEL(uuid_le, Uuid, Uuid, compare(x, y) <= 0)
COMPARE_KERNEL(uuid_gt, Uuid, Uuid, compare(x, y) > 0)
COMPARE_KERNEL(uuid_ge, Uuid, Uuid, compare(x, y) >= 0)
BINARY_KERNEL(uuid_cmp, Uuid, Uuid, int32_t, compare(x, y))

static Status
random_bytes(Ctx *ctx, void *p, size_t nbytes)
{
    char *q = p;
    while (nbytes > 0) {
        ssize_t n = getrandom(q, nbytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return RAISE(ctx, ERR_INTERNAL_ERROR, "could not generate random values");
        q += n;
        nbytes -= (size_t)n;
    }
    return QN_OK;
}

/* Version 4: random but for version and variant. One system call a batch. */
Status
fn_gen_random_uuid(KernelCall *call)
{
    Uuid *rows;
    int k = 0;
    if (call->n == 0) return QN_OK;
    TRY_ALLOC(call->ctx, rows, ARENA_ARRAY(call->arena, Uuid, call->n));
    TRY(random_bytes(call->ctx, rows, sizeof(Uuid) * (size_t)call->n));
    ROWS (call, i) {
        Uuid u = rows[k++];
        u.bytes[6] = (uint8_t)((u.bytes[6] & 0x0F) | 0x40);
        u.bytes[8] = (uint8_t)((u.bytes[8] & 0x3F) | 0x80);
        OUT(call, Uuid, i) = u;
    }
    return QN_OK;
}

Status
fn_pg_typeof(KernelCall *call)
{
    ROWS (call, i) OUT(call, uint32_t, i) = call->arg_types[0];
    return QN_OK;
}

static Status
count_nulls(KernelCall *call, bool null)
{
    ROWS (call, i) {
        int32_t n = 0;
        for (int a = 0; a < call->nargs; a++) n += vec_is_null(call->args[a], i) == null;
        OUT(call, int32_t, i) = n;
    }
    return QN_OK;
}

Status fn_pg_num_nulls(KernelCall *call) { return count_nulls(call, true); }
Status fn_pg_num_nonnulls(KernelCall *call) { return count_nulls(call, false); }
