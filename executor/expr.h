/* expr.h - expression programs: bound expressions compiled once, run over batches.
 *
 * A program is a flat list of steps over registers, which are vectors: input columns, constants, parameters,
 * and one a computed subexpression. Each step runs under a selection slot; AND, OR, CASE, COALESCE make
 * narrower slots, so that an error arises only for rows that reach the expression. A step whose arguments are all
 * CONST computes one value (unless its function is volatile). Kernels never see DICT vectors: input columns of that shape are
 * flattened first.
 *
 * Results live until the program's next run. Registers start small and grow with the batches; running
 * again allocates nothing.
 */
#ifndef EXECUTOR_EXPR_H
#define EXECUTOR_EXPR_H

#include "executor/exec.h"

/* Compiles a list of expressions to values: out[i] after expr_run. What they read is added to *deps. */
Status expr_compile(Exec *exec, const ExprList *list, DepSet *deps, ExprProg **out);
Status expr_compile_one(Exec *exec, const Expr *e, DepSet *deps, ExprProg **out);
/* Compiles conditions, ANDed, to a filter. */
Status expr_compile_filter(Exec *exec, const ExprList *conds, DepSet *deps, ExprProg **out);
Status expr_compile_condition(Exec *exec, const Expr *cond, DepSet *deps, ExprProg **out);

/* Computes the values for rows sel[0..n) (NULL: 0..n-1) of nrows rows; inputs may be NULL when not referred to.
 * The results are in expr_result(p, i): FLAT or CONST, or an input's vector as it came. */
Status expr_run(ExprProg *p, Batch *outer, Batch *inner, const uint16_t *sel, int n, int nrows);
Vector *expr_result(const ExprProg *p, int i);
int expr_count(const ExprProg *p);
/* Whether two results are one register: the same expression, computed once. */
bool expr_same_result(const ExprProg *p, int i, int j);
/* Rows of sel[0..n) for which the filter is true, ascending, to sel_out (room for n; may be sel itself). */
Status expr_filter(ExprProg *p, Batch *outer, Batch *inner, const uint16_t *sel, int n, int nrows,
                   uint16_t *sel_out, int *n_out);
/* The value of result i without input columns. */
Status expr_eval(ExprProg *p, Value *out);
/* Sets used[c] for each column c < n of input rel (INPUT_OUTER, INPUT_INNER) that the program reads. p may be NULL. */
void expr_mark_inputs(const ExprProg *p, int rel, bool *used, int n);
void expr_prog_close(ExprProg *p); /* ends subplans' hash tables; NULL is fine */

#endif
