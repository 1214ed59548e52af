/* sequence_fn.c - nextval, currval, setval, lastval. */
#include "catalog/catalog_priv.h"
#include "catalog/sequence.h"
#include "storage/lock.h"
#include "types/kernel.h"

static Status
sequence_of(Ctx *ctx, Oid oid, const Relation **out)
{
    TRY(catalog_relation_by_oid(ctx, oid, out));
    if (*out == NULL)
        return RAISE(ctx, ERR_UNDEFINED_TABLE, "relation with OID %u does not exist", oid);
    if ((*out)->kind != RELKIND_SEQUENCE)
        return RAISE(ctx, ERR_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", (*out)->name);
    return QN_OK;
}

/* Locked, so that nobody is changing it (ALTER SEQUENCE). */
static Status
sequence_to_change(Ctx *ctx, Oid oid, const Relation **out)
{
    TRY(sequence_of(ctx, oid, out));
    TRY(lock_relation(ctx, oid, LOCK_ROW_EXCLUSIVE, LOCK_WAIT, (*out)->name));
    return sequence_of(ctx, oid, out);
}

Status
fn_nextval_oid(KernelCall *call)
{
    const Relation *seq = NULL;
    Oid last = INVALID_OID;
    if (arg_is_const(call, 0) && call->n > 0 && call->out->phys == PHYS_I64) {
        /* The usual case, a default: all values of the batch at once. */
        int64_t values[BATCH_ROWS];
        int k = 0;
        TRY(sequence_to_change(call->ctx, (Oid)ARG(call, 0, int32_t, 0), &seq));
        TRY(sequence_next(call->ctx, seq, call->n, values));
        ROWS(call, i) OUT(call, int64_t, i) = values[k++];
        return QN_OK;
    }
    ROWS(call, i) {
        Oid oid = (Oid)ARG(call, 0, int32_t, i);
        if (oid != last) TRY(sequence_to_change(call->ctx, oid, &seq));
        last = oid;
        TRY(sequence_next(call->ctx, seq, 1, &OUT(call, int64_t, i)));
    }
    return QN_OK;
}

Status
fn_currval_oid(KernelCall *call)
{
    ROWS(call, i) {
        const Relation *seq;
        TRY(sequence_of(call->ctx, (Oid)ARG(call, 0, int32_t, i), &seq));
        TRY(sequence_current(call->ctx, seq, &OUT(call, int64_t, i)));
    }
    return QN_OK;
}

static Status
set_rows(KernelCall *call, bool has_flag)
{
    ROWS(call, i) {
        const Relation *seq;
        int64_t v = ARG(call, 1, int64_t, i);
        bool is_called = !has_flag || ARG(call, 2, uint8_t, i) != 0;
        TRY(sequence_to_change(call->ctx, (Oid)ARG(call, 0, int32_t, i), &seq));
        TRY(sequence_set(call->ctx, seq, v, is_called));
        OUT(call, int64_t, i) = v;
    }
    return QN_OK;
}

Status
fn_setval_oid(KernelCall *call)
{
    return set_rows(call, false);
}

Status
fn_setval3_oid(KernelCall *call)
{
    return set_rows(call, true);
}

Status
fn_lastval(KernelCall *call)
{
    ROWS(call, i) TRY(sequence_last(call->ctx, &OUT(call, int64_t, i)));
    return QN_OK;
}
