/* agg_json.c - json_agg and json_object_agg: the text grows as rows come in. */
#include "types/function.h"
#include "types/json.h"

typedef struct JsonState {
    char *data; /* in the states' arena; NULL: no row yet */
    size_t nbytes, cap;
} JsonState;

/* Appends go to the state's buffer; what it grew by is reported. */
static StrBuf
append_begin(AggCall *call, const JsonState *s)
{
    return (StrBuf){.arena = call->arena, .data = s->data, .nbytes = s->nbytes, .cap = s->cap};
}

static Status
append_end(AggCall *call, JsonState *s, StrBuf *b)
{
    if (b->failed) return RAISE_OOM(call->ctx);
    if (call->grown_bytes != NULL) *call->grown_bytes += b->cap - s->cap;
    s->data = b->data;
    s->nbytes = b->nbytes;
    s->cap = b->cap;
    return QN_OK;
}

static Status
add_element(AggCall *call, JsonState *s, int row)
{
    Value v = vec_get(call->args[0], row);
    const TypeInfo *t = type_info(v.type);
    StrBuf b = append_begin(call, s);
    if (s->data == NULL) {
        strbuf_addc(&b, '[');
    } else {
        strbuf_addz(&b, ", ");
        if (!v.is_null && (v.type == TYPE_RECORD || (t != NULL && t->elem_oid != 0))) strbuf_addz(&b, "\n ");
    }
    TRY(json_add_value(call->ctx, &b, &v, false));
    return append_end(call, s, &b);
}

static Status
add_member(AggCall *call, JsonState *s, int row)
{
    Value key = vec_get(call->args[0], row), v = vec_get(call->args[1], row);
    if (key.is_null) return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "field name must not be null");
    StrBuf b = append_begin(call, s);
    strbuf_addz(&b, s->data == NULL ? "{ " : ", ");
    TRY(json_add_key(call->ctx, &b, &key));
    strbuf_addz(&b, " : ");
    TRY(json_add_value(call->ctx, &b, &v, false));
    return append_end(call, s, &b);
}

static int
row_at(const AggCall *call, int k)
{
    return call->sel != NULL ? call->sel[k] : k;
}

static Status
json_agg_update(AggCall *call, char **states, size_t offset)
{
    for (int k = 0; k < call->n; k++) {
        int row = row_at(call, k);
        TRY(add_element(call, (JsonState *)(void *)(states[row] + offset), row));
    }
    return QN_OK;
}

static Status
json_agg_update_one(AggCall *call, void *state)
{
    for (int k = 0; k < call->n; k++) TRY(add_element(call, state, row_at(call, k)));
    return QN_OK;
}

static Status
json_object_agg_update(AggCall *call, char **states, size_t offset)
{
    for (int k = 0; k < call->n; k++) {
        int row = row_at(call, k);
        TRY(add_member(call, (JsonState *)(void *)(states[row] + offset), row));
    }
    return QN_OK;
}

static Status
json_object_agg_update_one(AggCall *call, void *state)
{
    for (int k = 0; k < call->n; k++) TRY(add_member(call, state, row_at(call, k)));
    return QN_OK;
}

static Status
finish(AggCall *call, const JsonState *s, Arena *arena, const char *close, Value *out)
{
    size_t n = strlen(close);
    char *p;
    *out = value_null(TYPE_JSON);
    if (s->data == NULL) return QN_OK;
    TRY_ALLOC(call->ctx, p, arena_alloc(arena, s->nbytes + n));
    memcpy(p, s->data, s->nbytes);
    memcpy(p + s->nbytes, close, n);
    *out = value_str(TYPE_JSON, str_make(p, s->nbytes + n));
    return QN_OK;
}

static Status
json_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return finish(call, state, arena, "]", out);
}

static Status
json_object_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return finish(call, state, arena, " }", out);
}

static Status
json_serialise(AggCall *call, const void *state, StrBuf *b)
{
    const JsonState *s = state;
    if (s->data != NULL) strbuf_add(b, s->data, s->nbytes);
    return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
}

static Status
json_deserialise(AggCall *call, const char *data, size_t nbytes, void *state)
{
    JsonState *s = state;
    *s = (JsonState){0};
    if (nbytes == 0) return QN_OK;
    StrBuf b = append_begin(call, s);
    strbuf_add(&b, data, nbytes);
    return append_end(call, s, &b);
}

const AggOps aggops_json_agg = {
    .state_bytes = sizeof(JsonState),
    .update = json_agg_update,
    .update_one = json_agg_update_one,
    .final = json_agg_final,
    .serialise = json_serialise,
    .deserialise = json_deserialise,
};
const AggOps aggops_json_object_agg = {
    .state_bytes = sizeof(JsonState),
    .update = json_object_agg_update,
    .update_one = json_object_agg_update_one,
    .final = json_object_agg_final,
    .serialise = json_serialise,
    .deserialise = json_deserialise,
};
