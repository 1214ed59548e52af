/* tsqueryfn.c - kernels over queries: combining, containment, matching. */
#include "types/kernel.h"
#include "types/ts.h"
#include "types/type_io.h"

#define STR_ARG(call, a, i) (((const Str *)(call)->args[a]->data)[arg_at((call)->args[a], i)])
#define QUERY(call, a, i) tsquery_view(&STR_ARG(call, a, i))

static int
compare_strs(const Str *a, const Str *b)
{
    Value x = value_str(TYPE_TSQUERY, *a), y = value_str(TYPE_TSQUERY, *b);
    return tsquery_cmp(&x, &y);
}
ORDER_KERNELS(tsquery_, Str, compare_strs(&x, &y))

Status
fn_tsquery_numnode(KernelCall *call)
{
    ROWS(call, i) OUT(call, int32_t, i) = (int32_t)QUERY(call, 0, i).n;
    return QN_OK;
}

/* Two queries under an operator; an empty one leaves the other. */
static Status
combine(KernelCall *call, int row, TsKind kind, uint32_t distance)
{
    TsQuery a = QUERY(call, 0, row), b = QUERY(call, 1, row);
    TsNode *left, *right, *root;
    TRY(tsquery_unpack(call->ctx, call->arena, &a, &left));
    TRY(tsquery_unpack(call->ctx, call->arena, &b, &right));
    root = left == NULL ? right : left;
    if (left != NULL && right != NULL) TRY(ts_node(call->ctx, call->arena, kind, left, right, distance, &root));
    return tsquery_pack(call->ctx, call->arena, root, &OUT(call, Str, row));
}

Status
fn_tsquery_and(KernelCall *call)
{
    ROWS(call, i) TRY(combine(call, i, TS_AND, 0));
    return QN_OK;
}

Status
fn_tsquery_or(KernelCall *call)
{
    ROWS(call, i) TRY(combine(call, i, TS_OR, 0));
    return QN_OK;
}

Status
fn_tsquery_phrase(KernelCall *call)
{
    ROWS(call, i) TRY(combine(call, i, TS_PHRASE, 1));
    return QN_OK;
}

Status
fn_tsquery_phrase_distance(KernelCall *call)
{
    ROWS(call, i) {
        int32_t d = ARG(call, 2, int32_t, i);
        if (d < 0 || d > TS_DISTANCE_MAX)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "distance in phrase operator must be an integer value between zero and %d inclusive",
                         TS_DISTANCE_MAX);
        TRY(combine(call, i, TS_PHRASE, (uint32_t)d));
    }
    return QN_OK;
}

Status
fn_tsquery_not(KernelCall *call)
{
    ROWS(call, i) {
        TsQuery q = QUERY(call, 0, i);
        TsNode *root;
        TRY(tsquery_unpack(call->ctx, call->arena, &q, &root));
        if (root != NULL) TRY(ts_node(call->ctx, call->arena, TS_NOT, NULL, root, 0, &root));
        TRY(tsquery_pack(call->ctx, call->arena, root, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* Every word of a is one of b's. */
static bool
words_are_in(const TsQuery *a, const TsQuery *b)
{
    for (uint32_t i = 0; i < a->n; i++) {
        TsItem x = tsquery_item(a, i);
        bool found = false;
        if (x.kind != TS_VALUE) continue;
        for (uint32_t j = 0; j < b->n && !found; j++) {
            TsItem y = tsquery_item(b, j);
            found = y.kind == TS_VALUE && y.b == x.b && memcmp(a->text + x.a, b->text + y.a, x.b) == 0;
        }
        if (!found) return false;
    }
    return true;
}

Status
fn_tsq_mcontains(KernelCall *call)
{
    ROWS(call, i) {
        TsQuery a = QUERY(call, 0, i), b = QUERY(call, 1, i);
        OUT(call, uint8_t, i) = words_are_in(&b, &a);
    }
    return QN_OK;
}

Status
fn_tsq_mcontained(KernelCall *call)
{
    ROWS(call, i) {
        TsQuery a = QUERY(call, 0, i), b = QUERY(call, 1, i);
        OUT(call, uint8_t, i) = words_are_in(&a, &b);
    }
    return QN_OK;
}

/* What an index can look for: the query without negations; NULL: nothing. */
static Status
indexable(Ctx *ctx, TsNode *n, TsNode **out)
{
    TsNode *left, *right;
    TRY(ctx_check_depth(ctx));
    *out = n;
    if (n->kind == TS_VALUE) return QN_OK;
    *out = NULL;
    if (n->kind == TS_NOT) return QN_OK;
    TRY(indexable(ctx, n->left, &left));
    TRY(indexable(ctx, n->right, &right));
    if (n->kind == TS_OR) {
        if (left != NULL && right != NULL) *out = n;
    } else {
        *out = left == NULL ? right : right == NULL ? left : n;
    }
    n->left = left;
    n->right = right;
    return QN_OK;
}

Status
fn_tsquerytree(KernelCall *call)
{
    ROWS(call, i) {
        TsQuery q = QUERY(call, 0, i);
        StrBuf b = strbuf_new(call->arena);
        TsNode *root;
        Value v = value_str(TYPE_TSQUERY, str_make("", 0));
        char *text;
        size_t n;
        TRY(tsquery_unpack(call->ctx, call->arena, &q, &root));
        if (root != NULL) {
            TRY(indexable(call->ctx, root, &root));
            if (root == NULL) {
                strbuf_addc(&b, 'T');
            } else {
                TRY(tsquery_pack(call->ctx, call->arena, root, &v.str));
                TRY(tsquery_out(call->ctx, &b, &v));
            }
        }
        TRY(strbuf_finish(call->ctx, &b, &text, &n));
        OUT(call, Str, i) = str_make(text, n);
    }
    return QN_OK;
}

/* ---- matching ---- */

static Status
match_rows(KernelCall *call, int document, int query)
{
    ROWS(call, i) {
        TsVector v = tsvector_view(&STR_ARG(call, document, i));
        TsQuery q = QUERY(call, query, i);
        bool yes;
        TRY(ts_match_vector(call->ctx, call->arena, &v, &q, &yes));
        OUT(call, uint8_t, i) = yes;
    }
    return QN_OK;
}

Status
fn_ts_match_vq(KernelCall *call)
{
    return match_rows(call, 0, 1);
}

Status
fn_ts_match_qv(KernelCall *call)
{
    return match_rows(call, 1, 0);
}
