/* cases.h - running files of recorded cases (tests/data): values through their types' in and out functions, and
 * calls of functions on every shape of vector. */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include "common/settings.h"
#include "types/datetime.h"
#include "types/function.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct CaseRun {
    Ctx ctx;
    Settings settings;
    Arena *arena;
    int ncases, nfailed;
    bool starve; /* fail the first allocation, then the second, ... until the outcome is the undisturbed one */
    const char *path;
    int line;
} CaseRun;

static inline void
case_run_init(CaseRun *run)
{
    memset(run, 0, sizeof(*run));
    run->ctx.settings = &run->settings;
    run->ctx.stack_base = (const char *)run;
    run->ctx.stack_limit = 512 * 1024;
    run->settings.extra_float_digits = 1;
    run->arena = arena_create(NULL, "cases");
}

/* \n \t \\ in place; returns the length. */
static inline size_t
case_unescape(char *s)
{
    char *q = s;
    for (char *p = s; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
            *q++ = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
        } else {
            *q++ = *p;
        }
    }
    *q = '\0';
    return (size_t)(q - s);
}

/* "!zone style order interval" */
static inline void
case_setting(CaseRun *run, const char *line)
{
    char zone[64];
    int style = 0, order = 0, interval = 0;
    sscanf(line + 1, "%63s %d %d %d", zone, &style, &order, &interval);
    assert_int_equal(timezone_find(&run->ctx, zone, strlen(zone), &run->settings.timezone_info), QN_OK);
    assert_non_null(run->settings.timezone_info);
    run->settings.date_style = style;
    run->settings.date_order = order;
    run->settings.interval_style = interval;
}

/* The outcome as the files state it: text, or SQLSTATE, message, detail, hint and JSON's context. */
static inline char *
case_outcome(CaseRun *run, Status st, StrBuf *b)
{
    if (st == QN_OK) {
        assert_true(strbuf_reserve(b, 0));
        b->data[b->nbytes] = '\0';
        return b->data;
    }
    StrBuf e = strbuf_new(run->arena);
    Err *err = &run->ctx.err;
    strbuf_addf(&e, "%s %s", status_sqlstate(st), err->message);
    if (err->detail != NULL) strbuf_addf(&e, " DETAIL %s", err->detail);
    if (err->hint != NULL) strbuf_addf(&e, " HINT %s", err->hint);
    if (err->context != NULL) strbuf_addf(&e, " CONTEXT %s", err->context);
    err_clear(err);
    return e.data;
}

static inline void
case_check(CaseRun *run, const char *what, const char *got, const char *want)
{
    run->ncases++;
    if (strcmp(got, want) == 0) return;
    run->nfailed++;
    print_error("%s:%d: %s\n  want %s\n  got  %s\n", run->path, run->line, what, want, got);
}

/* st = expr, or in a starving run: expr while its n-th allocation fails, for n = 0, 1, ...; each failure is 53200.
 * `again` puts things back. */
#define CASE_TRY(run, st, again, expr)                                                             \
    do {                                                                                           \
        (st) = QN_OK;                                                                              \
        for (int64_t fail_ = 0; (run)->starve; fail_++) {                                          \
            again;                                                                                 \
            mem_fail_after(fail_, false);                                                          \
            (st) = (expr);                                                                         \
            mem_fail_after(-1, false);                                                             \
            if ((st) != ERR_OUT_OF_MEMORY) break;                                                  \
            err_clear(&(run)->ctx.err);                                                            \
        }                                                                                          \
        if (!(run)->starve || (st) != QN_OK) { /* an error's detail may have been left out */       \
            err_clear(&(run)->ctx.err);                                                            \
            again;                                                                                 \
            (st) = (expr);                                                                         \
        }                                                                                          \
        if ((st) == QN_OK) assert_int_equal((run)->ctx.err.code, QN_OK);                           \
    } while (0)

static inline void
case_io(CaseRun *run, char *line)
{
    char *text = strchr(line, '\t');
    *text++ = '\0';
    char *want = strchr(text, '\t');
    *want++ = '\0';
    char what[64];
    snprintf(what, sizeof(what), "%s", line);
    char *at = strchr(line, '@');
    int32_t typmod = at != NULL ? atoi(at + 1) : -1;
    if (at != NULL) *at = '\0';
    const TypeInfo *t = type_by_name(line);
    assert_non_null(t);
    size_t n = case_unescape(text);
    case_unescape(want);
    Value v;
    StrBuf b = strbuf_new(run->arena);
    Status st;
    CASE_TRY(run, st, (void)0, value_in(&run->ctx, run->arena, text, n, t->oid, typmod, &v));
    if (st == QN_OK) CASE_TRY(run, st, b = strbuf_new(run->arena), value_out(&run->ctx, &b, &v));
    case_check(run, what, case_outcome(run, st, &b), want);
}

static inline bool
case_is_polymorphic(Oid t)
{
    return t == TYPE_ANY || t == TYPE_ANYELEMENT || t == TYPE_ANYARRAY || t == TYPE_ANYNONARRAY ||
           t == TYPE_ANYCOMPATIBLE || t == TYPE_ANYCOMPATIBLEARRAY || t == TYPE_ANYCOMPATIBLENONARRAY;
}

static inline bool
case_accepts(const Function *f, const Oid *types, int nargs)
{
    if ((f->flags & FN_VARIADIC) ? nargs < f->nargs - 1 : nargs > f->nargs || nargs < f->nargs - f->ndefaults)
        return false;
    for (int i = 0; i < nargs; i++) {
        Oid want = f->args[i < f->nargs ? i : f->nargs - 1];
        bool is_array = type_info(types[i])->elem_oid != 0;
        if ((want == TYPE_ANYARRAY || want == TYPE_ANYCOMPATIBLEARRAY) && !is_array) return false;
        if ((want == TYPE_ANYNONARRAY || want == TYPE_ANYCOMPATIBLENONARRAY) && is_array) return false;
        if (want != types[i] && !case_is_polymorphic(want)) return false;
    }
    return true;
}

/* The actual result type of a polymorphic function. */
static inline Oid
case_result(const Function *f, const Oid *types, int nargs)
{
    bool array = f->result == TYPE_ANYARRAY || f->result == TYPE_ANYCOMPATIBLEARRAY;
    if (!array && f->result != TYPE_ANYELEMENT && f->result != TYPE_ANYCOMPATIBLE) return f->result;
    for (int i = 0; i < nargs && i < f->nargs; i++) {
        const TypeInfo *t = type_info(types[i]);
        bool arg_array = f->args[i] == TYPE_ANYARRAY || f->args[i] == TYPE_ANYCOMPATIBLEARRAY;
        if (arg_array) return array ? t->oid : t->elem_oid;
    }
    const TypeInfo *t = type_info(types[0]);
    return array ? t->array_oid : t->oid;
}

static inline void
case_add(CaseRun *run, StrBuf *b, const Vector *v, int row, Status *st)
{
    if (vec_is_null(v, row)) {
        strbuf_addz(b, "NULL");
        return;
    }
    Value value = vec_get(v, row);
    if (*st == QN_OK) *st = value_out(&run->ctx, b, &value);
}

/* All rows of a set-returning function, "a ; b"; records as (x,y) in plain form. */
static inline Status
case_set(CaseRun *run, const Function *f, const Value *args, const Oid *types, int nargs, Oid result, StrBuf *b)
{
    const SetFunction *sf = setfn_by_oid(f->oid);
    Vector *out[4];
    void *state;
    int total = 0;
    for (int i = 0; i < nargs; i++)
        if (args[i].is_null && (f->flags & FN_STRICT)) return QN_OK;
    Status st;
    CASE_TRY(run, st, (void)0, sf->open(&run->ctx, run->arena, args, nargs, types, &state));
    for (int c = 0; c < sf->ncols; c++)
        out[c] = vec_create(run->arena, sf->col_types != NULL ? sf->col_types[c] : result, BATCH_ROWS);
    while (st == QN_OK) {
        int n = 0;
        for (int c = 0; c < sf->ncols; c++) vec_reset(out[c], type_phys(out[c]->type, -1));
        st = sf->next(&run->ctx, state, run->arena, out, &n);
        if (st != QN_OK || n == 0) break;
        for (int i = 0; i < n; i++) {
            if (total++ > 0) strbuf_addz(b, " ; ");
            for (int c = 0; c < sf->ncols; c++) {
                if (c > 0) strbuf_addc(b, '|');
                case_add(run, b, out[c], i, &st);
            }
        }
    }
    return st;
}

/* The call over vectors of three rows, FLAT; then with constants but for the first, and a selection. */
static inline char *
case_kernel(CaseRun *run, const Function *f, const Value *args, const Oid *types, int nargs, Oid result, int pass)
{
    static const uint16_t sel[2] = {0, 2};
    Vector *in[16];
    Vector *out = vec_create(run->arena, result, BATCH_ROWS);
    void *state = NULL;
    for (int i = 0; i < nargs; i++) {
        in[i] = vec_create(run->arena, types[i], BATCH_ROWS);
        if (pass == 1 && i > 0) {
            vec_set_const(in[i], &args[i]);
            continue;
        }
        vec_reset(in[i], (Phys)args[i].phys);
        in[i]->scale = args[i].scale;
        memset(in[i]->data, 0, (size_t)phys_width[args[i].phys] * (BATCH_ROWS < 3 ? BATCH_ROWS : 3));
        for (int r = 0; r < 3; r++) {
            if (args[i].is_null)
                vec_set_null(in[i], r);
            else
                vec_put(in[i], r, &args[i]);
        }
    }
    vec_reset(out, type_phys(result, -1));
    KernelCall call = {.ctx = &run->ctx, .arena = run->arena, .fn = f, .nargs = nargs, .args = in, .out = out,
                       .sel = pass == 1 ? sel : NULL, .n = pass == 1 ? 2 : 3, .arg_types = types, .out_typmod = -1,
                       .state = &state, .state_arena = run->arena};
    StrBuf b = strbuf_new(run->arena);
    Status st;
    CASE_TRY(run, st, (state = NULL, vec_reset(out, type_phys(result, -1))), f->kernel(&call));
    if (st == QN_OK) case_add(run, &b, out, 2, &st);
    return case_outcome(run, st, &b);
}

/* name \t type:value ... \t =expected; \N is NULL. */
static inline void
case_call(CaseRun *run, char *line)
{
    char what[256], *part[20];
    int n = 0;
    Oid types[16];
    Value args[16];
    snprintf(what, sizeof(what), "%s", line);
    for (char *p = line; p != NULL && n < 20;) {
        part[n++] = p;
        p = strchr(p, '\t');
        if (p != NULL) *p++ = '\0';
    }
    char *want = part[--n] + 1;
    int nargs = n - 1;
    case_unescape(want);
    for (int i = 0; i < nargs; i++) {
        char *value = strchr(part[i + 1], ':');
        *value++ = '\0';
        const TypeInfo *t = type_by_name(part[i + 1]);
        assert_non_null(t);
        types[i] = t->oid;
        if (strcmp(value, "\\N") == 0) {
            args[i] = value_null(t->oid);
            args[i].phys = t->phys;
            continue;
        }
        size_t nbytes = case_unescape(value);
        if (value_in(&run->ctx, run->arena, value, nbytes, t->oid, -1, &args[i]) != QN_OK)
            fail_msg("%s:%d: argument %d: %s", run->path, run->line, i + 1, run->ctx.err.message);
    }
    int nfound;
    const Function *const *found = fn_by_name(part[0], &nfound), *f = NULL;
    for (int i = 0; i < nfound && f == NULL; i++)
        if (case_accepts(found[i], types, nargs)) f = found[i];
    if (f == NULL) {
        case_check(run, what, "no such function", want);
        return;
    }
    Oid result = case_result(f, types, nargs);
    if (f->flags & FN_SRF) {
        StrBuf b = strbuf_new(run->arena);
        Status st = case_set(run, f, args, types, nargs, result, &b);
        case_check(run, what, case_outcome(run, st, &b), want);
        return;
    }
    for (int i = 0; i < nargs; i++)
        if (args[i].is_null && (f->flags & FN_STRICT)) {
            case_check(run, what, "NULL", want);
            return;
        }
    for (int pass = 0; pass < (BATCH_ROWS < 3 ? 1 : 2); pass++)
        case_check(run, what, case_kernel(run, f, args, types, nargs, result, pass), want);
}

/* Runs every case of a file; at_least guards against an empty one. */
static inline void
run_cases_how(const char *path, void (*one)(CaseRun *run, char *line), int at_least, bool starve)
{
    CaseRun run;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    case_run_init(&run);
    run.path = path;
    run.starve = starve;
    while ((n = getline(&line, &cap, in)) > 0) {
        run.line++;
        if (line[n - 1] == '\n') line[n - 1] = '\0';
        if (line[0] == '#' || line[0] == '\0') continue;
        if (line[0] == '!')
            case_setting(&run, line);
        else
            one(&run, line);
        arena_reset(run.arena);
    }
    free(line);
    fclose(in);
    arena_destroy(run.arena);
    assert_int_equal(run.nfailed, 0);
    assert_true(run.ncases >= at_least);
}

static inline void
run_cases(const char *path, void (*one)(CaseRun *run, char *line), int at_least)
{
    run_cases_how(path, one, at_least, false);
}

/* The same while memory runs out at every place once. */
static inline void
run_cases_starving(const char *path, void (*one)(CaseRun *run, char *line), int at_least)
{
    run_cases_how(path, one, at_least, true);
}

/* A small generator for random tests: the same numbers from the same seed. */
static inline uint32_t
case_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33);
}

/* Random text out of pieces into buf; its length. */
static inline size_t
case_random_text(uint64_t *seed, const char *const *pieces, int npieces, char *buf, size_t size)
{
    size_t n = 0;
    int k = (int)(case_random(seed) % 12) + 1;
    while (k-- > 0) {
        const char *p = pieces[case_random(seed) % (uint32_t)npieces];
        size_t m = strlen(p);
        if (n + m >= size) break;
        memcpy(buf + n, p, m);
        n += m;
    }
    buf[n] = '\0';
    return n;
}

#endif
