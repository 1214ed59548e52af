/* describe.c - \d and its family: what there is, asked of pg_catalog and shown as psql shows it. */
#include "shell/shell.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A text being put together; memory that is out shows as text NULL at the end. */
typedef struct Text {
    char *text;
    size_t nbytes;
    FILE *f;
} Text;

static bool
text_open(Text *t)
{
    *t = (Text){0};
    t->f = open_memstream(&t->text, &t->nbytes);
    return t->f != NULL;
}

static char *
text_close(Text *t)
{
    fclose(t->f);
    return t->text;
}

/* ---- patterns of names ---- */

static void
put_literal(FILE *f, const char *s)
{
    fputc('\'', f);
    for (; *s != '\0'; s++) {
        if (*s == '\'') fputc('\'', f);
        fputc(*s, f);
    }
    fputc('\'', f);
}

/* One part of a pattern as a regular expression: * and ? are wild, letters are folded unless they are quoted. NULL: memory is out. */
static char *
pattern_regex(const char *p, size_t n)
{
    Text t;
    bool quoted = false;
    if (!text_open(&t)) return NULL;
    fputs("^(", t.f);
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '"') quoted = !quoted;
        else if (!quoted && c == '*') fputs(".*", t.f);
        else if (!quoted && c == '?') fputc('.', t.f);
        else if (c == '$' || (quoted && strchr("|*+?()[]{}.^\\", c) != NULL)) fprintf(t.f, "\\%c", c);
        else fputc(!quoted && c >= 'A' && c <= 'Z' ? c + 32 : c, t.f);
    }
    fputs(")$", t.f);
    return text_close(&t);
}

static bool
put_match(FILE *f, const char *column, const char *p, size_t n)
{
    char *regex = pattern_regex(p, n);
    if (regex == NULL) return false;
    fprintf(f, " AND %s OPERATOR(pg_catalog.~) ", column);
    put_literal(f, regex);
    fputs(" COLLATE pg_catalog.\"default\"", f);
    free(regex);
    return true;
}

/* Conditions that a pattern (schema.name, either part wild) puts on columns. */
static bool
put_pattern(FILE *f, const char *pattern, const char *name, const char *schema, const char *visible)
{
    const char *dot = NULL;
    bool quoted = false, ok = true;
    for (const char *p = pattern; p != NULL && *p != '\0'; p++) {
        if (*p == '"') quoted = !quoted;
        if (*p == '.' && !quoted && dot == NULL && *schema != '\0') dot = p;
    }
    if (dot != NULL) ok = put_match(f, schema, pattern, (size_t)(dot - pattern));
    if (dot == NULL && *visible != '\0') fprintf(f, " AND %s", visible);
    const char *last = dot != NULL ? dot + 1 : pattern;
    return ok && (last == NULL || put_match(f, name, last, strlen(last)));
}

/* ---- lists ---- */

static bool
show_query(Shell *sh, const char *title, char *sql, const char *none, const char *footer)
{
    Table t;
    bool ok = sql != NULL && shell_fetch(sh, sql, &t);
    free(sql);
    if (!ok) return false;
    if (t.nrows == 0 && none != NULL) {
        fprintf(stderr, "%s\n", none);
    } else {
        t.title = title;
        t.footer = footer;
        table_print(sh, &t);
    }
    table_free(&t);
    return true;
}

typedef struct Listing {
    const char *command, *title, *columns, *plus, *from, *condition, *not_system, *name, *schema, *visible, *order;
} Listing;

static const Listing listings[] = {
#define LISTING(...) {__VA_ARGS__},
#include "shell/lists.def"
#undef LISTING
};

static bool
show_listing(Shell *sh, const Listing *l, bool plus, bool system, const char *pattern)
{
    Text q;
    if (!text_open(&q)) return false;
    fprintf(q.f, "SELECT %s", l->columns);
    if (plus && *l->plus != '\0') fprintf(q.f, ", %s", l->plus);
    if (strcmp(l->command, "dT") == 0) fputs(", pg_catalog.obj_description(t.oid, 'pg_type') AS \"Description\"", q.f); /* after those of + */
    fprintf(q.f, " FROM %s WHERE true", l->from);
    if (*l->condition != '\0') fprintf(q.f, " AND %s", l->condition);
    if (pattern == NULL && !system && *l->not_system != '\0') fprintf(q.f, " AND %s", l->not_system);
    bool ok = put_pattern(q.f, pattern, l->name, l->schema, l->visible);
    fprintf(q.f, " ORDER BY %s", l->order);
    char *sql = text_close(&q);
    if (ok) return show_query(sh, l->title, sql, NULL, strcmp(l->command, "du") == 0 ? "" : NULL);
    free(sql);
    return false;
}

#define RELATION_TYPE                                                                                                          \
    "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' "       \
    "WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END"

/* kinds: letters of pg_class.relkind. */
static bool
list_relations(Shell *sh, const char *kinds, bool plus, bool system, const char *pattern)
{
    Text q;
    bool index = strchr(kinds, 'i') != NULL, table = strpbrk(kinds, "rmi") != NULL;
    if (!text_open(&q)) return false;
    fprintf(q.f, "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", " RELATION_TYPE " AS \"Type\", pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\"%s",
            index ? ", c2.relname AS \"Table\"" : "");
    if (plus)
        fprintf(q.f, ", CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 't' THEN 'temporary' WHEN 'u' THEN 'unlogged' END AS \"Persistence\"%s, "
                     "pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) AS \"Size\", pg_catalog.obj_description(c.oid, 'pg_class') AS \"Description\"",
                table ? ", am.amname AS \"Access method\"" : "");
    fputs(" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam ", q.f);
    if (index) fputs("LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid ", q.f);
    fputs("WHERE c.relkind IN (''", q.f);
    for (const char *k = kinds; *k != '\0'; k++) fprintf(q.f, ", '%c'", *k);
    fputs(")", q.f);
    if (pattern == NULL && !system) fputs(" AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'", q.f);
    bool ok = put_pattern(q.f, pattern, "c.relname", "n.nspname", "pg_catalog.pg_table_is_visible(c.oid)");
    fputs(" ORDER BY 1, 2", q.f);
    char *sql = text_close(&q), none[256];
    if (pattern != NULL)
        snprintf(none, sizeof(none), "Did not find any relation named \"%.200s\".", pattern);
    else
        snprintf(none, sizeof(none), "Did not find any relations.");
    if (ok) return show_query(sh, "List of relations", sql, none, NULL);
    free(sql);
    return false;
}

/* ---- \d NAME ---- */

/* A relation as it is described; texts are pg_class's. */
typedef struct Described {
    const char *oid, *schema, *name, *kind, *persistence;
    bool plus;
} Described;

/* Runs a query made of format and the oid; false: it failed. */
static bool
fetch(Shell *sh, Table *t, const char *oid, const char *format)
{
    Text q;
    if (!text_open(&q)) return false;
    for (const char *p = format; *p != '\0'; p++) {
        if (*p == '$') fprintf(q.f, "'%s'::pg_catalog.oid", oid);
        else fputc(*p, q.f);
    }
    char *sql = text_close(&q);
    bool ok = sql != NULL && shell_fetch(sh, sql, t);
    free(sql);
    return ok;
}

static const char *
cell(const Table *t, long row, int column)
{
    const char *s = t->rows[row][column];
    return s != NULL ? s : "";
}

/* The query's first column, a line each, under a heading. */
static void
footer_list(Shell *sh, FILE *out, const Described *d, const char *heading, const char *format)
{
    Table t;
    if (!fetch(sh, &t, d->oid, format)) return;
    if (t.nrows > 0) fprintf(out, "%s\n", heading);
    for (long r = 0; r < t.nrows; r++) fprintf(out, "    %s\n", cell(&t, r, 0));
    table_free(&t);
}

/* "Inherits: a,\n          b": one line each, the following ones below the first. */
static void
footer_names(Shell *sh, FILE *out, const Described *d, const char *heading, const char *format)
{
    Table t;
    if (!fetch(sh, &t, d->oid, format)) return;
    for (long r = 0; r < t.nrows; r++)
        fprintf(out, "%*s %s%s\n", (int)strlen(heading), r == 0 ? heading : "", cell(&t, r, 0), r + 1 < t.nrows ? "," : "");
    table_free(&t);
}

static void
footer_children(Shell *sh, FILE *out, const Described *d)
{
    Table t;
    bool partitioned = *d->kind == 'p';
    const char *heading = partitioned ? "Partitions:" : "Child tables:";
    if (!fetch(sh, &t, d->oid,
               "SELECT c.oid::pg_catalog.regclass, pg_catalog.pg_get_expr(c.relpartbound, c.oid), c.relkind FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i "
               "WHERE c.oid = i.inhrelid AND i.inhparent = $ ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.oid::pg_catalog.regclass::pg_catalog.text"))
        return;
    if (t.nrows == 0 && partitioned) {
        fputs("Number of partitions: 0\n", out);
    } else if (t.nrows > 0 && !d->plus) {
        fprintf(out, "Number of %s: %ld (Use \\d+ to list them.)\n", partitioned ? "partitions" : "child tables", t.nrows);
    } else {
        for (long r = 0; r < t.nrows; r++)
            fprintf(out, "%*s %s%s%s%s%s\n", (int)strlen(heading), r == 0 ? heading : "", cell(&t, r, 0), partitioned ? " " : "",
                    partitioned ? cell(&t, r, 1) : "", *cell(&t, r, 2) == 'p' ? ", PARTITIONED" : "", r + 1 < t.nrows ? "," : "");
    }
    table_free(&t);
}

static void
footer_partition(Shell *sh, FILE *out, const Described *d)
{
    Table t;
    if (fetch(sh, &t, d->oid,
              "SELECT i.inhparent::pg_catalog.regclass, pg_catalog.pg_get_expr(c.relpartbound, c.oid), pg_catalog.pg_get_partition_constraintdef(c.oid) "
              "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_inherits i ON c.oid = i.inhrelid WHERE c.oid = $ AND c.relispartition")) {
        for (long r = 0; r < t.nrows; r++) {
            fprintf(out, "Partition of: %s %s\n", cell(&t, r, 0), cell(&t, r, 1));
            if (d->plus && *cell(&t, r, 2) != '\0') fprintf(out, "Partition constraint: %s\n", cell(&t, r, 2));
        }
        table_free(&t);
    }
    if (*d->kind == 'p' && fetch(sh, &t, d->oid, "SELECT pg_catalog.pg_get_partkeydef($)")) {
        fprintf(out, "Partition key: %s\n", cell(&t, 0, 0));
        table_free(&t);
    }
}

#define AFTER_USING(def) "substr(" def ", strpos(" def ", ' USING ') + 7)"

static void
footer_constraints(Shell *sh, FILE *out, const Described *d)
{
    footer_list(sh, out, d, "Indexes:",
                "SELECT '\"' || c2.relname || '\"' || CASE WHEN i.indisprimary THEN ' PRIMARY KEY,' WHEN i.indisunique AND k.oid IS NOT NULL "
                "THEN ' UNIQUE CONSTRAINT,' WHEN i.indisunique THEN ' UNIQUE,' ELSE '' END || ' ' || " AFTER_USING("pg_catalog.pg_get_indexdef(i.indexrelid, 0, true)") " || "
                "CASE WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END || "
                "CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c2 ON c2.oid = i.indexrelid "
                "LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') "
                "WHERE i.indrelid = $ ORDER BY i.indisprimary DESC, c2.relname");
    footer_list(sh, out, d, "Check constraints:",
                "SELECT '\"' || conname || '\" ' || pg_catalog.pg_get_constraintdef(oid, true) FROM pg_catalog.pg_constraint "
                "WHERE contype = 'c' AND conrelid = $ ORDER BY conname");
    footer_list(sh, out, d, "Foreign-key constraints:",
                "SELECT '\"' || conname || '\" ' || pg_catalog.pg_get_constraintdef(oid, true) FROM pg_catalog.pg_constraint "
                "WHERE contype = 'f' AND conrelid = $ ORDER BY conname");
    footer_list(sh, out, d, "Referenced by:",
                "SELECT 'TABLE \"' || k.conrelid::pg_catalog.regclass || '\" CONSTRAINT \"' || k.conname || '\" ' || pg_catalog.pg_get_constraintdef(k.oid, true) "
                "FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = $ ORDER BY k.conname");
}

static void
footer_of_table(Shell *sh, FILE *out, const Described *d)
{
    Table t;
    footer_partition(sh, out, d);
    footer_constraints(sh, out, d);
    if (d->plus && strchr("vm", *d->kind) != NULL && fetch(sh, &t, d->oid, "SELECT pg_catalog.pg_get_viewdef($, true)")) {
        fprintf(out, "View definition:\n%s\n", cell(&t, 0, 0));
        table_free(&t);
    }
    footer_names(sh, out, d, "Inherits:",
                 "SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i WHERE c.oid = i.inhparent AND i.inhrelid = $ "
                 "AND c.relkind NOT IN ('p', 'I') ORDER BY i.inhseqno");
    footer_children(sh, out, d);
    if (fetch(sh, &t, d->oid, "SELECT c.reloftype::pg_catalog.regtype FROM pg_catalog.pg_class c WHERE c.oid = $ AND c.reloftype <> 0")) {
        if (t.nrows > 0) fprintf(out, "Typed table of type: %s\n", cell(&t, 0, 0));
        table_free(&t);
    }
    if (d->plus && strchr("rm", *d->kind) != NULL && fetch(sh, &t, d->oid, "SELECT am.amname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE c.oid = $")) {
        if (t.nrows > 0) fprintf(out, "Access method: %s\n", cell(&t, 0, 0));
        table_free(&t);
    }
}

#define COLUMNS_OF_TABLE                                                                                                       \
    "SELECT a.attname AS \"Column\", pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\", "                            \
    "COALESCE((SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND " \
    "a.attcollation <> t.typcollation), '') AS \"Collation\", CASE WHEN a.attnotnull THEN 'not null' ELSE '' END AS \"Nullable\", " \
    "CASE WHEN a.attidentity = 'a' THEN 'generated always as identity' WHEN a.attidentity = 'd' THEN 'generated by default as identity' " \
    "WHEN a.attgenerated = 's' THEN 'generated always as (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) || ') stored' " \
    "ELSE COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid, true), '') END AS \"Default\""
#define STORAGE_OF_COLUMN                                                                                                      \
    ", CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' WHEN 'x' THEN 'extended' ELSE '?' END AS \"Storage\""
#define FROM_COLUMNS                                                                                                           \
    " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "      \
    "WHERE a.attrelid = $ AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"

static const char *
columns_query(const Described *d)
{
    if (*d->kind == 'S')
        return "SELECT pg_catalog.format_type(seqtypid, NULL) AS \"Type\", seqstart AS \"Start\", seqmin AS \"Minimum\", seqmax AS \"Maximum\", "
               "seqincrement AS \"Increment\", CASE WHEN seqcycle THEN 'yes' ELSE 'no' END AS \"Cycles?\", seqcache AS \"Cache\" "
               "FROM pg_catalog.pg_sequence WHERE seqrelid = $";
    if (*d->kind == 'i' || *d->kind == 'I')
        return "SELECT a.attname AS \"Column\", pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\", "
               "CASE WHEN a.attnum <= i.indnkeyatts THEN 'yes' ELSE 'no' END AS \"Key?\", pg_catalog.pg_get_indexdef(a.attrelid, a.attnum, true) AS \"Definition\" "
               "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_index i ON i.indexrelid = a.attrelid WHERE a.attrelid = $ AND a.attnum > 0 ORDER BY a.attnum";
    if (!d->plus) return COLUMNS_OF_TABLE FROM_COLUMNS;
    if (*d->kind == 'v') return COLUMNS_OF_TABLE STORAGE_OF_COLUMN ", pg_catalog.col_description(a.attrelid, a.attnum) AS \"Description\"" FROM_COLUMNS;
    if (*d->kind == 'c') return COLUMNS_OF_TABLE STORAGE_OF_COLUMN ", pg_catalog.col_description(a.attrelid, a.attnum) AS \"Description\"" FROM_COLUMNS;
    return COLUMNS_OF_TABLE STORAGE_OF_COLUMN
        ", CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE '' END AS \"Compression\", "
        "CASE WHEN a.attstattarget = -1 THEN '' ELSE a.attstattarget::text END AS \"Stats target\", "
        "pg_catalog.col_description(a.attrelid, a.attnum) AS \"Description\"" FROM_COLUMNS;
}

static void
footer_of_index(Shell *sh, FILE *out, const Described *d)
{
    Table t;
    if (!fetch(sh, &t, d->oid,
               "SELECT CASE WHEN i.indisprimary THEN 'primary key, ' WHEN i.indisunique THEN 'unique, ' ELSE '' END || am.amname || ', for table \"' || n.nspname || '.' || "
               "c2.relname || '\"' || COALESCE(', predicate (' || pg_catalog.pg_get_expr(i.indpred, i.indrelid, true) || ')', '') || "
               "CASE WHEN i.indisvalid THEN '' ELSE ', invalid' END FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
               "JOIN pg_catalog.pg_class c2 ON c2.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c2.relnamespace "
               "JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE i.indexrelid = $"))
        return;
    if (t.nrows > 0) fprintf(out, "%s\n", cell(&t, 0, 0));
    table_free(&t);
}

static void
footer_of_sequence(Shell *sh, FILE *out, const Described *d)
{
    Table t;
    if (!fetch(sh, &t, d->oid,
               "SELECT n.nspname || '.' || c.relname || '.' || a.attname, a.attidentity FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
               "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND "
               "pg_catalog.pg_get_serial_sequence(pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), a.attname)::pg_catalog.regclass = $"))
        return;
    if (t.nrows > 0) fprintf(out, "%s %s\n", *cell(&t, 0, 1) != '\0' ? "Sequence for identity column:" : "Owned by:", cell(&t, 0, 0));
    table_free(&t);
}

static const char *
kind_name(const Described *d)
{
    bool unlogged = *d->persistence == 'u';
    switch (*d->kind) {
    case 'v': return "View";
    case 'm': return unlogged ? "Unlogged materialized view" : "Materialized view";
    case 'S': return unlogged ? "Unlogged sequence" : "Sequence";
    case 'i': return unlogged ? "Unlogged index" : "Index";
    case 'I': return "Partitioned index";
    case 'p': return "Partitioned table";
    case 'c': return "Composite type";
    default: return unlogged ? "Unlogged table" : "Table";
    }
}

static bool
describe_one(Shell *sh, const Described *d)
{
    Table t;
    Text footer;
    char *title = NULL;
    if (!fetch(sh, &t, d->oid, columns_query(d))) return false;
    if (!text_open(&footer)) return false;
    if (*d->kind == 'S') footer_of_sequence(sh, footer.f, d);
    else if (*d->kind == 'i' || *d->kind == 'I') footer_of_index(sh, footer.f, d);
    else footer_of_table(sh, footer.f, d);
    text_close(&footer);
    if (asprintf(&title, "%s \"%s.%s\"", kind_name(d), d->schema, d->name) < 0) title = NULL;
    t.title = title;
    t.footer = footer.text;
    table_print(sh, &t);
    table_free(&t);
    free(footer.text);
    free(title);
    return true;
}

static bool
describe_name(Shell *sh, const char *pattern, bool plus)
{
    Text q;
    Table t;
    if (!text_open(&q)) return false;
    fputs("SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE true", q.f);
    bool ok = put_pattern(q.f, pattern, "c.relname", "n.nspname", "pg_catalog.pg_table_is_visible(c.oid)");
    fputs(" ORDER BY 2, 3", q.f);
    char *sql = text_close(&q);
    ok = ok && sql != NULL && shell_fetch(sh, sql, &t);
    free(sql);
    if (!ok) return false;
    if (t.nrows == 0) fprintf(stderr, "Did not find any relation named \"%s\".\n", pattern);
    for (long r = 0; ok && r < t.nrows; r++) {
        Described d = {cell(&t, r, 0), cell(&t, r, 1), cell(&t, r, 2), cell(&t, r, 3), cell(&t, r, 4), plus};
        ok = describe_one(sh, &d);
    }
    table_free(&t);
    return ok;
}

/* ---- \sf, \sv ---- */

static bool
show_text(Shell *sh, char *sql, const char *what, const char *name)
{
    Table t;
    bool ok = sql != NULL && shell_fetch(sh, sql, &t);
    free(sql);
    if (!ok) return false;
    if (t.nrows == 0) {
        fprintf(stderr, "ERROR:  %s \"%s\" does not exist\n", what, name);
        ok = false;
    }
    for (long r = 0; r < t.nrows; r++) {
        const char *s = cell(&t, r, 0);
        size_t n = strlen(s);
        fprintf(sh->out, "%s%s", s, n > 0 && s[n - 1] == '\n' ? "" : "\n");
    }
    table_free(&t);
    return ok;
}

bool
describe_source(Shell *sh, const char *cmd, const char *name)
{
    Text q;
    bool view = cmd[1] == 'v', ok;
    if (name == NULL) {
        fprintf(stderr, "%s name is required\n", view ? "view" : "function");
        return false;
    }
    if (!text_open(&q)) return false;
    if (view)
        fputs("SELECT 'CREATE OR REPLACE VIEW ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || E' AS\\n' || "
              "rtrim(pg_catalog.pg_get_viewdef(c.oid, true), ';') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v'", q.f);
    else
        fputs("SELECT pg_catalog.pg_get_functiondef(p.oid) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind <> 'a'", q.f);
    ok = view ? put_pattern(q.f, name, "c.relname", "n.nspname", "pg_catalog.pg_table_is_visible(c.oid)")
              : put_pattern(q.f, name, "p.proname", "n.nspname", "pg_catalog.pg_function_is_visible(p.oid)");
    char *sql = text_close(&q);
    return ok && show_text(sh, sql, view ? "relation" : "function", name);
}

/* ---- the commands ---- */

bool
describe_command(Shell *sh, const char *cmd, const char *pattern)
{
    char name[16], kinds[16];
    size_t n = strcspn(cmd, "+S"), nkinds = 0;
    bool plus = strchr(cmd, '+') != NULL, system = strchr(cmd + 1, 'S') != NULL;
    if (n >= sizeof(name)) n = sizeof(name) - 1;
    snprintf(name, sizeof(name), "%.*s", (int)n, cmd);
    if (strcmp(name, "z") == 0) strcpy(name, "dp");
    if (strcmp(name, "dg") == 0) strcpy(name, "du");
    if (strcmp(name, "d") == 0) return pattern != NULL ? describe_name(sh, pattern, plus) : list_relations(sh, "rvmSfp", plus, system, NULL);
    for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++)
        if (strcmp(listings[i].command, name) == 0) return show_listing(sh, &listings[i], plus, system, pattern);
    for (const char *p = name + 1; *p != '\0' && nkinds < sizeof(kinds) - 3; p++) {
        switch (*p) {
        case 't': kinds[nkinds++] = 'r', kinds[nkinds++] = 'p'; break;
        case 'i': kinds[nkinds++] = 'i', kinds[nkinds++] = 'I'; break;
        case 'v': kinds[nkinds++] = 'v'; break;
        case 'm': kinds[nkinds++] = 'm'; break;
        case 's': kinds[nkinds++] = 'S'; break;
        default: fprintf(stderr, "invalid command \\%s\nTry \\? for help.\n", cmd); return false;
        }
    }
    kinds[nkinds] = '\0';
    return list_relations(sh, kinds, plus, system, pattern);
}
