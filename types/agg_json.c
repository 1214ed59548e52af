/* agg_json.c - json_agg and json_object_agg, whose text grows as rows come in; jsonb_agg and jsonb_object_agg,
 * which keep the rows' values and lay them out at the end. */
#include "types/agg.h"
#include "types/json.h"
#include "types/jsonb.h"

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
        if (!v.is_null && (type_is_row(v.type) || (t != NULL && t->elem_oid != 0))) strbuf_addz(&b, "\n ");
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

AGG_FOLD(json_agg, JsonState, add_element)
AGG_FOLD(json_object_agg, JsonState, add_member)

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

/* jsonb: the state's bytes are parts, each a length and as many bytes; of members the key comes first. */

static void
add_part(StrBuf *b, const char *p, uint32_t nbytes)
{
    strbuf_add(b, (const char *)&nbytes, 4);
    strbuf_add(b, p, nbytes);
}

static Status
add_jsonb(Ctx *ctx, StrBuf *b, Arena *scratch, const Value *v)
{
    JsonbBuilder builder = jsonb_builder(ctx, scratch);
    Str s;
    TRY(jsonb_push_value(&builder, v));
    TRY(jsonb_finish(&builder, &s));
    add_part(b, str_data(&s), s.len);
    return QN_OK;
}

static Status
add_jsonb_parts(AggCall *call, JsonState *s, int row, Arena *scratch)
{
    StrBuf b = append_begin(call, s);
    Value v = vec_get(call->args[call->nargs - 1], row);
    if (call->nargs > 1) {
        StrBuf text = strbuf_new(scratch);
        Value key = vec_get(call->args[0], row);
        if (key.is_null) return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "field name must not be null");
        TRY(json_key_text(call->ctx, &text, &key));
        add_part(&b, text.data != NULL ? text.data : "", (uint32_t)text.nbytes);
    }
    TRY(add_jsonb(call->ctx, &b, scratch, &v));
    return append_end(call, s, &b);
}

static Status
fold_jsonb(AggCall *call, JsonState *s, int row)
{
    Arena *scratch;
    TRY_ALLOC(call->ctx, scratch, arena_create(NULL, "jsonb row"));
    Status st = add_jsonb_parts(call, s, row, scratch);
    arena_destroy(scratch);
    return st;
}

AGG_FOLD(jsonb_agg, JsonState, fold_jsonb)

/* The next part; *p moves past it. */
static Str
take_part(const char **p)
{
    uint32_t nbytes;
    memcpy(&nbytes, *p, 4);
    Str s = str_make(*p + 4, nbytes);
    *p += 4 + nbytes;
    return s;
}

static Status
finish_jsonb(AggCall *call, const JsonState *s, Arena *arena, JsonbKind kind, Value *out)
{
    Str result;
    *out = value_null(TYPE_JSONB);
    if (s->data == NULL) return QN_OK;
    JsonbBuilder b = jsonb_builder(call->ctx, arena);
    const char *p = s->data, *end = p + s->nbytes;
    TRY(jsonb_begin(&b, kind));
    while (p < end) {
        if (kind == JSONB_OBJECT) {
            const char *key = p + 4;
            TRY(jsonb_push_key(&b, key, take_part(&p).len));
        }
        const char *bytes = p + 4;
        Str part = take_part(&p);
        JsonbItem it = jsonb_root(&part); /* a short one lies in part, the bytes themselves in the state */
        it.p = bytes + (it.p - str_data(&part));
        TRY(jsonb_push(&b, it));
    }
    TRY(jsonb_end(&b));
    TRY(jsonb_finish(&b, &result));
    *out = value_str(TYPE_JSONB, result);
    return QN_OK;
}

static Status
jsonb_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return finish_jsonb(call, state, arena, JSONB_ARRAY, out);
}

static Status
jsonb_object_agg_final(AggCall *call, const void *state, Arena *arena, Value *out)
{
    return finish_jsonb(call, state, arena, JSONB_OBJECT, out);
}

const AggOps aggops_jsonb_agg = {
    .state_bytes = sizeof(JsonState),
    .update = jsonb_agg_update,
    .update_one = jsonb_agg_update_one,
    .final = jsonb_agg_final,
    .serialise = json_serialise,
    .deserialise = json_deserialise,
};
const AggOps aggops_jsonb_object_agg = {
    .state_bytes = sizeof(JsonState),
    .update = jsonb_agg_update,
    .update_one = jsonb_agg_update_one,
    .final = jsonb_object_agg_final,
    .serialise = json_serialise,
    .deserialise = json_deserialise,
};
