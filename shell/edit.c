/* edit.c - the terminal: libedit with a history of whole statements and completion of keywords and names. */
#include "shell/shell.h"
#include <histedit.h>
#include <stdlib.h>
#include <string.h>

static struct {
    EditLine *el;
    History *history;
    char *history_path;
    const char *prompt;
    Shell *sh;
} edit;

static char *
get_prompt(EditLine *el)
{
    (void)el;
    return (char *)edit.prompt;
}

static const char *const words[] = {
    "ABORT", "ALTER TABLE", "ANALYZE", "AND", "BEGIN", "BETWEEN", "CASE", "CAST", "COALESCE", "COMMIT", "COPY", "CREATE INDEX", "CREATE SCHEMA",
    "CREATE SEQUENCE", "CREATE TABLE", "CREATE UNIQUE INDEX", "CREATE VIEW", "CROSS JOIN", "CURRENT_DATE", "CURRENT_TIMESTAMP", "DEFAULT",
    "DELETE FROM", "DISTINCT", "DROP INDEX", "DROP TABLE", "DROP VIEW", "EXCEPT", "EXECUTE", "EXISTS", "EXPLAIN", "EXPLAIN ANALYZE", "FILTER",
    "FROM", "FULL JOIN", "GROUP BY", "HAVING", "INNER JOIN", "INSERT INTO", "INTERSECT", "LATERAL", "LEFT JOIN", "LIMIT", "NATURAL JOIN",
    "NOT", "NULL", "OFFSET", "ON CONFLICT", "ORDER BY", "OVER", "PARTITION BY", "PREPARE", "PRIMARY KEY", "RECURSIVE", "REFERENCES", "RELEASE",
    "RESET", "RETURNING", "RIGHT JOIN", "ROLLBACK", "SAVEPOINT", "SELECT", "SET", "SHOW", "TABLE", "TRUNCATE", "UNION", "UNION ALL", "UNIQUE",
    "UPDATE", "USING", "VACUUM", "VALUES", "WHERE", "WINDOW", "WITH"};

typedef struct Matches {
    char *common; /* longest prefix of all */
    int count;
} Matches;

static void
add_match(Matches *m, const char *word)
{
    if (m->count++ == 0) {
        m->common = strdup(word);
        return;
    }
    size_t n = 0;
    while (m->common != NULL && m->common[n] != '\0' && m->common[n] == word[n]) n++;
    if (m->common != NULL) m->common[n] = '\0';
}

static int
compare_fold(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i], y = b[i] >= 'A' && b[i] <= 'Z' ? (char)(b[i] + 32) : b[i];
        if (x != y) return 1;
        if (x == '\0') return 0;
    }
    return 0;
}

static void
match_names(Matches *m, const char *prefix, size_t n)
{
    static const char sql[] =
        "SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v', 'S') "
        "UNION SELECT attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON a.attrelid = c.oid "
        "WHERE c.relkind = 'r' AND a.attnum > 0 AND c.oid >= 16384";
    quern_stmt *stmt;
    if (quern_transaction_status(edit.sh->db) == 'E' || quern_prepare(edit.sh->db, sql, -1, &stmt, NULL) != QUERN_OK) return;
    while (quern_step(stmt) == QUERN_ROW) {
        const char *name = quern_column_text(stmt, 0);
        if (name != NULL && strncmp(name, prefix, n) == 0) add_match(m, name);
    }
    quern_finalize(stmt);
}

static unsigned char
complete(EditLine *el, int ch)
{
    (void)ch;
    const LineInfo *li = el_line(el);
    const char *start = li->cursor;
    while (start > li->buffer && strchr(" \t(),;.=<>+-*/'\"", start[-1]) == NULL) start--;
    size_t n = (size_t)(li->cursor - start);
    if (n == 0) return CC_ERROR;
    char *prefix = strndup(start, n);
    Matches m = {0};
    bool upper = *start >= 'A' && *start <= 'Z';
    if (prefix == NULL) return CC_ERROR;
    match_names(&m, prefix, n);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char word[40];
        if (compare_fold(words[i], prefix, n) != 0) continue;
        snprintf(word, sizeof(word), "%s", words[i]);
        for (char *p = word; !upper && *p != '\0'; p++)
            if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
        add_match(&m, word);
    }
    unsigned char result = CC_ERROR;
    if (m.common != NULL && strlen(m.common) >= n && m.count > 0) {
        el_deletestr(el, (int)n);
        result = el_insertstr(el, m.common) == 0 && (m.count > 1 || el_insertstr(el, " ") == 0) ? CC_REFRESH : CC_ERROR;
    }
    free(m.common);
    free(prefix);
    return result;
}

bool
edit_open(Shell *sh)
{
    HistEvent ev;
    const char *home = getenv("HOME");
    edit.sh = sh;
    edit.el = el_init("quern", stdin, stdout, stderr);
    edit.history = history_init();
    if (edit.el == NULL || edit.history == NULL) return false;
    history(edit.history, &ev, H_SETSIZE, 1000);
    history(edit.history, &ev, H_SETUNIQUE, 1);
    el_set(edit.el, EL_PROMPT, get_prompt);
    el_set(edit.el, EL_EDITOR, "emacs");
    el_set(edit.el, EL_HIST, history, edit.history);
    el_set(edit.el, EL_SIGNAL, 1);
    el_set(edit.el, EL_ADDFN, "complete", "complete keywords and names", complete);
    el_set(edit.el, EL_BIND, "^I", "complete", NULL);
    el_source(edit.el, NULL);
    if (home != NULL && asprintf(&edit.history_path, "%s/.quern_history", home) >= 0)
        history(edit.history, &ev, H_LOAD, edit.history_path);
    return true;
}

void
edit_close(Shell *sh)
{
    HistEvent ev;
    (void)sh;
    if (edit.history != NULL && edit.history_path != NULL) history(edit.history, &ev, H_SAVE, edit.history_path);
    if (edit.history != NULL) history_end(edit.history);
    if (edit.el != NULL) el_end(edit.el);
    free(edit.history_path);
}

char *
edit_line(Shell *sh, const char *prompt)
{
    int n = 0;
    (void)sh;
    edit.prompt = prompt;
    const char *line = edit.el != NULL ? el_gets(edit.el, &n) : NULL;
    if (line == NULL || n <= 0) {
        putchar('\n');
        return NULL;
    }
    return strndup(line, line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n);
}

/* The whole statement, so that going back brings all its lines; saved at once, so that it survives a kill. */
void
edit_remember(const char *statement)
{
    HistEvent ev;
    if (edit.history == NULL) return;
    char *one = strdup(statement);
    for (char *p = one; p != NULL && *p != '\0'; p++)
        if (*p == '\n') *p = ' ';
    if (one != NULL) history(edit.history, &ev, H_ENTER, one);
    if (edit.history_path != NULL) history(edit.history, &ev, H_SAVE, edit.history_path);
    free(one);
}
