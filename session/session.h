/* session.h - a connection: its context, its transaction block, its settings, its statements.
 *
 * A quern * is a Session *. Everything in here runs on the thread that made the API call.
 *
 * Transactions. The storage has one transaction a connection (ctx->tx). Who ends it depends on the block:
 *
 *     BLOCK_NONE      each statement has its own transaction, begun when it starts, ended when it finishes. One that is still open
 *                     (rows being fetched) when another starts is detached: its transaction is committed, and it
 *                     goes on reading with its own kept snapshot, without locks.
 *     BLOCK_IMPLICIT  the statements of one quern_exec with more than one statement.
 *     BLOCK_OPEN      after BEGIN.
 *     BLOCK_FAILED    after an error in BLOCK_OPEN: only ROLLBACK, COMMIT (which rolls back) and ROLLBACK TO go. The
 *                     storage's transaction is rolled back at once unless there is a savepoint to return to.
 *
 *     NONE --BEGIN--> OPEN --error--> FAILED --ROLLBACK TO--> OPEN     (session/transaction.c)
 *     OPEN, FAILED --COMMIT, ROLLBACK--> NONE
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "catalog/catalog.h"
#include "common/ctx.h"
#include "common/settings.h"
#include "executor/constraints.h"
#include "include/quern.h"
#include "parser/ast.h"
#include "storage/snapshot.h"
#include "storage/tx.h"

typedef struct Session Session;
typedef struct Stmt Stmt;         /* session/stmt.h; a quern_stmt */
typedef struct Appender Appender; /* session/appender.c; a quern_appender */
typedef struct Prepared Prepared; /* a name given by PREPARE */
typedef struct Cursor Cursor;     /* DECLAREd (session/cursor.c) */
typedef struct Body Body;         /* of an SQL function */

typedef enum BlockState { BLOCK_NONE, BLOCK_IMPLICIT, BLOCK_OPEN, BLOCK_FAILED } BlockState;

/* A setting's value to go back to (session/settings.c). */
typedef struct SettingUndo {
    const SettingInfo *info; /* NULL: a custom one */
    char *custom;            /* its name */
    SettingValue before;     /* a string that is_owned belongs to the entry; custom: NULL if it was not there */
    bool is_owned;
    bool is_local;
} SettingUndo;

/* What SET TRANSACTION sets: the settings transaction_isolation, _read_only and _deferrable. */
typedef struct TxModes {
    int isolation; /* position in the setting's options */
    bool read_only, deferrable;
} TxModes;

typedef struct CustomSetting {
    char *name;
    char *value;
} CustomSetting;

typedef struct SavepointMark {
    char *name;
    int settings_mark; /* length of the undo log */
    ConstraintMark constraints;
} SavepointMark;

struct Session {
    Ctx ctx; /* first: ctx->session is the Session */
    Arena *arena;
    Arena *commit_arena; /* what committing allocates */
    MemAccount mem;
    bool is_open;       /* storage is attached */
    bool is_usable;     /* opening went well to its end: calls go through */
    int entered;        /* calls of the API under way: the outermost holds the connection */
    int64_t idle_until_us; /* end of the application's patience between calls (CLOCK_MONOTONIC); 0: none */
    Status idle_why;
    Status ended;       /* why another session or the watch has ended this one; QN_OK: it has not */
    bool is_opening;    /* quern_config.settings are being applied: those of the instance may be set */
    _Atomic uint32_t stop;
    RelPins no_pins;    /* for lookups outside statements */

    BlockState block;
    SavepointMark *savepoints;
    int nsavepoints, savepoints_cap;
    TxModes modes;         /* of the block that failed: what AND CHAIN goes on with */
    bool has_queried;      /* a statement with a snapshot ran in the transaction */

    Settings settings;
    bool *setting_owned;   /* by row of settings.def: its string is ours to free */
    SettingUndo *undo;
    int nundo, undo_cap;      /* the log of this transaction's SETs */
    CustomSetting *custom;
    int ncustom, custom_cap;
    const char **given;          /* names and values of settings given at opening, what RESET goes back to; in the session's arena */
    int ngiven;
    uint64_t settings_generation; /* changes with every SET: plans are made again */

    Stmt *stmts;           /* all, newest first */
    uint64_t last_serial;  /* of a statement */
    Stmt *running;         /* the one being stepped */
    int depth;             /* of statements being stepped: EXECUTE runs another one inside */
    Appender *appenders;
    Prepared *prepared;    /* newest first */
    Cursor *cursors;       /* newest first */
    struct DomainCheck *domain_checks; /* plans (session/domain.c) */
    Body *bodies;   /* of SQL functions in use (session/sqlfunc.c) */

    Err err;               /* of the last call that failed */
    int err_position;      /* in characters */

    int (*progress)(void *arg, double fraction);
    void *progress_arg;
    int64_t progress_next_us;
    void (*notice)(void *arg, const char *severity, const char *sqlstate, const char *message);
    void *notice_arg;
    int (*copy_source)(void *arg, char *buf, size_t cap, size_t *n);
    void *copy_source_arg;
    int (*copy_sink)(void *arg, const char *data, size_t n);
    void *copy_sink_arg;
};

static inline Session *
session_of(Ctx *ctx)
{
    return (Session *)ctx->session;
}

/* session.c */
struct FileOps;
/* files: where the database's files are (storage/file.h); NULL: the system's. */
Status session_open(const char *path, const quern_config *config, const struct FileOps *files, Session **out);
Status session_close(Session *s);
/* A session of the instance's own, which keeps nothing open; by nobody's thread in particular, one at a time. like: whose settings it has. */
Status session_open_internal(struct Db *db, const Settings *like, Session **out);
void session_close_internal(Session *s);
void session_note_stack(Session *s); /* it runs on this thread now, with the stack from here down */
/* Makes ctx ready for a call: error slot empty, stack base (the caller's frame) noted, database usable (58030, 55000), session not ended
 * by others (57P01, 25P03, 57P05). Whether it succeeds or not, session_leave has to follow: SESSION_CALL sees to it. */
Status session_enter(Session *s, const void *stack_base);
void session_leave(Session **s);
#define SESSION_CALL(s) Session *call_ __attribute__((cleanup(session_leave), unused)) = (s)
/* Hands the error in the context to the caller of the API; sql: the text that positions count in, from byte base on. Returns st. */
int session_fail(Session *s, Status st, const char *sql, size_t sql_bytes);

/* transaction.c */
int64_t session_wall_us(void); /* now, as timestamptz */
/* A transaction for one statement: begins one unless the block has it. */
Status session_begin_statement(Session *s);
/* After the last statement of a transaction of its own: commits, or rolls back when failed. Otherwise marks a failed block. May raise when
 * committing fails. */
Status session_end_statement(Session *s, bool ok);
/* Ends the running statement's transaction, which must be its own, and begins another without a snapshot: VACUUM. */
Status session_next_transaction(Session *s);
/* 25P02 in a failed block. */
Status session_check_block(Session *s);
/* BEGIN, COMMIT, SAVEPOINT, ...; tag_out is a literal. */
Status session_transaction(Session *s, const TransactionStmt *stmt, const char **tag_out);
/* 25001 "VACUUM cannot run inside a transaction block". */
Status session_prevent_block(Session *s, const char *what);
/* 25P01 "SAVEPOINT can only be used in transaction blocks". */
Status session_require_block(Session *s, const char *what);
/* SET TRANSACTION, SET SESSION CHARACTERISTICS AS TRANSACTION. */
Status session_set_modes(Session *s, const AstList *modes, bool as_default);
/* May the setting of the running transaction become this? 25001. */
Status session_check_mode(Session *s, const SettingInfo *info, SettingValue value);
/* The transaction takes up what its settings say now. */
void session_apply_modes(Session *s);
/* Rolls back whatever is open, for a session that is being ended. */
void session_abandon(Session *s);
/* Ends quern_exec's implicit block. */
Status session_end_implicit(Session *s, bool ok);

/* settings.c */
Status settings_session_init(Session *s);
void settings_session_free(Session *s);
/* SET name = text (NULL: the default). is_local: until the transaction ends. Errors 42704, 22023, 55P02. */
Status settings_set(Session *s, const char *name, const char *text, bool is_local);
Status settings_reset_all(Session *s);
/* As SHOW prints it, in the arena. *out NULL with missing_ok when there is no such setting. */
Status settings_show(Session *s, Arena *arena, const char *name, bool missing_ok, const char **out);
void settings_at_commit(Session *s);
void settings_at_rollback(Session *s, int mark); /* 0: all */
/* The value of SET as one text; search_path's parts are names. */
Status settings_text(Session *s, const VariableSetStmt *stmt, const char **out);
Status settings_run_set(Session *s, const VariableSetStmt *stmt, const char **tag_out);

/* domain.c */
void domain_forget_all(Session *s);
Status session_check_domain(Ctx *ctx, uint32_t domain, const void *value);

/* notice.c */
void session_notice(Ctx *ctx, const char *severity, Status code, const char *message);
Status session_tick(Ctx *ctx);

#endif
