/* describe.c - see describe.h. */
#include "common/describe.h"

#include <string.h>

void
describe_init(Describe *d, Arena *arena, bool analyze, bool verbose)
{
    memset(d, 0, sizeof(*d));
    d->arena = arena;
    d->analyze = analyze;
    d->verbose = verbose;
}

static Property *
add(Describe *d, const char *name, const char *unit, PropKind kind)
{
    if (d->count == d->cap) {
        int cap = d->cap != 0 ? d->cap * 2 : 8;
        Property *p = arena_realloc(d->arena, d->items, (size_t)d->cap * sizeof(*p),
                                    (size_t)cap * sizeof(*p));
        if (p == NULL) {
            d->failed = true;
            return NULL;
        }
        d->items = p;
        d->cap = cap;
    }
    Property *p = &d->items[d->count++];
    memset(p, 0, sizeof(*p));
    p->name = name;
    p->unit = unit;
    p->kind = kind;
    return p;
}

void
describe_int(Describe *d, const char *name, const char *unit, int64_t value)
{
    Property *p = add(d, name, unit, PROP_INT);
    if (p != NULL) p->i = value;
}

void
describe_float(Describe *d, const char *name, const char *unit, double value, int ndigits)
{
    Property *p = add(d, name, unit, PROP_FLOAT);
    if (p != NULL) {
        p->d = value;
        p->ndigits = ndigits;
    }
}

void
describe_str(Describe *d, const char *name, const char *value)
{
    const char *copy = arena_strdup(d->arena, value);
    Property *p = copy != NULL ? add(d, name, NULL, PROP_STR) : NULL;
    if (p != NULL) p->s = copy;
    else d->failed = true;
}

void
describe_bool(Describe *d, const char *name, bool value)
{
    Property *p = add(d, name, NULL, PROP_BOOL);
    if (p != NULL) p->b = value;
}

void
describe_list(Describe *d, const char *name, const char *const *items, int count)
{
    const char **copy = ARENA_ARRAY(d->arena, const char *, count + 1);
    Property *p = copy != NULL ? add(d, name, NULL, PROP_LIST) : NULL;
    if (p == NULL) {
        d->failed = true;
        return;
    }
    for (int i = 0; i < count; i++)
        if ((copy[i] = arena_strdup(d->arena, items[i])) == NULL) d->failed = true;
    p->list.items = copy;
    p->list.count = d->failed ? 0 : count;
}
