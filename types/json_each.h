/* json_each.h - the set-returning functions that take a JSON value apart, of which json and jsonb each have five. Private to
 * jsonfn.c and jsonb_get.c. */
#ifndef TYPES_JSON_EACH_H
#define TYPES_JSON_EACH_H

#include "types/function.h"

typedef enum EachKind { EACH_ELEMENT, EACH_ELEMENT_TEXT, EACH_MEMBER, EACH_MEMBER_TEXT, EACH_KEY } EachKind;

static inline bool
each_as_text(EachKind kind)
{
    return kind == EACH_ELEMENT_TEXT || kind == EACH_MEMBER_TEXT;
}

/* By each_open(ctx, arena, args, kind, name, state_out) and each_next of the file. */
#define EACH(NAME, KIND)                                                                           \
    Status srf_##NAME##_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, \
                             void **state_out)                                                     \
    {                                                                                              \
        (void)nargs, (void)arg_types;                                                              \
        return each_open(ctx, arena, args, KIND, #NAME, state_out);                                \
    }                                                                                              \
    Status srf_##NAME##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)        \
    {                                                                                              \
        return each_next(ctx, state, arena, out, n_out);                                           \
    }
#define EACH_COLUMNS(TYPE, ELEMENT_TYPE)                                                           \
    const char *const srf_##TYPE##_array_elements_names[] = {"value"};                             \
    const Oid srf_##TYPE##_array_elements_types[] = {ELEMENT_TYPE};                                \
    const char *const srf_##TYPE##_array_elements_text_names[] = {"value"};                        \
    const Oid srf_##TYPE##_array_elements_text_types[] = {TYPE_TEXT};                              \
    const char *const srf_##TYPE##_each_names[] = {"key", "value"};                                \
    const Oid srf_##TYPE##_each_types[] = {TYPE_TEXT, ELEMENT_TYPE};                               \
    const char *const srf_##TYPE##_each_text_names[] = {"key", "value"};                           \
    const Oid srf_##TYPE##_each_text_types[] = {TYPE_TEXT, TYPE_TEXT};

#define EACH_FAMILY(TYPE, ELEMENT_TYPE)                                                            \
    EACH(TYPE##_array_elements, EACH_ELEMENT)                                                      \
    EACH(TYPE##_array_elements_text, EACH_ELEMENT_TEXT)                                            \
    EACH(TYPE##_each, EACH_MEMBER)                                                                 \
    EACH(TYPE##_each_text, EACH_MEMBER_TEXT)                                                       \
    EACH(TYPE##_object_keys, EACH_KEY)                                                             \
    EACH_COLUMNS(TYPE, ELEMENT_TYPE)

#endif
