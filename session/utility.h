/* utility.h - statements that are not planned as a whole: transactions, settings, DDL, COPY, EXPLAIN, ... */
#ifndef SESSION_UTILITY_H
#define SESSION_UTILITY_H

#include "session/stmt.h"

/* Columns of its result, known before it runs; stmt->result.ncols is 0 for most. */
Status utility_describe(Stmt *stmt);
/* Runs it. The tag, affected rows and result rows are left in stmt. */
Status utility_run(Stmt *stmt);
const char *utility_command_name(const Ast *ast);

/* A row of the result being made: values of the described columns, all text or NULL, copied to the run's arena. */
Status utility_emit(Stmt *stmt, const char *const *values);

/* The same with values of the columns' types. */
Status utility_emit_values(Stmt *stmt, const Value *values);

/* Declares the result's columns; types NULL: all text. */
Status utility_columns(Stmt *stmt, int n, const char *const *names_in, const Oid *types);

/* copy.c: values of WITH (...) options. Text: NULL where there is none; 42601 `x requires a Boolean value`. */
const char *option_text(const DefElem *d);
Status option_bool(Ctx *ctx, const DefElem *d, bool *out);

/* Evaluates EXECUTE's arguments and binds them to target, which is planned. */
Status utility_execute_args(Stmt *stmt, const ExecuteStmt *e, Stmt *target);

/* explain.c */
Status utility_explain(Stmt *stmt, const ExplainStmt *e);
Status utility_explain_describe(Stmt *stmt, const ExplainStmt *e);
/* ddl_routine.c: a CALL in a function's body, when it is made; other statements are right. */
Status ddl_check_call(Stmt *stmt);
/* ddl_routine.c: the columns of what CALL gives. */
Status ddl_describe_call(Stmt *stmt, const CallStmt *c);
/* copy.c */
Status utility_copy(Stmt *stmt, const CopyStmt *c);
/* set_constraints.c */
Status utility_set_constraints(Stmt *stmt, const ConstraintsSetStmt *c);
/* ddl.c: CREATE, ALTER, DROP, TRUNCATE, ANALYZE, VACUUM. *handled_out false: not a statement of these. */
Status utility_ddl(Stmt *stmt, bool *handled_out);

#endif
