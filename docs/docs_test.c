/* docs_test.c - writes docs/reference (--write), or checks that it is what the tables and the engine say today. Run from the root of the
 * source tree; elsewhere it has nothing to compare with. --slt FILE also writes the examples as records for the sqllogictest runner,
 * which can run them on PostgreSQL. */
#include "docs/docs.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A page's text, malloc. */
static char *
write_page(Docs *d, const Page *page)
{
    char *text = NULL;
    size_t nbytes;
    d->out = open_memstream(&text, &nbytes);
    if (d->out == NULL) return NULL;
    fprintf(d->out, "# %s\n", page->title);
    if (page->about[0] != '\0') fprintf(d->out, "\n%s\n", page->about);
    page->write(d, page->chapter);
    fclose(d->out);
    return text;
}

static char *
write_index(void)
{
    char *text = NULL;
    size_t nbytes;
    FILE *out = open_memstream(&text, &nbytes), *setup = fopen("docs/setup.sql", "r");
    if (out == NULL || setup == NULL) return NULL;
    fputs("# Reference\n\nWritten by `make docs` from the tables that drive the engine. Every example was run: what follows the arrow is what it "
          "gave, rows apart by commas.\n\n",
          out);
    for (int i = 0; i < docs_npages; i++) fprintf(out, "- [%s](%s.md)\n", docs_pages[i].title, docs_pages[i].file);
    fputs("\nThe examples use these objects:\n\n```sql\n", out);
    for (int c; (c = fgetc(setup)) != EOF;) fputc(c, out);
    fputs("```\n", out);
    fclose(setup);
    fclose(out);
    return text;
}

static void
save(Docs *d, const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0) docs_fault(d, path, "cannot be written");
}

static void
compare(Docs *d, const char *path, const char *text)
{
    FILE *f = fopen(path, "r");
    int line = 1;
    bool same = f != NULL;
    for (const char *p = text; same; p++) {
        int c = fgetc(f);
        same = c == (*p == '\0' ? EOF : (unsigned char)*p);
        if (*p == '\0') break;
        line += *p == '\n';
    }
    if (f != NULL) fclose(f);
    if (!same) {
        char what[64];
        snprintf(what, sizeof(what), "out of date from line %d on: make docs", line);
        docs_fault(d, path, what);
    }
}

int
main(int argc, char **argv)
{
    Docs d = {0};
    bool write = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--write") == 0) write = true;
        if (strcmp(argv[i], "--slt") == 0 && i + 1 < argc) d.slt = fopen(argv[++i], "w");
    }
    if (access("docs/setup.sql", R_OK) != 0) {
        puts("skipped: not in the source tree");
        return 0;
    }
    if (!docs_open(&d)) return 1;
    for (int i = -1; i < docs_npages; i++) {
        char path[128], *text = i < 0 ? write_index() : write_page(&d, &docs_pages[i]);
        snprintf(path, sizeof(path), "docs/reference/%s.md", i < 0 ? "README" : docs_pages[i].file);
        if (text == NULL) return 1;
        if (write)
            save(&d, path, text);
        else
            compare(&d, path, text);
        free(text);
    }
    quern_close(d.db);
    if (d.slt != NULL) fclose(d.slt);
    printf("%d examples, %d faults\n", d.nexamples, d.nfaults);
    return d.nfaults != 0;
}
