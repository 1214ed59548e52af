/* cursor.c - see cursor.h. */
#include "session/cursor.h"
#include "catalog/systable.h"
#include "executor/rowstore.h"
#include "executor/vecutil.h"
#include "session/utility.h"
#include "storage/heap.h"
#include "types/kernel.h"
#include <stdio.h>
#include <stdlib.h>

/* A table of the query whose rows WHERE CURRENT OF may mean: its tid and tableoid are hidden columns after the visible ones. */
typedef struct CursorTable {
    Oid oid;
    int tid_col;
} CursorTable;

struct Cursor {
    Cursor *next;
    char *name;
    Arena *arena;
    Stmt *query;     /* NULL: held, everything is in rows */
    RowStore *rows;
    int ncols;       /* visible ones */
    const char **names;
    Oid *types;
    int32_t *typmods;
    Batch *row;      /* one row, out of the store */
    int64_t first;   /* number of the store's first row less 1: rows before it were not kept */
    int64_t nread;   /* rows read from the query so far */
    int64_t at;      /* position */
    bool is_complete; /* nread is how many there are */
    bool no_scroll, is_scrollable, is_hold, is_binary;
    bool is_new;     /* declared in the running transaction */
    int level;       /* savepoints that were set then */
    bool locks_rows; /* FOR UPDATE, FOR SHARE */
    CursorTable *tables;
    int ntables;
    int64_t created_us;
    const char *text;
};

static Cursor **
find_slot(Session *s, const char *name)
{
    Cursor **p = &s->cursors;
    while (*p != NULL && strcmp((*p)->name, name) != 0) p = &(*p)->next;
    return p;
}

static Status
no_cursor(Ctx *ctx, const char *name)
{
    return RAISE(ctx, ERR_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist", name);
}

static void
cursor_free(Cursor *c)
{
    rowstore_free(c->rows);
    stmt_destroy(c->query);
    arena_destroy(c->arena);
}

static void
drop(Cursor **slot)
{
    Cursor *c = *slot;
    *slot = c->next;
    cursor_free(c);
}

Status
cursor_close(Session *s, const char *name)
{
    if (name == NULL) {
        while (s->cursors != NULL) drop(&s->cursors);
        return QN_OK;
    }
    Cursor **slot = find_slot(s, name);
    if (*slot == NULL) return no_cursor(&s->ctx, name);
    drop(slot);
    return QN_OK;
}

/* ---- declaring ---- */

/* Whether a plan can be read backwards without being told so beforehand, by PostgreSQL's rules. */
static bool
reads_backwards(const PlanNode *p)
{
    if (p == NULL) return true;
    switch (p->tag) {
    case PLAN_SeqScan:
    case PLAN_IndexScan:
    case PLAN_TidScan:
    case PLAN_FunctionScan:
    case PLAN_ValuesScan:
    case PLAN_CteScan:
    case PLAN_Materialize:
    case PLAN_Sort:
    case PLAN_CatalogScan: return true;
    case PLAN_Result:
    case PLAN_Limit:
    case PLAN_SubqueryScan: return reads_backwards(p->outer);
    default: return false;
    }
}

static Status
add_hidden(Ctx *ctx, Arena *arena, SelectStmt *q, const char *table, const char *column)
{
    ResTarget *t;
    ColumnRef *c;
    StringNode *part;
    TRY_ALLOC(ctx, t, AST_NEW(arena, ResTarget));
    TRY_ALLOC(ctx, c, AST_NEW(arena, ColumnRef));
    TRY_ALLOC(ctx, part, AST_NEW(arena, StringNode));
    part->str = table;
    TRY(ast_list_push(ctx, arena, &c->fields, &part->base));
    TRY_ALLOC(ctx, part, AST_NEW(arena, StringNode));
    part->str = column;
    TRY(ast_list_push(ctx, arena, &c->fields, &part->base));
    t->value = &c->base;
    return ast_list_push(ctx, arena, &q->targets, &t->base);
}

/* Tables named in FROM, joins looked into. */
static Status
add_tables(Ctx *ctx, Cursor *c, SelectStmt *q, const Ast *from)
{
    TRY(ctx_check_depth(ctx));
    if (ast_is(from, JoinExpr)) {
        TRY(add_tables(ctx, c, q, AST_AS(JoinExpr, from)->left));
        return add_tables(ctx, c, q, AST_AS(JoinExpr, from)->right);
    }
    if (!ast_is(from, RangeVar)) return QN_OK;
    const RangeVar *rv = AST_AS(RangeVar, from);
    const Relation *rel;
    TRY(catalog_relation(ctx, rv->schema, rv->name, &rel));
    if (rel == NULL || rel->oid < OID_FIRST_USER || strchr("rp", rel->kind) == NULL) return QN_OK;
    CursorTable *tables;
    TRY_ALLOC(ctx, tables, ARENA_ARRAY(c->arena, CursorTable, c->ntables + 1));
    if (c->ntables > 0) memcpy(tables, c->tables, sizeof(*tables) * (size_t)c->ntables);
    tables[c->ntables] = (CursorTable){.oid = rel->oid, .tid_col = 2 * c->ntables};
    c->tables = tables;
    c->ntables++;
    const char *name = rv->alias != NULL ? AST_AS(Alias, rv->alias)->name : rv->name;
    TRY(add_hidden(ctx, c->arena, q, name, "ctid"));
    return add_hidden(ctx, c->arena, q, name, "tableoid");
}

/* A copy of the query with the rows' tids, where each of its rows is one of a table's; NULL: it is not of that form. */
static Status
query_with_tids(Ctx *ctx, Cursor *c, const Ast *query, Ast **out)
{
    Ast *copy;
    *out = NULL;
    if (!ast_is(query, SelectStmt)) return QN_OK;
    const SelectStmt *q = AST_AS(SelectStmt, query);
    if (q->setop != AST_SETOP_NONE || q->distinct || q->group_by.count > 0 || q->having != NULL || q->values.count > 0 ||
        q->with != NULL)
        return QN_OK;
    TRY(ast_copy(ctx, c->arena, query, &copy));
    SelectStmt *s = AST_AS(SelectStmt, copy);
    for (int i = 0; i < s->from.count; i++) TRY(add_tables(ctx, c, s, s->from.items[i]));
    if (c->ntables > 0) *out = copy;
    return QN_OK;
}

/* from: the DECLARE; in a function's body the query has the function's parameters. */
static Status
open_query(Stmt *from, Cursor *c, const Ast *query)
{
    TRY(stmt_from_ast(from->s, from->sql, query, NULL, 0, &c->query));
    c->query->is_cursor = true;
    if (from->env != NULL) {
        c->query->env = from->env;
        TRY(stmt_plan_nested(c->query));
        c->query->env = NULL; /* the function may go before the cursor does */
        for (int i = 0; i < from->nparams; i++) TRY(stmt_bind(c->query, i + 1, &from->params[i].value));
    }
    return stmt_open(c->query);
}

/* Opens the query, with hidden tids if it can have them. */
static Status
open_cursor(Stmt *from, Cursor *c, const Ast *query)
{
    Ctx *ctx = &from->s->ctx;
    Ast *with_tids;
    TRY(query_with_tids(ctx, c, query, &with_tids));
    if (with_tids != NULL) {
        Status st = open_query(from, c, with_tids);
        if (st == QN_OK) return QN_OK;
        if (st == ERR_OUT_OF_MEMORY || st == ERR_QUERY_CANCELED) return st;
        /* Grouped after all: its rows are no rows of a table. */
        err_clear(&ctx->err);
        stmt_destroy(c->query);
        c->query = NULL;
        c->ntables = 0;
    }
    return open_query(from, c, query);
}

static Status
note_columns(Session *s, Cursor *c)
{
    Ctx *ctx = &s->ctx;
    const Plan *plan = c->query->plan;
    int n = plan->ncols;
    c->ncols = n - 2 * c->ntables;
    for (int i = 0; i < c->ntables; i++) c->tables[i].tid_col += c->ncols;
    TRY_ALLOC(ctx, c->names, ARENA_ARRAY(c->arena, const char *, n + 1));
    TRY_ALLOC(ctx, c->types, arena_memdup(c->arena, plan->col_types, sizeof(Oid) * (size_t)(n + 1)));
    TRY_ALLOC(ctx, c->typmods, arena_memdup(c->arena, plan->col_typmods, sizeof(int32_t) * (size_t)(n + 1)));
    for (int i = 0; i < n; i++) TRY_ALLOC(ctx, c->names[i], arena_strdup(c->arena, plan->col_names[i]));
    TRY(rowstore_new(ctx, c->arena, n, c->types, (size_t)ctx->settings->work_mem * 1024, &c->rows));
    TRY_ALLOC(ctx, c->row, exec_batch_new(c->arena, n, c->types));
    return QN_OK;
}

static Status
check_options(Stmt *stmt, const DeclareCursorStmt *d)
{
    Ctx *ctx = &stmt->s->ctx;
    if (d->scroll && d->no_scroll)
        return RAISE(ctx, ERR_INVALID_CURSOR_DEFINITION, "cannot specify both %s and %s", "SCROLL", "NO SCROLL");
    if (d->asensitive && d->insensitive)
        return RAISE(ctx, ERR_INVALID_CURSOR_DEFINITION, "cannot specify both %s and %s", "ASENSITIVE", "INSENSITIVE");
    if (!ast_is(d->query, SelectStmt) || !ast_is_plannable(d->query))
        return RAISE(ctx, ERR_INVALID_CURSOR_DEFINITION, "DECLARE CURSOR must specify a query that returns rows");
    if (ast_with_modifies(d->query))
        return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "DECLARE CURSOR must not contain data-modifying statements in WITH");
    if (AST_AS(SelectStmt, d->query)->locking.count == 0) return QN_OK;
    const char *bad = d->hold ? "WITH HOLD" : d->scroll ? "SCROLL" : d->insensitive ? "INSENSITIVE" : NULL;
    if (bad == NULL) return QN_OK;
    const LockingClause *l = AST_AS(LockingClause, AST_AS(SelectStmt, d->query)->locking.items[0]);
    static const char *const words[] = {"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};
    Status st = d->hold || d->scroll
                    ? RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED, "DECLARE %sCURSOR %s%s is not supported", d->hold ? "" : "SCROLL ",
                            d->hold ? "WITH HOLD ... " : "... ", words[l->strength])
                    : RAISE(ctx, ERR_INVALID_CURSOR_DEFINITION, "DECLARE INSENSITIVE CURSOR ... %s is not valid", words[l->strength]);
    return err_detail(ctx, st, d->hold     ? "Holdable cursors must be READ ONLY."
                               : d->scroll ? "Scrollable cursors must be READ ONLY."
                                           : "Insensitive cursors must be READ ONLY.");
}

Status
cursor_declare(Stmt *stmt, const DeclareCursorStmt *d)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    Cursor *c = NULL;
    Status st;
    TRY(check_options(stmt, d));
    if (!d->hold) TRY(session_require_block(s, "DECLARE CURSOR"));
    if (*find_slot(s, d->name) != NULL)
        return RAISE(ctx, ERR_DUPLICATE_CURSOR, "cursor \"%s\" already exists", d->name);
    Arena *arena = arena_create_account(NULL, "cursor", &s->mem);
    if (arena == NULL) return RAISE_OOM(ctx);
    TRY_ALLOC_GOTO(ctx, c, ARENA_NEW(arena, Cursor));
    c->arena = arena;
    TRY_ALLOC_GOTO(ctx, c->name, arena_strdup(arena, d->name));
    TRY_ALLOC_GOTO(ctx, c->text, arena_strdup(arena, stmt->sql));
    TRY_GOTO(open_cursor(stmt, c, d->query));
    TRY_GOTO(note_columns(s, c));
    c->locks_rows = AST_AS(SelectStmt, d->query)->locking.count > 0;
    c->no_scroll = d->no_scroll;
    c->is_scrollable = d->scroll || (!d->no_scroll && !c->locks_rows && reads_backwards(c->query->plan->root));
    c->is_hold = d->hold;
    c->is_binary = d->binary;
    c->is_new = true;
    c->level = s->nsavepoints;
    c->created_us = stmt->start_us;
    c->next = s->cursors;
    s->cursors = c;
    return QN_OK;
done:
    if (c != NULL)
        cursor_free(c);
    else
        arena_destroy(arena);
    return st;
}

/* ---- reading ---- */

/* Reads the query on until row number n is there, or its end. */
static Status
read_to(Session *s, Cursor *c, int64_t n)
{
    while (c->nread < n && !c->is_complete) {
        bool has_row;
        TRY(ctx_check_stop(&s->ctx));
        TRY(stmt_step(c->query, &has_row));
        if (!has_row) {
            c->is_complete = true;
            break;
        }
        const Batch *b = c->query->batch;
        uint16_t row = (uint16_t)batch_row(b, c->query->row);
        TRY(rowstore_append_rows(c->rows, b->cols, &row, 1, NULL));
        c->nread++;
    }
    return QN_OK;
}

static Status
load_row(Session *s, Cursor *c, int64_t n)
{
    int got;
    TRY(rowstore_read(c->rows, n - 1 - c->first, 1, c->row, &got));
    return got == 1 ? QN_OK : RAISE_INTERNAL(&s->ctx, "row %lld of cursor \"%s\" is gone", (long long)n, c->name);
}

static Status
only_forward(Session *s, const Cursor *c, bool going_back)
{
    if (c->is_scrollable || !going_back) return QN_OK;
    Status st = RAISE(&s->ctx, ERR_OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
    return err_hint(&s->ctx, st, "Declare it with SCROLL option to enable backward scan.");
}

/* What FETCH asks for: up to `count` rows from `from` on in direction `step`, and where the cursor ends up. */
typedef struct Move {
    int64_t from, count; /* count INT64_MAX: all */
    int step;            /* 1, -1 */
} Move;

static Status
resolve_move(Session *s, Cursor *c, const FetchStmt *f, Move *m)
{
    int64_t n = f->count;
    AstFetchDirection dir = f->direction;
    if (dir == AST_FETCH_ABSOLUTE) {
        if (n < 0) { /* from the end */
            TRY(only_forward(s, c, true));
            TRY(read_to(s, c, INT64_MAX));
            n = -n <= c->nread ? c->nread + 1 + n : 0;
        }
        TRY(only_forward(s, c, n <= c->at && !(n == 0 && c->at == 0)));
        *m = (Move){.from = n, .count = 1, .step = n < c->at ? -1 : 1};
        return QN_OK;
    }
    if (dir == AST_FETCH_RELATIVE) {
        TRY(only_forward(s, c, n <= 0 && c->at > 0));
        int64_t to = c->at + n;
        *m = (Move){.from = to < 0 ? 0 : to, .count = 1, .step = n < 0 ? -1 : 1};
        return QN_OK;
    }
    if (n < 0 && n != INT64_MIN) {
        n = -n;
        dir = dir == AST_FETCH_FORWARD ? AST_FETCH_BACKWARD : AST_FETCH_FORWARD;
    }
    if (n == 0) { /* the row it stands on, again */
        TRY(only_forward(s, c, c->at > 0));
        *m = (Move){.from = c->at, .count = 1, .step = 1};
        return QN_OK;
    }
    bool back = dir == AST_FETCH_BACKWARD;
    TRY(only_forward(s, c, back));
    *m = (Move){.from = back ? c->at - 1 : c->at + 1, .count = n, .step = back ? -1 : 1};
    return QN_OK;
}

static Status
emit_row(Stmt *stmt, Session *s, Cursor *c, int64_t n)
{
    Value *values;
    TRY(load_row(s, c, n));
    TRY_ALLOC(&s->ctx, values, ARENA_ARRAY(stmt->run_arena, Value, c->ncols + 1));
    for (int i = 0; i < c->ncols; i++) values[i] = vec_get(c->row->cols[i], 0);
    return utility_emit_values(stmt, values);
}

Status
cursor_fetch(Stmt *stmt, const FetchStmt *f)
{
    Session *s = stmt->s;
    Ctx *ctx = &s->ctx;
    Cursor *c = *find_slot(s, f->cursor);
    Move m;
    int64_t done = 0;
    if (c == NULL) return no_cursor(ctx, f->cursor);
    if (!f->is_move) TRY(utility_columns(stmt, c->ncols, c->names, c->types));
    TRY(resolve_move(s, c, f, &m));
    int64_t n = m.from;
    for (; done < m.count; n += m.step) {
        TRY(read_to(s, c, n));
        if (n < 1 || n > c->nread) break;
        c->at = n;
        if (!f->is_move) TRY(emit_row(stmt, s, c, n));
        done++;
    }
    /* Having run out it stands before or behind all rows. */
    if (done < m.count) c->at = n < 1 ? 0 : c->nread + 1;
    stmt->affected = done;
    snprintf(stmt->tag, sizeof(stmt->tag), "%s %lld", f->is_move ? "MOVE" : "FETCH", (long long)done);
    return QN_OK;
}

Status
cursor_describe(Stmt *stmt, const FetchStmt *f)
{
    const Cursor *c = *find_slot(stmt->s, f->cursor);
    if (c == NULL || f->is_move) return QN_OK;
    return utility_columns(stmt, c->ncols, c->names, c->types);
}

/* ---- the ends of transactions ---- */

/* All that is left of the query goes to the store. */
static Status
hold(Session *s, Cursor *c)
{
    TRY(read_to(s, c, INT64_MAX));
    stmt_destroy(c->query);
    c->query = NULL;
    c->ntables = 0;
    c->is_new = false;
    c->level = 0;
    return QN_OK;
}

Status
cursors_before_commit(Session *s)
{
    for (Cursor **p = &s->cursors; *p != NULL;) {
        if (!(*p)->is_new) {
            p = &(*p)->next;
        } else if ((*p)->is_hold) {
            TRY(hold(s, *p));
            p = &(*p)->next;
        } else {
            drop(p);
        }
    }
    return QN_OK;
}

static void
drop_new(Session *s, int level)
{
    for (Cursor **p = &s->cursors; *p != NULL;) {
        if ((*p)->is_new && (*p)->level > level)
            drop(p);
        else
            p = &(*p)->next;
    }
}

void
cursors_after_rollback(Session *s)
{
    drop_new(s, -1);
}

void
cursors_rollback_to(Session *s, int level)
{
    drop_new(s, level);
}

void
cursors_release(Session *s, int level)
{
    for (Cursor *c = s->cursors; c != NULL; c = c->next)
        if (c->level > level) c->level = level;
}

/* ---- WHERE CURRENT OF ---- */

static Status
current_table(Ctx *ctx, const Cursor *c, Oid target, const CursorTable **out)
{
    const Relation *rel;
    int n = 0;
    for (int i = 0; i < c->ntables; i++) {
        if (c->tables[i].oid != target) continue;
        *out = &c->tables[i];
        n++;
    }
    if (c->query == NULL)
        return RAISE(ctx, ERR_INVALID_CURSOR_STATE, "cursor \"%s\" is held from a previous transaction", c->name);
    TRY(catalog_relation_by_oid(ctx, target, &rel));
    const char *name = rel != NULL ? rel->name : "?";
    if (n > 1 && c->locks_rows)
        return RAISE(ctx, ERR_INVALID_CURSOR_STATE,
                     "cursor \"%s\" has multiple FOR UPDATE/SHARE references to table \"%s\"", c->name, name);
    if (n == 0 && c->locks_rows)
        return RAISE(ctx, ERR_INVALID_CURSOR_STATE,
                     "cursor \"%s\" does not have a FOR UPDATE/SHARE reference to table \"%s\"", c->name, name);
    if (n != 1)
        return RAISE(ctx, ERR_INVALID_CURSOR_STATE, "cursor \"%s\" is not a simply updatable scan of table \"%s\"",
                     c->name, name);
    if (c->at < 1 || c->at > c->nread)
        return RAISE(ctx, ERR_INVALID_CURSOR_STATE, "cursor \"%s\" is not positioned on a row", c->name);
    return QN_OK;
}

/* The newest version of the row: it may have been updated since it was read. */
static Status
newest_version(Ctx *ctx, Oid table, Tid tid, Value *out)
{
    const Relation *rel;
    HeapLiveness state;
    uint64_t wait_xid;
    Tid newest = tid;
    bool surely_dead;
    TRY(catalog_relation_by_oid(ctx, table, &rel));
    if (rel == NULL || rel->heap == NULL) return QN_OK;
    TRY(heap_chain_state(ctx, rel->heap, tid, false, &state, &newest, &wait_xid, &surely_dead));
    if (state == HEAP_DEAD) return QN_OK;
    out->is_null = false;
    out->phys = PHYS_I64;
    out->i64 = newest;
    return QN_OK;
}

/* pg_current_of(cursor, target table, table of the row at hand) gives the tid of the row the cursor stands on. */
Status
fn_cursor_current_of(KernelCall *call)
{
    Ctx *ctx = call->ctx;
    Session *s = session_of(ctx);
    ROWS(call, i) {
        Str name = ARG(call, 0, Str, i);
        char *text;
        const CursorTable *t = NULL;
        TRY_ALLOC(ctx, text, arena_strndup(call->arena, str_data(&name), name.len));
        Cursor *c = *find_slot(s, text);
        if (c == NULL) return no_cursor(ctx, text);
        TRY(current_table(ctx, c, ARG(call, 1, Oid, i), &t));
        TRY(load_row(s, c, c->at));
        Value tid = vec_get(c->row->cols[t->tid_col], 0), table = vec_get(c->row->cols[t->tid_col + 1], 0);
        Value v = value_null(TYPE_TID);
        if (!tid.is_null && (Oid)table.i32 == ARG(call, 2, Oid, i)) TRY(newest_version(ctx, (Oid)table.i32, tid.i64, &v));
        if (v.is_null)
            out_set_null(call, i);
        else
            OUT(call, int64_t, i) = v.i64;
    }
    return QN_OK;
}

/* ---- pg_cursors ---- */

Status
sys_pg_cursors(Ctx *ctx, SysRows *r)
{
    for (const Cursor *c = session_of(ctx)->cursors; c != NULL; c = c->next) {
        TRY(sys_row(r));
        sys_text(r, c->name);
        sys_text(r, c->text);
        sys_bool(r, c->is_hold);
        sys_bool(r, c->is_binary);
        sys_bool(r, c->is_scrollable);
        sys_time(r, c->created_us);
    }
    return QN_OK;
}
