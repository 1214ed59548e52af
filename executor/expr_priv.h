/* expr_priv.h - the inside of expression programs: steps, registers, selection slots. For expr*.c only. */
#ifndef EXECUTOR_EXPR_PRIV_H
#define EXECUTOR_EXPR_PRIV_H

#include "executor/expr.h"
#include "executor/vecutil.h"

typedef enum StepOp {
    STEP_CALL,      /* dst = fn(args) */
    STEP_SEL,       /* slot_out = rows for which the comparison sel_fn(args) holds */
    STEP_SEL_BOOL,  /* slot_out = rows whose args[0] is true (flag: false) */
    STEP_SEL_NULL,  /* slot_out = rows whose args[0] is NULL (flag: not NULL) */
    STEP_SEL_NONE,  /* slot_out = nothing */
    STEP_SEL_MINUS, /* slot_out = slot minus slot2 */
    STEP_SEL_MERGE, /* slot_out = slot and slot2, disjoint */
    STEP_BOOL_ACC,  /* dst = dst AND/OR args[0] (flag: OR; fresh: dst = args[0]); slot_out = rows still open */
    STEP_NOT,
    STEP_NULLTEST,  /* dst = args[0] IS NULL (flag: IS NOT NULL) */
    STEP_BOOLTEST,
    STEP_DISTINCT,  /* flag: IS NOT DISTINCT */
    STEP_NULLIF,
    STEP_MOVE,      /* dst = args[0] for the slot's rows */
    STEP_MOVE_SET,  /* the same for those that are not NULL; slot_out = the others */
    STEP_MINMAX,
    STEP_RELABEL,
    STEP_COERCE_IO,
    STEP_ROWCMP,
    STEP_ARRAY_OP,
    STEP_ARRAY,
    STEP_SUBSCRIPT,
    STEP_ARRAY_SET, /* args: array, value, then lower and upper of each dimension (-1: left out); flag: a slice */
    STEP_FIELD_SET, /* args: row, value; id: which field */
    STEP_ARRAY_COERCE,
    STEP_ROW,
    STEP_FIELD,
    STEP_DOMAIN_NULL,  /* raises where args[0] is NULL */
    STEP_DOMAIN_CHECK, /* raises where args[0] is false; id: which check */
    STEP_INIT_PARAM, /* makes sure of exec param id */
    STEP_SUBPLAN
} StepOp;

typedef struct Step {
    uint8_t op;
    bool flag, fresh;
    int16_t slot, slot2, slot_out;
    int dst;
    int nargs;
    int *args; /* registers */
    int id;
    const Function *fn;
    Kernel kernel; /* of STEP_CALL */
    SelKernel sel_fn;
    KernelCall *call; /* STEP_CALL and all that call a function: args, arg_types, state are set up */
    void *state;
    const Expr *expr;
} Step;

typedef struct Slot {
    const uint16_t *sel; /* NULL: rows 0..n-1 and n is all */
    int n;
    uint16_t *buf;
} Slot;

typedef struct Load { /* an input column */
    int reg, rel, col;
    Vector *flat; /* room to flatten a DICT */
} Load;

typedef struct CseEntry {
    const Expr *expr;
    int slot, reg;
} CseEntry;

struct ExprProg {
    Exec *exec;
    Ctx *ctx;
    Arena *arena;       /* the Exec's */
    Arena *batch_arena; /* strings of one run; NULL until a step needs it */
    Step *steps;
    int nsteps, steps_cap;
    Vector **regs;
    bool *reg_owned;  /* computed here: grows with cap */
    bool *reg_filled; /* targets of moves: the form is settled */
    int nregs, regs_cap;
    Slot *slots;
    int nslots, slots_cap;
    Load *loads;
    int nloads, loads_cap;
    int *results;
    int nresults;
    int filter_slot; /* of a filter: its outcome */
    int cap;         /* rows the registers have room for */
    bool dirty;      /* batch_arena holds something */
    /* While compiling. */
    DepSet deps;
    int case_test_reg; /* what CaseTest reads, -1 outside */
    int domain_reg;    /* what DomainValue reads, -1 outside */
    const int *param_map; /* subplan tests: exec params that are columns of INPUT_INNER */
    int nparam_map;
    CseEntry *cse;
    int ncse, cse_cap;
};

/* Room for nrows rows everywhere. */
Status expr_reserve(ExprProg *p, int nrows);
Arena *expr_batch_arena(ExprProg *p); /* NULL: no memory */
/* Calls s->fn for the slot's rows, with the rules for NULLs and constants. */
Status expr_step_call(ExprProg *p, Step *s, Slot *slot, int nrows);
Status expr_run_steps(ExprProg *p, int nrows);

/* expr_subplan.c */
Status expr_compile_subplan(ExprProg *p, const SubPlanExpr *e, int slot, int *reg_out);
Status expr_step_subplan(ExprProg *p, Step *s, Slot *slot, int nrows);
void expr_close_subplan(Step *s);
/* expr_array.c: arrays and records */
Status expr_step_array_op(ExprProg *p, Step *s, Slot *slot, int nrows);
Status expr_step_array(ExprProg *p, Step *s, Slot *slot, int nrows);
Status expr_step_subscript(ExprProg *p, Step *s, Slot *slot, int nrows);
Status expr_step_array_set(ExprProg *p, Step *s, Slot *slot);
Status expr_step_field_set(ExprProg *p, Step *s, Slot *slot);
Status expr_step_array_coerce(ExprProg *p, Step *s, Slot *slot, int nrows);
Status expr_step_row(ExprProg *p, Step *s, Slot *slot, int nrows);
Status expr_step_field(ExprProg *p, Step *s, Slot *slot, int nrows);

/* Compiling, for expr*.c. */
Status expr_prog_new(Exec *exec, ExprProg **out);
Status expr_compile_value(ExprProg *p, const Expr *e, int slot, int *reg_out);
Status expr_compile_slot(ExprProg *p, const Expr *e, int slot, int *slot_out);
Status expr_new_reg(ExprProg *p, Oid type, int *reg_out);
Status expr_new_slot(ExprProg *p, int *slot_out);
Status expr_emit_step(ExprProg *p, StepOp op, int slot, int dst, const int *args, int nargs, Step **out);
Status expr_finish_filter(ExprProg *p, const ExprList *conds);

#endif
