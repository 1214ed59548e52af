/* chapters.c - the chapters: rows of the tables in order of name, those that say the same under one sentence; see docs.h. */
#include "common/settings.h"
#include "docs/docs.h"
#include <stdlib.h>
#include <string.h>

typedef enum EntryKind { ENTRY_OPERATOR, ENTRY_FUNCTION, ENTRY_AGGREGATE, ENTRY_WINDOW } EntryKind;

/* One row of a table, whichever it is. */
typedef struct Entry {
    EntryKind kind;
    const char *name, *sentence;
    Oid oid;
    const void *row;
} Entry;

typedef struct Entries {
    Entry *rows;
    int count, cap;
} Entries;

static void
add_entry(Entries *e, EntryKind kind, const char *name, const char *sentence, Oid oid, const void *row)
{
    if (e->count == e->cap) {
        e->cap = e->cap != 0 ? e->cap * 2 : 256;
        e->rows = realloc(e->rows, sizeof(Entry) * (size_t)e->cap);
        if (e->rows == NULL) exit(1);
    }
    e->rows[e->count++] = (Entry){kind, name, sentence, oid, row};
}

static int
by_name(const void *x, const void *y)
{
    const Entry *a = x, *b = y;
    int c = (int)a->kind - (int)b->kind;
    if (c == 0) c = strcmp(a->name, b->name);
    if (c == 0) c = strcmp(a->sentence, b->sentence);
    return c != 0 ? c : (a->oid > b->oid) - (a->oid < b->oid);
}

static Entries
entries_of(Chapter chapter)
{
    Entries e = {0};
    for (int i = 0; i < op_count(); i++) {
        const Operator *o = op_at(i);
        if (docs_operator_chapter(o) == chapter)
            add_entry(&e, ENTRY_OPERATOR, o->name, fn_by_oid(o->function)->doc, o->oid, o);
    }
    for (int i = 0; i < fn_count(); i++)
        if (docs_function_chapter(fn_at(i)) == chapter)
            add_entry(&e, ENTRY_FUNCTION, fn_at(i)->name, fn_at(i)->doc, fn_at(i)->oid, fn_at(i));
    if (chapter == CHAPTER_AGGREGATES)
        for (int i = 0; i < agg_count(); i++)
            add_entry(&e, ENTRY_AGGREGATE, agg_at(i)->name, agg_at(i)->doc, agg_at(i)->oid, agg_at(i));
    if (chapter == CHAPTER_WINDOWS)
        for (int i = 0; i < winfn_count(); i++)
            add_entry(&e, ENTRY_WINDOW, winfn_at(i)->name, winfn_at(i)->doc, winfn_at(i)->oid, winfn_at(i));
    if (e.count > 0) qsort(e.rows, (size_t)e.count, sizeof(Entry), by_name);
    return e;
}

/* "name(integer, text) → text": arguments that have names with them, those that may be left out with what is taken for them. */
static void
print_call(FILE *out, const char *name, const Oid *args, int nargs, Oid result, uint32_t flags, const FnArgs *names)
{
    fprintf(out, "`%s(", name);
    for (int i = 0; i < nargs; i++) {
        if (i > 0) fputs(", ", out);
        if ((flags & FN_VARIADIC) != 0 && i == nargs - 1) fputs("VARIADIC ", out);
        if (names != NULL && names->names[i] != NULL) fprintf(out, "%s ", names->names[i]);
        fputs(docs_type_name(args[i]), out);
    }
    fprintf(out, ") → %s%s`", (flags & FN_SRF) != 0 ? "setof " : "", docs_type_name(result));
}

static void
print_signature(FILE *out, const Entry *e)
{
    switch (e->kind) {
    case ENTRY_OPERATOR: {
        const Operator *o = e->row;
        char text[256];
        snprintf(text, sizeof(text), "%s%s%s %s → %s", o->left != 0 ? docs_type_name(o->left) : "", o->left != 0 ? " " : "", o->name,
                 docs_type_name(o->right), docs_type_name(o->result));
        docs_code(out, text);
        break;
    }
    case ENTRY_FUNCTION: {
        const Function *f = e->row;
        print_call(out, f->name, f->args, f->nargs, f->result, f->flags, fn_args(f->oid));
        break;
    }
    case ENTRY_AGGREGATE: {
        const Aggregate *a = e->row;
        print_call(out, a->name, a->args, a->nargs, a->result, a->flags, NULL);
        break;
    }
    case ENTRY_WINDOW: {
        const WindowFn *w = e->row;
        print_call(out, w->name, w->args, w->nargs, w->result, 0, NULL);
        break;
    }
    }
}

static bool
make_example(const Entry *e, Example *x, const char **want)
{
    *want = NULL;
    switch (e->kind) {
    case ENTRY_OPERATOR: return docs_operator_example(e->row, x);
    case ENTRY_FUNCTION: *want = ((const Function *)e->row)->example_result; return docs_function_example(e->row, x);
    case ENTRY_AGGREGATE: *want = ((const Aggregate *)e->row)->example_result; return docs_aggregate_example(e->row, x);
    case ENTRY_WINDOW: {
        const char *written = docs_written_example(e->oid);
        if (written != NULL) snprintf(x->text, sizeof(x->text), "%s", written);
        return written != NULL;
    }
    }
    return false;
}

static void
print_entry(Docs *d, const Entry *e)
{
    Example x;
    const char *want;
    char who[128];
    snprintf(who, sizeof(who), "%s (%u)", e->name, e->oid);
    if (e->sentence == NULL || e->sentence[0] == '\0') docs_fault(d, who, "has no sentence");
    fputs("- ", d->out);
    print_signature(d->out, e);
    fputs("  \n  ", d->out);
    if (make_example(e, &x, &want))
        docs_example(d, who, x.text, want);
    else
        docs_fault(d, who, "has no example, and none can be made");
    fputc('\n', d->out);
}

static void
write_chapter(Docs *d, Chapter chapter)
{
    static const char *const kinds[] = {"Operators", "Functions", "Aggregates", "Window functions"};
    Entries list = entries_of(chapter);
    for (int i = 0; i < list.count; i++) {
        const Entry *e = &list.rows[i], *before = i > 0 ? e - 1 : NULL;
        if (before == NULL || before->kind != e->kind) {
            fprintf(d->out, "\n## %s\n", kinds[e->kind]);
            before = NULL;
        }
        if (before == NULL || strcmp(before->name, e->name) != 0) {
            fputs("\n### ", d->out);
            docs_code(d->out, e->name);
            fputc('\n', d->out);
            before = NULL;
        }
        if (before == NULL || strcmp(before->sentence, e->sentence) != 0) fprintf(d->out, "\n%s\n\n", e->sentence);
        print_entry(d, e);
    }
    free(list.rows);
}

static void
write_types(Docs *d, Chapter chapter)
{
    static const struct {
        Oid oid;
        const char *sentence, *example;
    } types[] = {
#define TYPEDOC(TYPE, sentence, example) {TYPE_##TYPE, sentence, example},
#include "docs/types.def"
#undef TYPEDOC
    };
    (void)chapter;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const TypeInfo *t = type_info(types[i].oid);
        fprintf(d->out, "\n## `%s`\n\n%s\n", t->sql_name, types[i].sentence);
        if (strcmp(t->sql_name, t->name) != 0) fprintf(d->out, "In the catalog its name is `%s`. ", t->name);
        if (t->typlen > 0) fprintf(d->out, "Width: %d byte%s. ", t->typlen, t->typlen > 1 ? "s" : "");
        if (t->phys != PHYS_NONE && t->cmp == NULL) fputs("It has no order. ", d->out);
        fputs("\n\n- ", d->out);
        docs_example(d, t->sql_name, types[i].example, NULL);
        fputc('\n', d->out);
    }
    fputs("\n## Arrays\n\nEvery type with values has an array type: the type's name and `[]`, `_` before the name in the catalog.\n\n", d->out);
    for (int i = 0; i < type_count(); i++) {
        const TypeInfo *t = type_at(i);
        char text[512];
        if (t->elem_oid == 0 || t->name[0] != '_') {
            bool known = t->elem_oid != 0 && t->name[0] == '_';
            for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) known |= types[j].oid == t->oid;
            if (!known) docs_fault(d, t->name, "the type is not in docs/types.def");
            continue;
        }
        const char *a = docs_sample(t->elem_oid, 0), *b = docs_sample(t->elem_oid, 1);
        if (t->elem_oid == TYPE_CSTRING) a = b = "'a'::cstring";
        if (a == NULL || b == NULL) {
            docs_fault(d, t->name, "no sample of its elements");
            continue;
        }
        snprintf(text, sizeof(text), "ARRAY[%s, %s]", a, b);
        fprintf(d->out, "- `%s`: ", t->sql_name);
        docs_example(d, t->sql_name, text, NULL);
        fputc('\n', d->out);
    }
}

static void
write_casts(Docs *d, Chapter chapter)
{
    (void)chapter;
    fputs("\nAn implicit cast happens wherever it lets a call or an operator fit; one in assignments when a value is stored in a column or "
          "given to a parameter of the type; an explicit one when it is written.\n\n",
          d->out);
    for (int i = 0; i < cast_count(); i++) {
        const Cast *c = cast_at(i);
        Example x;
        char who[128];
        snprintf(who, sizeof(who), "cast from %s to %s", docs_type_name(c->source), docs_type_name(c->target));
        fprintf(d->out, "- `%s` to `%s`: %s, %s.  \n  ", docs_type_name(c->source), docs_type_name(c->target),
                c->context == CAST_IMPLICIT ? "implicit" : c->context == CAST_ASSIGNMENT ? "in assignments" : "explicit",
                c->source == c->target ? "to the length or precision of the target"
                : c->method == CAST_BINARY ? "the same bytes"
                : c->method == CAST_INOUT  ? "through its text"
                                           : "by conversion");
        if (docs_cast_example(c, &x))
            docs_example(d, who, x.text, NULL);
        else
            docs_fault(d, who, "has no example, and none can be made");
        fputc('\n', d->out);
    }
    fputs("\n## To and from text\n\nEvery type casts to text and the other string types in assignments, and from them explicitly, by the forms in which "
          "its values are printed and read.\n\n- ",
          d->out);
    docs_example(d, "casts through text", "CAST('{1,2}' AS integer[]), CAST(interval '90 minutes' AS text)", NULL);
    fputs("\n\n## Domains, arrays and rows\n\nAn array casts to an array of another type when its elements do; a row to a composite type when its "
          "columns do, in order; a domain is cast as what it is over.\n\n- ",
          d->out);
    docs_example(d, "casts of arrays and rows", "ARRAY[1.4, 2.6]::integer[], ROW('1', 2.2)::place", NULL);
    fputc('\n', d->out);
}

static void
write_settings(Docs *d, Chapter chapter)
{
    static const char *const kinds[] = {"boolean", "integer", "number", "text", "one of"};
    static const char *const contexts[] = {"`SET` at any time.", "`SET TRANSACTION` and the statements that begin transactions.",
                                           "Given when the database is opened (quern_config).", "Shown only."};
    (void)chapter;
    for (int i = 0; i < setting_count(); i++) {
        const SettingInfo *s = setting_at(i);
        char text[128];
        fprintf(d->out, "\n## `%s`\n\n%s\n\n- %s", s->name, s->doc, kinds[s->kind]);
        if (s->kind == SETTING_KIND_ENUM) {
            for (const char *p = s->options; *p != '\0';) {
                size_t n = strcspn(p, "|");
                fprintf(d->out, "%s `%.*s`", p == s->options ? "" : ",", (int)n, p);
                p += n + (p[n] == '|');
            }
        } else if (s->kind == SETTING_KIND_INT || s->kind == SETTING_KIND_REAL) {
            fprintf(d->out, " from %.15g to %.15g", s->min, s->max);
            if (setting_unit_name(s->unit) != NULL) fprintf(d->out, " %s", setting_unit_name(s->unit));
        }
        fprintf(d->out, ". %s\n- ", contexts[s->context]);
        if (s->doc[0] == '\0') docs_fault(d, s->name, "has no sentence");
        snprintf(text, sizeof(text), "SHOW \"%s\"", s->name);
        docs_example(d, s->name, text, NULL);
        fputc('\n', d->out);
    }
}

const Page docs_pages[] = {
    {"types", "Types", "What values there are.", write_types, CHAPTER_NONE},
#undef CHAPTER
#define CHAPTER(SYM, file, title, about) {file, title, about, write_chapter, CHAPTER_##SYM},
#include "docs/chapters.def"
    {"casts", "Casts", "How values of one type become values of another.", write_casts, CHAPTER_NONE},
    {"settings", "Settings", "Each with its value when nothing was set.", write_settings, CHAPTER_NONE},
};
const int docs_npages = (int)(sizeof(docs_pages) / sizeof(docs_pages[0]));
