/* bool.c - boolean: text, order, casts. AND, OR and NOT are the executor's own. */
#include "types/kernel.h"
#include "types/type_io.h"

#include "common/hash.h"

/* A unique prefix of true, false, yes, no, on or off, or a digit 0 or 1; any case, blanks around
 * it. */
bool
bool_parse(const char *text, size_t nbytes, bool *out)
{
    static const struct {
        const char *word;
        size_t shortest; /* prefix that is unique */
        bool value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    while (nbytes > 0 && ascii_is_space(text[0])) text++, nbytes--;
    while (nbytes > 0 && ascii_is_space(text[nbytes - 1])) nbytes--;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (nbytes >= words[i].shortest && nbytes <= strlen(words[i].word) &&
            ascii_ncasecmp(text, words[i].word, nbytes) == 0) {
            *out = words[i].value;
            return true;
        }
    return false;
}

Status
bool_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
        Value *out)
{
    bool b;
    (void)arena, (void)typmod;
    if (!bool_parse(text, nbytes, &b))
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION,
                     "invalid input syntax for type boolean: \"%.*s\"", (int)nbytes, text);
    *out = (Value){.type = type, .phys = PHYS_BOOL, .b = b};
    return QN_OK;
}

Status
bool_out(Ctx *ctx, StrBuf *b, const Value *v)
{
    (void)ctx;
    strbuf_addc(b, v->b ? 't' : 'f');
    return QN_OK;
}

int
bool_cmp(const Value *a, const Value *b)
{
    return a->b - b->b;
}

uint64_t
bool_hash(const Value *v)
{
    return hash_u64(v->b);
}

COMPARE_SIX(bool, uint8_t, uint8_t, uint8_t)
BINARY_KERNEL(btboolcmp, uint8_t, uint8_t, int32_t, (int32_t)x - (int32_t)y)
BINARY_KERNEL(booland_statefunc, uint8_t, uint8_t, uint8_t, x &y)
BINARY_KERNEL(boolor_statefunc, uint8_t, uint8_t, uint8_t, x | y)
UNARY_KERNEL(int4_bool, int32_t, uint8_t, x != 0)
UNARY_KERNEL(bool_int4, uint8_t, int32_t, x)

Status
fn_booltext(KernelCall *call)
{
    const Str text[2] = {str_make("false", 5), str_make("true", 4)};
    UNARY_LOOP(call, uint8_t, Str, x != 0 ? text[1] : text[0]);
    return QN_OK;
}
