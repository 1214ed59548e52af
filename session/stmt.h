/* stmt.h - a statement: its text, tree, plan, parameters, and its run.
 *
 * A statement that can be planned (SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE) keeps its plan and executor tree; before
 * each run relations are locked and versions compared, and it is planned again when something changed. Any other is a utility
 * (session/utility.c): run as a whole on the first step, its rows, if any, kept.
 *
 *     IDLE --start--> RUNNING --end of rows, reset, error--> IDLE
 *     RUNNING --ROLLBACK, COMMIT of its block--> DEAD --step (reports it)--> IDLE
 *
 * Memory: arena (text, tree) > plan_arena (plan, executor) ; run_arena is emptied at each start, text_arena at each row. A second
 * run takes nothing from the system.
 */
#ifndef SESSION_STMT_H
#define SESSION_STMT_H

#include "executor/exec.h"
#include "planner/planner.h"
#include "session/session.h"

typedef enum StmtState { STMT_IDLE, STMT_RUNNING, STMT_DEAD } StmtState;

typedef struct StmtParam {
    Value value; /* as bound; strings lie in buf. type 0: NULL */
    bool is_bound;
    char *buf;
    size_t cap;
} StmtParam;

/* Rows of a utility statement. */
typedef struct UtilResult {
    int ncols;
    const char **names;
    Oid *types;
    Value **rows;
    int nrows, cap;
} UtilResult;

struct Stmt {
    Session *s;
    Stmt *prev, *next;
    Arena *arena;
    uint64_t serial; /* within the session */
    const char *sql; /* NUL-terminated */
    size_t sql_bytes;
    int position_base; /* characters before it in the text given to quern_exec */
    Ast *ast;
    bool is_utility;
    bool is_exclusive; /* nothing else runs on the connection while it does: quern_exec */

    bool is_cursor;    /* read by FETCH; leaves the transaction alone */
    /* A statement of a function's body, run while another evaluates the call. It is exclusive and leaves the transaction alone. */
    bool is_nested;
    bool sees_caller;        /* it has the caller's snapshot and changes nothing: STABLE, IMMUTABLE */
    const FuncEnv *env;      /* what it may name and must give; NULL: no function's */
    const char *search_path; /* to bind it with; NULL: the session's */
    TxNested nest;
    bool has_nest;

    Arena *plan_arena;
    Plan *plan;        /* NULL: to be planned */
    Exec *exec;
    int exec_flags; /* EXEC_INSTRUMENT ...: of EXPLAIN ANALYZE */
    void (*at_end)(Stmt *stmt, void *arg); /* called before a run's executor state is released; NULL: nothing */
    void *at_end_arg;
    RelPins pins;
    uint64_t generation, settings_generation; /* at which the plan was found right */
    Oid *declared; /* PREPARE name (types) */
    int ndeclared;
    bool fixed_result; /* of PREPARE: its columns may not change */

    StmtParam *params;
    int nparams;
    Value *args; /* converted to the parameters' types */

    StmtState state;
    Status dead;
    Arena *run_arena;
    Snapshot snap;
    bool has_snap, has_command;
    struct Snapshot *command_snapshot; /* with has_command: what the running command sees, for every call of it */
    int64_t deadline_us;
    int64_t start_us;    /* ctx->stmt_start_us */
    Batch *batch;        /* current; NULL: no row */
    int row;             /* position in its selection */
    Batch **held;        /* rows of DML with RETURNING, all of them */
    int nheld, held_cap, next_held;
    UtilResult result;
    int next_result;
    Stmt *inner;         /* EXECUTE: whose rows these are */

    Arena *text_arena;
    const char **texts;  /* of the current row, as asked for */
    int ntexts;
    int64_t nrows;       /* handed out in this run */
    int64_t affected;    /* of the last complete run; -1: no number */
    char tag[80];
    bool tag_is_due;     /* affected is new, and nobody has asked for the tag: stmt_tag */
};

/* Parses the first statement. *out is NULL when there is none. consumed_out: bytes of sql up to where the next one starts. */
Status stmt_prepare(Session *s, const char *sql, size_t nbytes, Stmt **out, size_t *consumed_out);
/* The same for a tree that lies inside another statement: copied. For PREPARE, EXPLAIN. */
Status stmt_from_ast(Session *s, const char *sql, const Ast *ast, const Oid *types, int ntypes, Stmt **out);
void stmt_destroy(Stmt *stmt); /* ends a run first; NULL is fine */
/* Plans it if need be, so that parameters and columns are known. */
Status stmt_plan(Stmt *stmt);
/* And what it names stays as it is until the transaction ends, which from here on has its snapshot, if it is one that keeps it. */
Status stmt_plan_held(Stmt *stmt);
/* *has_row_out: a row can be read, else the run is complete. On error the run has ended. */
Status stmt_step(Stmt *stmt, bool *has_row_out);
/* To the next row of the batch at hand, which is the statement's own: the session need not be entered for it. False: stmt_step has
 * to look, for this or another reason. */
bool stmt_step_within(Stmt *stmt);
/* Ends a run as if all rows had been read. */
Status stmt_reset(Stmt *stmt);
/* Value c of the current row; strings live until the next step. False: there is no row or no such column. */
bool stmt_value(const Stmt *stmt, int c, Value *out);
/* The same in place: *row_out of a flat vector, not NULL; NULL: not there, or not in that form. */
const Vector *stmt_cell(const Stmt *stmt, int c, int *row_out);
int stmt_column_count(const Stmt *stmt);
const char *stmt_column_name(const Stmt *stmt, int c);
Oid stmt_column_type(const Stmt *stmt, int c, int32_t *typmod_out);
/* The command tag of the last complete run. */
const char *stmt_tag(Stmt *stmt);
/* Binds; what v points to is copied. i from 1. */
Status stmt_bind(Stmt *stmt, int i, const Value *v);
/* The same where no memory is needed, and so nothing can fail; false: it is. */
bool stmt_bind_in_place(Stmt *stmt, int i, const Value *v);
/* Room for n parameters. */
Status stmt_params(Stmt *stmt, int n);
/* Begins a run, whose rows stmt_step then gives, now rather than with the first step. */
Status stmt_open(Stmt *stmt);
/* Plans a nested one, within the caller's transaction. */
Status stmt_plan_nested(Stmt *stmt);
/* Ends a run that failed or is not wanted any more, without settling its transaction: nested ones. */
void stmt_stop(Stmt *stmt);
/* Runs to the end, calling row (if not NULL) for every row. */
Status stmt_run(Stmt *stmt, Status (*row)(Stmt *stmt, void *arg), void *arg);

/* Open statements go on with snapshots of their own: their transaction is about to end well. */
Status stmt_detach_all(Session *s);
/* Ends all open ones; their next step raises code (24000 or 34000). */
void stmt_end_all(Session *s, Status code);

/* ctx->plan_query: a Plan for the length of the running statement. */
Status session_plan_query(Ctx *ctx, const char *sql, size_t nbytes, void **plan_out);
Status session_plan_index(Ctx *ctx, Arena *arena, const void *rel, const void *index, void *out);

/* Whether plan_statement takes it. */
bool ast_is_plannable(const Ast *ast);
/* A SELECT whose WITH list changes data. */
bool ast_with_modifies(const Ast *query);
/* "INSERT", as in errors and tags. */
const char *ast_command_name(const Ast *ast);

/* A bound value as one of the parameter's type: assignment rules, text through the type's input. The result lies in the arena. */
Status value_convert(Ctx *ctx, Arena *arena, const Value *v, Oid type, int32_t typmod, Value *out);

/* '[1,2.5]', the text form of a vector; in the arena. */
Status vector_as_text(Ctx *ctx, Arena *arena, const float *values, int dim, Value *out);

/* PREPARE's names (session/prepared.c). */
struct Prepared {
    Prepared *next;
    char *name;
    Stmt *stmt;
    int64_t prepared_us; /* timestamptz */
};
Status prepared_create(Session *s, const PrepareStmt *p, const char *sql);
Status prepared_find(Session *s, const char *name, Prepared **out); /* 26000 */
Status prepared_forget(Session *s, const char *name);               /* NULL: all */
void prepared_forget_all(Session *s);

#endif
