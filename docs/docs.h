/* docs.h - the reference: chapters printed from the tables that drive the engine, with examples that are run as they are printed.
 *
 * entries.c gives each row of the tables an example (its own, one of examples.def, or one made of samples.def), run.c runs it and
 * prints both, chapters.c writes the files. main.c writes them to docs/reference, or compares them with what lies there. What may be
 * wrong is counted: a row without a sentence or an example, an example that fails or gives something else than its row says.
 */
#ifndef DOCS_DOCS_H
#define DOCS_DOCS_H

#include "include/quern.h"
#include "types/function.h"
#include <stdio.h>

/* Whoever reads a kind of row of chapters.def defines its macro anew. */
typedef enum Chapter {
#define CHAPTER(SYM, ...) CHAPTER_##SYM,
#define OF_TYPE(...)
#define PLACE(...)
#define PLACE_OP(...)
#include "docs/chapters.def"
#undef CHAPTER
#define CHAPTER(...)
    CHAPTER_COUNT,
    CHAPTER_NONE = CHAPTER_COUNT
} Chapter;

typedef struct Docs {
    quern *db;  /* setup.sql has run in it */
    FILE *out;  /* the chapter being written */
    FILE *slt;  /* NULL, or the examples as records for the sqllogictest runner */
    int nfaults, nexamples;
} Docs;

/* run.c */
bool docs_open(Docs *d); /* false: the setup failed */
/* Prints `example` and what it gives; want is what it must give, NULL or "": whatever. who names the row in complaints. */
void docs_example(Docs *d, const char *who, const char *example, const char *want);
void docs_code(FILE *out, const char *text); /* as a Markdown code span */
void docs_fault(Docs *d, const char *who, const char *what);

/* entries.c: in a buffer of the caller's */
typedef struct Example {
    char text[1024];
} Example;
Chapter docs_function_chapter(const Function *f);
Chapter docs_operator_chapter(const Operator *o);
bool docs_function_example(const Function *f, Example *out); /* false: none can be made */
bool docs_operator_example(const Operator *o, Example *out);
bool docs_cast_example(const Cast *c, Example *out);
bool docs_aggregate_example(const Aggregate *a, Example *out);
const char *docs_written_example(Oid oid); /* examples.def; NULL: none */
const char *docs_sample(Oid type, int which); /* NULL: none */
const char *docs_type_name(Oid type);

/* chapters.c: whole files */
typedef struct Page {
    const char *file; /* without directory and suffix */
    const char *title, *about;
    void (*write)(Docs *d, Chapter chapter);
    Chapter chapter;
} Page;
extern const Page docs_pages[];
extern const int docs_npages;

#endif
