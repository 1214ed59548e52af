/* partition_fn.c - SQL functions about partitions. */
#include "catalog/partition.h"
#include "storage/keycodec.h"
#include "types/kernel.h"

static void
put_text(KernelCall *call, int row, const char *text)
{
    if (text == NULL)
        out_set_null(call, row);
    else
        OUT(call, Str, row) = str_make(text, strlen(text));
}

Status
fn_pg_get_partkeydef(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        const char *text = NULL;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel != NULL && rel->partition_key != NULL) TRY(partition_key_sql(call->ctx, call->arena, rel, &text));
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_get_partition_constraintdef(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        const char *text = NULL;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel != NULL) TRY(partition_full_constraint_sql(call->ctx, call->arena, rel, &text));
        put_text(call, i, text);
    }
    return QN_OK;
}

Status
fn_pg_partition_root(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        TRY(catalog_relation_by_oid(call->ctx, (Oid)ARG(call, 0, int32_t, i), &rel));
        if (rel == NULL || (rel->partition_key == NULL && relation_bound(rel) == NULL)) {
            out_set_null(call, i);
            continue;
        }
        while (relation_bound(rel) != NULL) TRY(catalog_relation_by_oid(call->ctx, rel->parents[0]->parent_oid, &rel));
        OUT(call, int32_t, i) = (int32_t)rel->oid;
    }
    return QN_OK;
}

static Status
check_hash_arguments(KernelCall *call, int row, const Relation **out)
{
    Ctx *ctx = call->ctx;
    Oid oid = (Oid)ARG(call, 0, int32_t, row);
    int32_t modulus = ARG(call, 1, int32_t, row), remainder = ARG(call, 2, int32_t, row);
    TRY(catalog_relation_by_oid(ctx, oid, out));
    if (*out == NULL) return RAISE(ctx, ERR_UNDEFINED_TABLE, "could not open relation with OID %u", oid);
    const PartitionKey *k = (*out)->partition_key;
    if (k == NULL || k->strategy != PARTITION_HASH)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "\"%s\" is not a hash partitioned table", (*out)->name);
    if (modulus <= 0) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "modulus for hash partition must be an integer value greater than zero");
    if (remainder < 0)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "remainder for hash partition must be an integer value greater than or equal to zero");
    if (remainder >= modulus) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "remainder for hash partition must be less than modulus");
    if (call->nargs - 3 != k->nkeys)
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "number of partitioning columns (%d) does not match number of partition keys provided (%d)",
                     k->nkeys, call->nargs - 3);
    for (int i = 0; i < k->nkeys; i++) {
        if (call->arg_types[3 + i] == k->types[i]) continue;
        const char *have, *want;
        TRY(type_format(ctx, call->arena, k->types[i], -1, &want));
        TRY(type_format(ctx, call->arena, call->arg_types[3 + i], -1, &have));
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "column %d of the partition key has type %s, but supplied value is of type %s", i + 1, want, have);
    }
    return QN_OK;
}

Status
fn_satisfies_hash_partition(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *rel;
        Value keys[KEY_MAX_INDEX_COLUMNS];
        uint64_t hash;
        if (vec_is_null(call->args[0], i) || vec_is_null(call->args[1], i) || vec_is_null(call->args[2], i)) {
            OUT(call, uint8_t, i) = false;
            continue;
        }
        TRY(check_hash_arguments(call, i, &rel));
        for (int k = 0; k < rel->partition_key->nkeys; k++) {
            keys[k] = vec_get(call->args[3 + k], i);
            keys[k].type = rel->partition_key->types[k];
        }
        uint64_t modulus = (uint64_t)ARG(call, 1, int32_t, i), remainder = (uint64_t)ARG(call, 2, int32_t, i);
        OUT(call, uint8_t, i) = partition_hash(rel->partition_key, keys, &hash) && hash % modulus == remainder;
    }
    return QN_OK;
}
