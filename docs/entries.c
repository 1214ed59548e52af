/* entries.c - where a row of the tables belongs, and its example; see docs.h. */
#include "docs/docs.h"
#include <stdlib.h>
#include <string.h>

const char *
docs_type_name(Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL ? t->sql_name : "?";
}

const char *
docs_sample(Oid type, int which)
{
    switch (type) {
#define SAMPLE(TYPE, first, second) case TYPE_##TYPE: return which == 0 ? first : second;
#include "docs/samples.def"
#undef SAMPLE
    default: return NULL;
    }
}

const char *
docs_written_example(Oid oid)
{
    switch (oid) {
#define EXAMPLE(oid, text) case oid: return text;
#include "docs/examples.def"
#undef EXAMPLE
    default: return NULL;
    }
}

static Chapter
chapter_of_type(Oid type)
{
    switch (type) {
#undef OF_TYPE
#define OF_TYPE(TYPE, SYM) case TYPE_##TYPE: return CHAPTER_##SYM;
#include "docs/chapters.def"
#undef OF_TYPE
#define OF_TYPE(...)
    default: break;
    }
    switch (type_kind(type)) {
    case TYPTYPE_RANGE:
    case TYPTYPE_MULTIRANGE: return CHAPTER_RANGES;
    default: return type_info(type)->elem_oid != 0 ? CHAPTER_ARRAYS : CHAPTER_NONE;
    }
}

typedef struct Place {
    const char *name;
    Chapter chapter;
} Place;

static Chapter
find_place(const Place *places, const char *name)
{
    while (places->name != NULL && strcmp(places->name, name) != 0) places++;
    return places->chapter;
}

static Chapter
chapter_of_name(const char *name)
{
    static const Place places[] = {
#undef PLACE
#define PLACE(name, SYM) {name, CHAPTER_##SYM},
#include "docs/chapters.def"
#undef PLACE
#define PLACE(...)
        {NULL, CHAPTER_NONE}};
    return find_place(places, name);
}

static Chapter
chapter_of_operator_name(const char *name)
{
    static const Place places[] = {
#undef PLACE_OP
#define PLACE_OP(name, SYM) {name, CHAPTER_##SYM},
#include "docs/chapters.def"
#undef PLACE_OP
        {NULL, CHAPTER_NONE}};
    return find_place(places, name);
}

/* Functions that operators, casts, indexes and aggregates are made of. */
static bool
is_behind_something(const Function *f)
{
    static const char *const endings[] = {"cmp", "larger", "smaller", "_statefunc", "_accum", "_combine", "_accum_inv", "_avg", "extended", "_inc", "_hash"};
    size_t n = strlen(f->name);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t m = strlen(endings[i]);
        if (n > m && strcmp(f->name + n - m, endings[i]) == 0) return true;
    }
    if (strncmp(f->name, "hash", 4) == 0 || strncmp(f->name, "float8_", 7) == 0) return true;
    static const char *const io[] = {"type_in", "type_out", "fixed_send", "bytes_send"};
    for (size_t i = 0; i < sizeof(io) / sizeof(io[0]); i++)
        if (strcmp(f->src, io[i]) == 0) return true;
    for (int i = 0; i < f->nargs; i++)
        if (f->args[i] == TYPE_INTERNAL) return true;
    for (int i = 0; i < op_count(); i++)
        if (op_at(i)->function == f->oid) return true;
    for (int i = 0; i < cast_count(); i++)
        if (cast_at(i)->function == f->oid) return true;
    return false;
}

Chapter
docs_function_chapter(const Function *f)
{
    Chapter c = chapter_of_name(f->name);
    if (c != CHAPTER_NONE) return c;
    if (is_behind_something(f)) return CHAPTER_SUPPORT;
    if (strncmp(f->name, "pg_advisory", 11) == 0 || strncmp(f->name, "pg_try_advisory", 15) == 0) return CHAPTER_ADMIN;
    if (strstr(f->name, "_size") != NULL) return CHAPTER_ADMIN;
    if (strncmp(f->name, "pg_", 3) == 0 || f->args[0] == TYPE_OID) return CHAPTER_INFO;
    for (int i = 0; i < f->nargs; i++)
        if ((c = chapter_of_type(f->args[i])) != CHAPTER_NONE) return c;
    c = f->nargs == 0 ? chapter_of_type(f->result) : CHAPTER_NONE;
    if (c == CHAPTER_STRING || c == CHAPTER_COMPARE || c == CHAPTER_MATH) c = CHAPTER_NONE;
    return c != CHAPTER_NONE ? c : CHAPTER_INFO;
}

Chapter
docs_operator_chapter(const Operator *o)
{
    static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    Chapter c = chapter_of_operator_name(o->name);
    if (c != CHAPTER_NONE) return c;
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++)
        if (strcmp(o->name, comparisons[i]) == 0) return CHAPTER_COMPARE;
    if (strcmp(o->name, "~") == 0 && o->left != 0 && o->right == TYPE_TEXT) return CHAPTER_MATCHING;
    if (o->left != 0 && (c = chapter_of_type(o->left)) != CHAPTER_NONE && c != CHAPTER_MATH) return c;
    c = chapter_of_type(o->right);
    if (c == CHAPTER_NONE && o->left != 0) c = chapter_of_type(o->left);
    return c != CHAPTER_NONE ? c : CHAPTER_COMPARE;
}

/* An argument's sample: the first argument of a type takes the first one, others the second. A polymorphic one follows the first. */
static const char *
argument(const Function *f, int i)
{
    return docs_sample(f->args[i], i == 0 ? 0 : 1);
}

static bool
needs_quotes(const char *name)
{
    static const char *const words[] = {"bit", "char", "interval", "like", "numeric", "overlaps", "time", "timestamp", "varchar"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(name, words[i]) == 0) return true;
    return false;
}

bool
docs_function_example(const Function *f, Example *out)
{
    const char *written = f->example != NULL && f->example[0] != '\0' ? f->example : docs_written_example(f->oid);
    size_t at;
    if (written != NULL) {
        snprintf(out->text, sizeof(out->text), "%s", written);
        return true;
    }
    for (int i = 0; i < f->nargs; i++)
        if (f->args[i] == TYPE_INTERNAL) { /* SQL cannot call it, but names it: CREATE AGGREGATE */
            snprintf(out->text, sizeof(out->text), "SELECT oid::regproc, pronargs FROM pg_proc WHERE oid = %u", f->oid);
            return true;
        }
    if (f->nargs == 0) return false;
    at = (size_t)snprintf(out->text, sizeof(out->text), needs_quotes(f->name) ? "\"%s\"(" : "%s(", f->name);
    for (int i = 0; i < f->nargs; i++) {
        const char *s = argument(f, i);
        if (s == NULL) return false;
        at += (size_t)snprintf(out->text + at, sizeof(out->text) - at, "%s%s", i > 0 ? ", " : "", s);
    }
    snprintf(out->text + at, sizeof(out->text) - at, ")");
    return true;
}

bool
docs_operator_example(const Operator *o, Example *out)
{
    const char *written = docs_written_example(o->oid), *left = "", *right = docs_sample(o->right, o->left == 0 ? 0 : 1);
    if (written != NULL) {
        snprintf(out->text, sizeof(out->text), "%s", written);
        return true;
    }
    if (o->left != 0) left = docs_sample(o->left, 0);
    if (left == NULL || right == NULL) return false;
    snprintf(out->text, sizeof(out->text), "%s%s%s %s", left, o->left != 0 ? " " : "", o->name, right);
    return true;
}

/* Casts to another length have it; other casts take the source's sample, or for text what the target can read. */
bool
docs_cast_example(const Cast *c, Example *out)
{
    static const struct {
        Oid source, target;
        const char *text;
    } written[] = {
#define CAST_EXAMPLE(SOURCE, TARGET, text) {TYPE_##SOURCE, TYPE_##TARGET, text},
#include "docs/cast_examples.def"
#undef CAST_EXAMPLE
    };
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
        if (written[i].source == c->source && written[i].target == c->target) {
            snprintf(out->text, sizeof(out->text), "%s", written[i].text);
            return true;
        }
    const char *s = docs_sample(c->source, 0);
    if (s == NULL) return false;
    snprintf(out->text, sizeof(out->text), "CAST(%s AS %s)", s, docs_type_name(c->target));
    return true;
}

bool
docs_aggregate_example(const Aggregate *a, Example *out)
{
    const char *written = a->example != NULL && a->example[0] != '\0' ? a->example : docs_written_example(a->oid);
    if (written != NULL) {
        snprintf(out->text, sizeof(out->text), "%s", written);
        return true;
    }
    if (a->kind != 'n' || a->nargs < 1 || a->nargs > 2) return false;
    const char *x = docs_sample(a->args[0], 0), *y = docs_sample(a->args[0], 1);
    if (x == NULL || y == NULL) return false;
    if (a->nargs == 1)
        snprintf(out->text, sizeof(out->text), "SELECT %s(x) FROM (VALUES (%s), (%s)) t(x)", a->name, x, y);
    else
        snprintf(out->text, sizeof(out->text), "SELECT %s(y, x) FROM (VALUES (%s, %s), (%s, %s)) t(x, y)", a->name, x, y, y, x);
    return true;
}
