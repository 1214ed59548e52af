/* tidy_test.c - what rots silently: who includes whom, whether the map names what exists, and no paths of somebody's machine.
 *
 * Runs from the root of the source tree, as `make unit` does; elsewhere it skips.
 */
#include <ctype.h>
#include <ftw.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder, and the folders or single headers whose includes it may write besides its own. A .def may name a symbol of any
 * folder (the linker resolves it) and is not read here; tests/ may include anything. */
typedef struct Layer {
    const char *folder;
    const char *may[12];
} Layer;

static const Layer layers[] = {
    {"common", {NULL}},
    {"types", {"common"}},
    {"storage", {"common", "types"}},
    {"vector", {"common", "types", "storage"}},
    {"parser", {"common", "grammar.h"}}, /* what lemon makes of parser/grammar.y */
    {"catalog", {"common", "types", "storage", "parser"}},
    {"planner", {"common", "types", "parser", "catalog", "storage/index.h"}},
    {"executor", {"common", "types", "catalog", "storage", "vector", "planner/plan.h", "planner/expr.h"}},
    {"session",
     {"common", "types", "storage", "vector", "parser", "catalog", "planner", "executor", "quern.h", "include/quern.h"}},
    {"shell", {"quern.h"}},
    {"sqllogictest", {"quern.h"}},
    {"bench", {"quern.h"}},
    {"docs", {"quern.h", "include/quern.h", "common", "types"}}, /* it prints the tables */
};

/* Files that cross a border for a reason. */
static const struct {
    const char *file, *may, *reason;
} exceptions[] = {
    {"bench/storage_bench.c", "storage", "it measures the storage layer alone, beneath the C API"},
    {"bench/storage_bench.c", "common", "the same"},
    {"bench/storage_bench.c", "types", "the same"},
};

/* Assembled from halves so that this file does not contain them. */
static const char *const machine_paths[] = {"/wo" "rk/", "/ho" "me/", "/ro" "ot/", "/Us" "ers/", "C:" "\\"};

enum { FILES_MAX = 4096 };

static struct {
    char *path[FILES_MAX], *text[FILES_MAX];
    int count;
} tree;

static bool
has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && strcmp(s + n - k, suffix) == 0;
}

static bool
is_code(const char *path)
{
    return has_suffix(path, ".c") || has_suffix(path, ".h") || has_suffix(path, ".y") || has_suffix(path, ".re");
}

static bool
is_source(const char *path)
{
    return is_code(path) || has_suffix(path, ".def") || has_suffix(path, ".md") || has_suffix(path, ".slt") ||
           has_suffix(path, ".map") || has_suffix(path, ".sql") || has_suffix(path, ".sh") || has_suffix(path, "Makefile");
}

static char *
read_text(const char *path, size_t nbytes)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) return NULL;
    char *text = malloc(nbytes + 1);
    if (text != NULL) text[fread(text, 1, nbytes, f)] = '\0';
    fclose(f);
    return text;
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    const char *name = path + at->base;
    if (type == FTW_D && at->level > 0 && (name[0] == '.' || (at->level == 1 && strcmp(name, "build") == 0)))
        return FTW_SKIP_SUBTREE;
    if (type != FTW_F || !is_source(path) || tree.count == FILES_MAX) return FTW_CONTINUE;
    char *text = read_text(path, (size_t)st->st_size);
    if (text == NULL) return FTW_STOP;
    tree.path[tree.count] = strdup(path + 2); /* past "./" */
    tree.text[tree.count++] = text;
    return FTW_CONTINUE;
}

static int
read_tree(void **state)
{
    (void)state;
    if (access("include/quern.h", R_OK) != 0 || access("tests/tidy_test.c", R_OK) != 0) return 0;
    return nftw(".", visit, 32, FTW_PHYS | FTW_ACTIONRETVAL) == 0 && tree.count < FILES_MAX ? 0 : -1;
}

static int
free_tree(void **state)
{
    (void)state;
    for (int i = 0; i < tree.count; i++) {
        free(tree.path[i]);
        free(tree.text[i]);
    }
    return 0;
}

static void
need_tree(void)
{
    if (tree.count == 0) skip();
}

/* Is the included header under `may`, a folder or one header? */
static bool
covers(const char *may, const char *header)
{
    size_t n = strlen(may);
    return strcmp(may, header) == 0 || (strncmp(may, header, n) == 0 && header[n] == '/');
}

static bool
may_include(const Layer *layer, const char *file, const char *header)
{
    if (covers(layer->folder, header)) return true;
    for (int i = 0; layer->may[i] != NULL; i++)
        if (covers(layer->may[i], header)) return true;
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
        if (strcmp(exceptions[i].file, file) == 0 && covers(exceptions[i].may, header)) return true;
    return false;
}

/* Complaints about one file's includes. */
static int
check_includes(const Layer *layer, const char *file, const char *text)
{
    int faults = 0;
    for (const char *at = text; (at = strstr(at, "#include \"")) != NULL;) {
        bool at_line_start = at == text || at[-1] == '\n';
        at += strlen("#include \"");
        const char *end = strpbrk(at, "\"\n");
        if (!at_line_start || end == NULL) continue;
        char header[256];
        snprintf(header, sizeof(header), "%.*s", (int)(end - at), at);
        if (has_suffix(header, ".def") || may_include(layer, file, header)) continue;
        print_error("%s includes %s, which %s may not\n", file, header, layer->folder);
        faults++;
    }
    return faults;
}

static void
test_each_folder_includes_only_the_layers_beneath_it(void **state)
{
    (void)state;
    need_tree();
    int faults = 0;
    for (int f = 0; f < tree.count; f++)
        for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
            if (is_code(tree.path[f]) && covers(layers[i].folder, tree.path[f]))
                faults += check_includes(&layers[i], tree.path[f], tree.text[f]);
    assert_int_equal(faults, 0);
}

/* x_priv.h is for x.c and x_*.c of its folder. */
static void
test_a_private_header_stays_in_its_folder(void **state)
{
    (void)state;
    need_tree();
    int faults = 0;
    for (int f = 0; f < tree.count; f++) {
        if (!is_code(tree.path[f]) || strncmp(tree.path[f], "tests/", 6) == 0) continue;
        for (const char *at = tree.text[f]; (at = strstr(at, "\n#include \"")) != NULL;) {
            at += strlen("\n#include \"");
            const char *end = strpbrk(at, "\"\n"), *slash = memchr(at, '/', strlen(at));
            if (end == NULL || slash == NULL || slash > end || end - at < 7 || strncmp(end - 7, "_priv.h", 7) != 0) continue;
            if (strncmp(tree.path[f], at, (size_t)(slash - at) + 1) == 0) continue;
            print_error("%s includes the private %.*s\n", tree.path[f], (int)(end - at), at);
            faults++;
        }
    }
    assert_int_equal(faults, 0);
}

static bool
is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Does code or a table contain the word? */
static bool
word_exists(const char *word)
{
    size_t n = strlen(word);
    for (int f = 0; f < tree.count; f++) {
        if (!is_code(tree.path[f]) && !has_suffix(tree.path[f], ".def")) continue;
        for (const char *at = tree.text[f]; (at = strstr(at, word)) != NULL; at += n)
            if ((at == tree.text[f] || !is_word_char(at[-1])) && !is_word_char(at[n])) return true;
    }
    return false;
}

/* name.c, folder/name.[hc], bind_*.c: a glob from the root, from the page's folder, or a bare name anywhere in a folder. */
static bool
file_exists(const char *folder, const char *name)
{
    const char *const places[] = {".", folder, "*", "*/*"};
    for (int i = 0; i < 4; i++) {
        char pattern[512];
        glob_t found;
        snprintf(pattern, sizeof(pattern), "%s/%s", places[i], name);
        if (glob(pattern, 0, NULL, &found) != 0) continue;
        globfree(&found);
        return true;
    }
    return false;
}

static bool
looks_like_file(const char *word)
{
    static const char *const ends[] = {".c", ".h", ".[hc]", ".def", ".y", ".re", ".md", ".slt"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (has_suffix(word, ends[i]) && strlen(word) > strlen(ends[i])) return true;
    return false;
}

/* Lower case with an underscore inside, as our functions are named; a trailing () is taken off. */
static bool
looks_like_function(char *word)
{
    if (has_suffix(word, "()")) word[strlen(word) - 2] = '\0';
    if (strchr(word, '_') == NULL || !islower((unsigned char)word[0]) || has_suffix(word, "_")) return false;
    for (const char *p = word; *p != '\0'; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_') return false;
    return true;
}

static int
check_name(const char *page, const char *folder, char *word, bool functions)
{
    bool missing = looks_like_file(word) ? !file_exists(folder, word)
                                         : functions && looks_like_function(word) && !word_exists(word);
    if (missing) print_error("%s names %s, which does not exist\n", page, word);
    return missing;
}

/* Names between backquotes, and (walks) every word of an indented line that begins with a number. */
static int
check_page(const char *page, const char *text, bool is_map)
{
    int faults = 0;
    char folder[256], word[256];
    const char *slash = strrchr(page, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - page), slash == NULL ? "." : page);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *first = line + strspn(line, " ");
        bool walk = is_map && first - line >= 4 && isdigit((unsigned char)*first);
        bool quoted = false;
        for (const char *p = line; *p != '\0' && *p != '\n';) {
            if (*p == '`') quoted = !quoted;
            size_t n = strcspn(p, "` ,;:()\n");
            if (n > 0 && p[n] == '(' && p[n + 1] == ')') n += 2;
            if (n == 0) {
                p++;
                continue;
            }
            snprintf(word, sizeof(word), "%.*s", (int)n, p);
            if (quoted || walk) faults += check_name(page, folder, word, is_map);
            p += n;
        }
    }
    return faults;
}

static void
test_the_map_and_the_readmes_name_what_exists(void **state)
{
    (void)state;
    need_tree();
    int faults = 0;
    for (int f = 0; f < tree.count; f++)
        if (has_suffix(tree.path[f], ".md") && strncmp(tree.path[f], "docs/reference/", 15) != 0) /* that quotes SQL */
            faults += check_page(tree.path[f], tree.text[f], strcmp(tree.path[f], "ARCHITECTURE.md") == 0);
    assert_int_equal(faults, 0);
}

static void
test_no_file_contains_a_path_of_somebodys_machine(void **state)
{
    (void)state;
    need_tree();
    int faults = 0;
    for (int f = 0; f < tree.count; f++)
        for (size_t i = 0; i < sizeof(machine_paths) / sizeof(machine_paths[0]); i++) {
            const char *at = strstr(tree.text[f], machine_paths[i]);
            if (at == NULL || (at > tree.text[f] && is_word_char(at[-1]))) continue;
            print_error("%s contains %s\n", tree.path[f], machine_paths[i]);
            faults++;
        }
    assert_int_equal(faults, 0);
}

/* The checks themselves: a test that cannot fail holds nothing. */
static void
test_the_checks_see_what_they_forbid(void **state)
{
    (void)state;
    need_tree();
    const Layer low = {"common", {NULL}}, exec = {"executor", {"planner/plan.h"}};
    assert_false(may_include(&low, "common/str.c", "types/batch.h"));
    assert_true(may_include(&low, "common/str.c", "common/str.h"));
    assert_true(may_include(&exec, "executor/sort.c", "planner/plan.h"));
    assert_false(may_include(&exec, "executor/sort.c", "planner/plan.hpp"));
    assert_false(may_include(&exec, "executor/sort.c", "planner/bind.h"));
    assert_false(may_include(&low, "common/str.c", "commons/x.h"));
    assert_true(file_exists("common", "arena.[hc]"));
    assert_false(file_exists("common", "nosuch_file.c"));
    assert_true(word_exists("arena_create"));
    assert_false(word_exists("arena_cre" "ate_nothing"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_folder_includes_only_the_layers_beneath_it),
        cmocka_unit_test(test_a_private_header_stays_in_its_folder),
        cmocka_unit_test(test_the_map_and_the_readmes_name_what_exists),
        cmocka_unit_test(test_no_file_contains_a_path_of_somebodys_machine),
        cmocka_unit_test(test_the_checks_see_what_they_forbid),
    };
    return cmocka_run_group_tests(tests, read_tree, free_tree);
}
