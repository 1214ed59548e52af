/* tsinfo.c - functions that show how text is cut and what dictionaries make of it. */
#include "types/array.h"
#include "types/kernel.h"
#include "types/ts.h"

enum { OID_DEFAULT_PARSER = 3722 };

/* ---- ts_lexize ---- */

Status
fn_ts_lexize(KernelCall *call)
{
    TsLexer lexer = {0};
    Status st = QN_OK;
    ROWS(call, i) {
        const TsDict *d = ts_dict_by_oid((Oid)ARG(call, 0, int32_t, i));
        Str s = ARG(call, 1, Str, i);
        TsLexemes lexemes = {0};
        ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
        if (d == NULL) st = RAISE(call->ctx, ERR_UNDEFINED_OBJECT, "cache lookup failed for text search dictionary %u", (Oid)ARG(call, 0, int32_t, i));
        if (st == QN_OK) st = ts_lexize(call->ctx, call->arena, &lexer, d, str_data(&s), s.len, &lexemes);
        for (int k = 0; st == QN_OK && k < lexemes.n; k++) {
            Value v = value_str(TYPE_TEXT, lexemes.items[k]);
            st = array_add(call->ctx, &b, &v);
        }
        if (st == QN_OK) st = array_finish_1d(call->ctx, &b, &OUT(call, Str, i));
        if (st != QN_OK) break;
    }
    ts_lexer_end(&lexer);
    return st;
}

/* ---- sets ---- */

static Status
check_parser(Ctx *ctx, const Value *v)
{
    if (v->type == TYPE_TEXT || v->phys == PHYS_STR) {
        if (v->str.len == 7 && memcmp(str_data(&v->str), "default", 7) == 0) return QN_OK;
        if (v->str.len == 18 && memcmp(str_data(&v->str), "pg_catalog.default", 18) == 0) return QN_OK;
        return RAISE(ctx, ERR_UNDEFINED_OBJECT, "text search parser \"%.*s\" does not exist", (int)v->str.len, str_data(&v->str));
    }
    if (v->i32 == OID_DEFAULT_PARSER) return QN_OK;
    return RAISE(ctx, ERR_UNDEFINED_OBJECT, "cache lookup failed for text search parser %u", (Oid)v->i32);
}

static Status
put_text(Ctx *ctx, Arena *arena, Vector *v, int row, const char *text, size_t nbytes)
{
    return str_copy(ctx, arena, text, nbytes, &((Str *)v->data)[row]);
}

typedef struct Tokens {
    TsParser ps;
    int next;
    const TsConfig *config;
    TsLexer lexer;
} Tokens;

static Status
tokens_open(Ctx *ctx, Arena *arena, const Value *text, Tokens **out)
{
    char *copy;
    TRY_ALLOC(ctx, *out, ARENA_NEW(arena, Tokens));
    if (text == NULL || text->is_null) return QN_OK;
    TRY_ALLOC(ctx, copy, arena_strndup(arena, str_data(&text->str), text->str.len));
    (*out)->ps = ts_parser(copy, text->str.len);
    return QN_OK;
}

const char *const srf_ts_token_type_byname_names[] = {"tokid", "alias", "description"};
const Oid srf_ts_token_type_byname_types[] = {TYPE_INT4, TYPE_TEXT, TYPE_TEXT};

Status
srf_ts_token_type_byname_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Tokens *t;
    (void)nargs, (void)arg_types;
    TRY(tokens_open(ctx, arena, NULL, &t));
    *state_out = t;
    t->next = args[0].is_null ? TSTOK_COUNT : 1;
    return args[0].is_null ? QN_OK : check_parser(ctx, &args[0]);
}

Status
srf_ts_token_type_byname_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Tokens *t = state;
    int n = 0;
    (void)ctx, (void)arena;
    for (; t->next < TSTOK_COUNT && n < BATCH_ROWS; n++, t->next++) {
        const char *alias = ts_token_alias[t->next], *description = ts_token_description[t->next];
        ((int32_t *)out[0]->data)[n] = t->next;
        ((Str *)out[1]->data)[n] = str_make(alias, strlen(alias));
        ((Str *)out[2]->data)[n] = str_make(description, strlen(description));
    }
    *n_out = n;
    return QN_OK;
}

const char *const srf_ts_parse_byname_names[] = {"tokid", "token"};
const Oid srf_ts_parse_byname_types[] = {TYPE_INT4, TYPE_TEXT};

Status
srf_ts_parse_byname_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Tokens *t;
    (void)nargs, (void)arg_types;
    TRY(tokens_open(ctx, arena, args[0].is_null ? NULL : &args[1], &t));
    *state_out = t;
    return args[0].is_null ? QN_OK : check_parser(ctx, &args[0]);
}

Status
srf_ts_parse_byname_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Tokens *t = state;
    TsToken type;
    const char *p;
    size_t nbytes;
    int n = 0;
    for (; n < BATCH_ROWS && ts_next_token(&t->ps, &type, &p, &nbytes); n++) {
        ((int32_t *)out[0]->data)[n] = (int32_t)type;
        TRY(put_text(ctx, arena, out[1], n, p, nbytes));
    }
    *n_out = n;
    return QN_OK;
}

/* By the parser's oid: the same rows. */
#define BY_ID(NAME)                                                                                                            \
    Status srf_##NAME##_byid_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **out)      \
    {                                                                                                                          \
        return srf_##NAME##_byname_open(ctx, arena, args, nargs, arg_types, out);                                              \
    }                                                                                                                          \
    Status srf_##NAME##_byid_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)                               \
    {                                                                                                                          \
        return srf_##NAME##_byname_next(ctx, state, arena, out, n_out);                                                        \
    }
BY_ID(ts_token_type)
BY_ID(ts_parse)
const char *const srf_ts_token_type_byid_names[] = {"tokid", "alias", "description"};
const Oid srf_ts_token_type_byid_types[] = {TYPE_INT4, TYPE_TEXT, TYPE_TEXT};
const char *const srf_ts_parse_byid_names[] = {"tokid", "token"};
const Oid srf_ts_parse_byid_types[] = {TYPE_INT4, TYPE_TEXT};

/* ---- ts_debug ---- */

#define DEBUG_COLUMNS(NAME)                                                                                                    \
    const char *const srf_##NAME##_names[] = {"alias", "description", "token", "dictionaries", "dictionary", "lexemes"};       \
    const Oid srf_##NAME##_types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_REGDICTIONARY_ARRAY, TYPE_REGDICTIONARY, TYPE_TEXT_ARRAY};
DEBUG_COLUMNS(ts_debug_byid)
DEBUG_COLUMNS(ts_debug)

Status
srf_ts_debug_byid_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Tokens *t;
    (void)nargs, (void)arg_types;
    TRY(tokens_open(ctx, arena, args[0].is_null ? NULL : &args[1], &t));
    *state_out = t;
    return args[0].is_null ? QN_OK : ts_config_find(ctx, (Oid)args[0].i32, &t->config);
}

Status
srf_ts_debug_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Tokens *t;
    (void)nargs, (void)arg_types;
    TRY(tokens_open(ctx, arena, &args[0], &t));
    *state_out = t;
    return ts_config_current(ctx, &t->config);
}

static Status
put_lexemes(Ctx *ctx, Arena *arena, Tokens *t, const TsDict *d, const char *p, size_t nbytes, Vector **out, int row)
{
    ArrayBuilder dicts = array_builder(arena, TYPE_REGDICTIONARY), lexemes = array_builder(arena, TYPE_TEXT);
    Value v = value_i32(TYPE_REGDICTIONARY, d != NULL ? (int32_t)d->oid : 0);
    TsLexemes found;
    if (d != NULL) TRY(array_add(ctx, &dicts, &v));
    TRY(array_finish_1d(ctx, &dicts, &((Str *)out[3]->data)[row]));
    ((Str *)out[5]->data)[row] = str_make("", 0);
    if (d == NULL) {
        vec_set_null(out[4], row);
        vec_set_null(out[5], row);
        return QN_OK;
    }
    ((int32_t *)out[4]->data)[row] = (int32_t)d->oid;
    TRY(ts_lexize(ctx, arena, &t->lexer, d, p, nbytes, &found));
    for (int i = 0; i < found.n; i++) {
        v = value_str(TYPE_TEXT, found.items[i]);
        TRY(array_add(ctx, &lexemes, &v));
    }
    return array_finish_1d(ctx, &lexemes, &((Str *)out[5]->data)[row]);
}

static Status
debug_rows(Ctx *ctx, Tokens *t, Arena *arena, Vector **out, int *n_out)
{
    TsToken type;
    const char *p;
    size_t nbytes;
    int n = 0;
    for (; n < BATCH_ROWS && ts_next_token(&t->ps, &type, &p, &nbytes); n++) {
        ((Str *)out[0]->data)[n] = str_make(ts_token_alias[type], strlen(ts_token_alias[type]));
        ((Str *)out[1]->data)[n] = str_make(ts_token_description[type], strlen(ts_token_description[type]));
        TRY(put_text(ctx, arena, out[2], n, p, nbytes));
        TRY(put_lexemes(ctx, arena, t, ts_config_dict(t->config, type), p, nbytes, out, n));
    }
    *n_out = n;
    return QN_OK;
}

Status
srf_ts_debug_byid_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Tokens *t = state;
    Status st = debug_rows(ctx, t, arena, out, n_out);
    ts_lexer_end(&t->lexer);
    return st;
}

Status
srf_ts_debug_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    return srf_ts_debug_byid_next(ctx, state, arena, out, n_out);
}
