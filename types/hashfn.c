/* hashfn.c - hashtext and its like: PostgreSQL's numbers (hash_pg.h), which people shard and lock by. */
#include "types/hash_pg.h"
#include "types/kernel.h"

/* The low half of the hash without a seed is the short form. */
static Status
hash_short(KernelCall *call)
{
    ROWS(call, i)
    {
        Value v = vec_get(call->args[0], arg_at(call->args[0], i));
        uint64_t h = 0;
        v.type = call->fn->args[0];
        hash_pg_value(&v, 0, &h);
        OUT(call, int32_t, i) = (int32_t)(uint32_t)h;
    }
    return QN_OK;
}

static Status
hash_extended(KernelCall *call)
{
    ROWS(call, i)
    {
        Value v = vec_get(call->args[0], arg_at(call->args[0], i));
        uint64_t h = 0;
        v.type = call->fn->args[0];
        hash_pg_value(&v, (uint64_t)ARG(call, 1, int64_t, i), &h);
        OUT(call, int64_t, i) = (int64_t)h;
    }
    return QN_OK;
}

#define HASH_KERNELS(NAME)                                                                         \
    Status fn_##NAME(KernelCall *call) { return hash_short(call); }                                \
    Status fn_##NAME##extended(KernelCall *call) { return hash_extended(call); }
HASH_KERNELS(hashtext)
HASH_KERNELS(hashname)
HASH_KERNELS(hashbpchar)
HASH_KERNELS(hashint2)
HASH_KERNELS(hashint4)
HASH_KERNELS(hashint8)
HASH_KERNELS(hashfloat4)
HASH_KERNELS(hashfloat8)
HASH_KERNELS(hashoid)
