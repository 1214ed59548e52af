/* slt_parse.c - text of a file to records. */
#include "sqllogictest/slt.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Parse {
    SltFile *f;
    char **lines;
    int nlines, at;
    const char *engine;
    char *connection, *feature;
    bool setup, skip;
} Parse;

static char *
read_file(const char *path, size_t *n_out)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL) return NULL;
    size_t cap = 1 << 16, n = 0;
    char *text = malloc(cap + 1);
    while (text != NULL) {
        size_t got = fread(text + n, 1, cap - n, in);
        if (got == 0) break;
        n += got;
        if (n == cap) {
            char *more = realloc(text, cap * 2 + 1);
            if (more == NULL) free(text);
            text = more;
            cap *= 2;
        }
    }
    fclose(in);
    if (text != NULL) text[n] = '\0';
    *n_out = n;
    return text;
}

static bool
split_lines(Parse *p, char *text)
{
    int cap = 1024;
    p->lines = malloc(sizeof(char *) * (size_t)cap);
    while (p->lines != NULL && *text != '\0') {
        if (p->nlines == cap) {
            char **more = realloc(p->lines, sizeof(char *) * (size_t)cap * 2);
            if (more == NULL) return false;
            p->lines = more;
            cap *= 2;
        }
        p->lines[p->nlines++] = text;
        char *end = strchr(text, '\n');
        if (end == NULL) break;
        *end = '\0';
        if (end > text && end[-1] == '\r') end[-1] = '\0';
        text = end + 1;
    }
    return p->lines != NULL;
}

static SltRecord *
add_record(Parse *p, SltKind kind)
{
    SltFile *f = p->f;
    if (f->count == f->cap) {
        int cap = f->cap != 0 ? f->cap * 2 : 256;
        SltRecord *more = realloc(f->records, sizeof(SltRecord) * (size_t)cap);
        if (more == NULL) return NULL;
        f->records = more;
        f->cap = cap;
    }
    SltRecord *r = &f->records[f->count++];
    *r = (SltRecord){.kind = kind, .line = p->at + 1, .connection = p->connection, .feature = p->feature,
                     .setup = p->setup, .skip = p->skip};
    p->setup = p->skip = false;
    p->connection = NULL;
    return r;
}

/* Joins lines [from, to) in place: they are neighbours in the text, each ended by a NUL where the newline was. */
static char *
join_lines(Parse *p, int from, int to)
{
    static char empty[1];
    if (from >= to) return empty;
    char *out = p->lines[from], *w = out + strlen(out);
    for (int i = from + 1; i < to; i++) {
        size_t n = strlen(p->lines[i]);
        *w++ = '\n';
        memmove(w, p->lines[i], n);
        w += n;
    }
    *w = '\0';
    return out;
}

static char *
next_word(char **s)
{
    while (**s == ' ' || **s == '\t') (*s)++;
    if (**s == '\0') return NULL;
    char *word = *s;
    while (**s != '\0' && **s != ' ' && **s != '\t') (*s)++;
    if (**s != '\0') *(*s)++ = '\0';
    return word;
}

static char *
rest_of(char *s)
{
    while (*s == ' ' || *s == '\t') s++;
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t')) s[--n] = '\0';
    return *s != '\0' ? s : NULL;
}

static void
read_tag(Parse *p, char *line)
{
    char *s = line + 1;
    while (*s == ' ') s++;
    if (strncmp(s, "feature:", 8) == 0) p->feature = rest_of(s + 8);
    else if (strcmp(s, "setup") == 0) p->setup = true;
}

static SltSort
sort_of(const char *word)
{
    if (word == NULL) return SLT_NOSORT;
    return strcmp(word, "rowsort") == 0 ? SLT_ROWSORT : strcmp(word, "valuesort") == 0 ? SLT_VALUESORT : SLT_NOSORT;
}

/* The SQL, up to an empty line or ----; then what is expected. */
static bool
read_body(Parse *p, SltRecord *r)
{
    int from = ++p->at;
    while (p->at < p->nlines && p->lines[p->at][0] != '\0' && strcmp(p->lines[p->at], "----") != 0) p->at++;
    int to = p->at;
    if (p->at < p->nlines && strcmp(p->lines[p->at], "----") == 0) {
        int first = ++p->at;
        bool copy = r->kind == SLT_COPYIN;
        while (p->at < p->nlines && (copy ? strcmp(p->lines[p->at], "\\.") != 0 : p->lines[p->at][0] != '\0')) p->at++;
        if (copy) {
            size_t n = 1;
            for (int i = first; i < p->at; i++) n += strlen(p->lines[i]) + 1;
            char *w = r->data = malloc(n);
            if (w == NULL) return false;
            for (int i = first; i < p->at; i++) {
                size_t len = strlen(p->lines[i]);
                memcpy(w, p->lines[i], len);
                w += len;
                *w++ = '\n';
            }
            *w = '\0';
            if (p->at < p->nlines) p->at++;
        } else {
            r->lines = p->lines + first;
            r->nlines = p->at - first;
        }
    }
    r->sql = join_lines(p, from, to);
    return true;
}

static bool
read_record(Parse *p)
{
    char *s = p->lines[p->at], *word = next_word(&s);
    SltRecord *r;
    if (word == NULL) {
        p->at++;
        return true;
    }
    if (strcmp(word, "skipif") == 0 || strcmp(word, "onlyif") == 0) {
        char *name = next_word(&s);
        if (name != NULL) {
            bool own = strcmp(name, p->engine) == 0;
            if (word[0] == 's') p->skip |= own || strcmp(name, "postgresql") == 0;
            else p->skip |= !own;
        }
        p->at++;
        return true;
    }
    if (strcmp(word, "connection") == 0) {
        p->connection = next_word(&s);
        p->at++;
        return true;
    }
    if (strcmp(word, "halt") == 0 || strcmp(word, "reconnect") == 0) {
        bool ok = add_record(p, word[0] == 'h' ? SLT_HALT : SLT_RECONNECT) != NULL;
        p->at++;
        return ok;
    }
    if (strcmp(word, "hash-threshold") == 0 || strcmp(word, "include") == 0) {
        r = add_record(p, word[0] == 'h' ? SLT_HASH_THRESHOLD : SLT_INCLUDE);
        if (r == NULL) return false;
        r->sql = next_word(&s);
        if (r->sql == NULL) return false;
        r->number = strtol(r->sql, NULL, 10);
        p->at++;
        return true;
    }
    if (strcmp(word, "statement") == 0 || strcmp(word, "copyin") == 0) {
        r = add_record(p, word[0] == 's' ? SLT_STATEMENT : SLT_COPYIN);
        if (r == NULL) return false;
        char *what = next_word(&s);
        r->expect_error = what != NULL && strcmp(what, "error") == 0;
        if (r->expect_error) r->error = rest_of(s);
        return read_body(p, r);
    }
    if (strcmp(word, "query") == 0) {
        r = add_record(p, SLT_QUERY);
        if (r == NULL) return false;
        r->types = next_word(&s);
        r->sort = sort_of(next_word(&s));
        r->label = next_word(&s);
        return read_body(p, r);
    }
    if (strcmp(word, "copyout") == 0) {
        r = add_record(p, SLT_COPYOUT);
        if (r == NULL) return false;
        r->sort = sort_of(next_word(&s));
        return read_body(p, r);
    }
    fprintf(stderr, "%s:%d: unknown directive \"%s\"\n", p->f->path, p->at + 1, word);
    return false;
}

bool
slt_read(const char *path, const char *engine, SltFile *out)
{
    Parse p = {.f = out, .engine = engine, .feature = ""};
    size_t n;
    *out = (SltFile){.path = strdup(path)};
    out->text = read_file(path, &n);
    bool split = out->text != NULL && split_lines(&p, out->text);
    out->lines = p.lines;
    if (!split || out->path == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    while (p.at < p.nlines) {
        const char *line = p.lines[p.at];
        if (line[0] == '#') {
            read_tag(&p, p.lines[p.at++]);
        } else if (line[0] == '\0') {
            p.at++;
        } else if (!read_record(&p)) {
            return false;
        }
    }
    return true;
}

void
slt_free(SltFile *f)
{
    for (int i = 0; i < f->count; i++) free(f->records[i].data);
    free(f->records);
    free(f->lines);
    free(f->text);
    free(f->path);
    *f = (SltFile){0};
}

int
slt_counted(const SltRecord *r)
{
    return r->kind <= SLT_COPYOUT && !r->setup && !r->skip;
}
