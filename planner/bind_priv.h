/* bind_priv.h - what the files of the binder share: scopes, namespaces, one SELECT at work.
 *
 * A Scope is one query level. Its items are what FROM gave it; a name is looked up in the innermost scope first,
 * then outwards. A column found further out is the same ColumnRef: rel numbers are unique in the statement.
 */
#ifndef PLANNER_BIND_PRIV_H
#define PLANNER_BIND_PRIV_H

#include "parser/ast.h"
#include "planner/resolve.h"

/* The clause at work: what may stand there, and its name in errors. Rows of clause_names (bind_expr.c). */
typedef enum Clause {
    CLAUSE_NONE, CLAUSE_SELECT, CLAUSE_JOIN_ON, CLAUSE_FROM_FUNCTION, CLAUSE_WHERE, CLAUSE_HAVING, CLAUSE_FILTER,
    CLAUSE_PARTITION, CLAUSE_WINDOW_ORDER, CLAUSE_FRAME_RANGE, CLAUSE_FRAME_ROWS, CLAUSE_FRAME_GROUPS, CLAUSE_INSERT,
    CLAUSE_UPDATE, CLAUSE_GROUP_BY, CLAUSE_ORDER_BY, CLAUSE_DISTINCT_ON, CLAUSE_LIMIT, CLAUSE_OFFSET,
    CLAUSE_RETURNING, CLAUSE_VALUES, CLAUSE_CHECK, CLAUSE_DEFAULT, CLAUSE_GENERATED, CLAUSE_INDEX_EXPR,
    CLAUSE_INDEX_PREDICATE, CLAUSE_FROM_SUBQUERY, CLAUSE_CALL, CLAUSE_EXECUTE, CLAUSE_DELETE, CLAUSE_MERGE_WHEN, CLAUSE_COUNT
} Clause;

/* One named source of columns in FROM. */
typedef struct NsItem {
    const char *name;         /* alias, or the relation's; NULL: a join without alias */
    const Relation *relation; /* a table: system columns, and columns are its own */
    bool has_alias;
    int rel;
    int ncols;
    const char *const *names; /* NULL: relation->cols[].name */
    Expr **exprs;             /* join: what each column is; NULL: (rel, i) */
    bool rel_visible, cols_visible, lateral_only, lateral_ok;
    bool scalar_function;     /* a function's single column: its name means the value, not a row */
    bool from_cte;
    int nhidden;              /* last columns that a star leaves out */
    bool nullable;            /* on the side of an outer join that may have no row */
} NsItem;

typedef struct NsList {
    NsItem **items;
    int count, cap;
} NsList;

/* A WITH entry in sight. */
struct Scope;
typedef struct CteName CteName;
struct CteName {
    CteName *next; /* outer ones */
    const char *name;
    int cte;              /* index in PlanState.ctes; -1: a recursive one at work: worktable */
    const CommonTableExpr *ast;
    struct Scope *scope;  /* where it was defined: for binding it once more */
    const CteName *visible; /* names in sight there */
    const char **out_names; /* of the recursive term's columns */
    int worktable, recursive_rel;
    int nhidden; /* columns that SEARCH and CYCLE add: in its own recursive term a star leaves them out */
    int self_refs;        /* of a recursive one, so far */
    bool forbidden;       /* a recursive reference here is an error: why */
    const char *why_forbidden;
    bool bound;
};

/* One window definition of the query, WINDOW clause or inline. */
typedef struct Window {
    const char *name;
    ExprList partition;
    SortKeyList order;
    WindowFrame frame;
    bool has_frame;
    int loc;
} Window;

typedef struct Scope {
    Ctx *ctx;
    PlanState *ps;
    struct Binder *b;
    struct Scope *parent;
    int level;            /* 0 for the statement's own */
    Clause clause;
    bool lateral_active;  /* inside a LATERAL item: lateral_only items are in sight */
    bool lateral_used;    /* a lateral_only item was referred to */
    bool has_aggs, has_windows, has_srfs;
    bool no_unknown;      /* UNKNOWN outputs become text */
    NsList items;
    NsList all;           /* every item ever made at this level, for hints */
    CteName *ctes;
    ARRAY(Window) windows;
    const char *no_srf;   /* inside CASE or COALESCE: where set-returning functions may not stand */
    const Ast *top_srf;   /* the one call of a FROM item that may return a set */
    bool srf_here;        /* it is at hand */
    Expr *domain_value;   /* what VALUE means in a domain's CHECK; else NULL */
} Scope;

typedef struct Binder {
    Ctx *ctx;
    PlanState *ps;
    int *rel_level; /* by rel: level of the scope that sees it */
    int rel_level_cap;
    int view_depth;
    CteName *cte_at_work;      /* the innermost WITH query that is being bound */
    const char *rec_forbidden; /* where a recursive reference may not stand; NULL: it may */
} Binder;

/* An output column of SELECT, or a hidden one that ORDER BY or GROUP BY needs. */
typedef struct Target {
    Expr *expr;
    const char *name;
    bool junk;
} Target;

typedef struct SortItem {
    int target;
    bool desc, nulls_first;
    Oid lt_op;
} SortItem;

typedef struct SelectState {
    Scope *scope;
    const SelectStmt *stmt;
    ARRAY(Target) targets;
    ARRAY(SortItem) sort;
    ARRAY(int) group;       /* targets that are GROUP BY expressions */
    ARRAY(int) distinct_on;
    int **sets;             /* grouping sets over positions in group; NULL: plain */
    int *set_counts;
    int nsets;
    Expr *having;
    ExprList where;
    Expr *limit, *offset;
    LNode *root;
} SelectState;

/* bind_func.c, bind_routine.c: calls of users' functions. */
Status gather_variadic(Scope *s, const FuncMatch *m, Expr **args, int *nargs);
/* Every argument in its place, defaults filled in, polymorphic types settled: m->fn, m->routine and m->result are those of the call. */
Status routine_arguments(Scope *s, FuncMatch *m, Expr ***args, int *nargs);
/* The body in place of the call where it is simple; *out NULL: it is not. */
Status inline_routine(Scope *s, const FuncMatch *m, Expr **args, int nargs, int loc, Expr **out);
/* The same for a function that stands in FROM: its query. */
Status inline_set_routine(Scope *s, const SetFuncExpr *call, Query **out);
/* A parameter of the function whose body this is: name, or name.param. *out NULL: none. */
Status bind_env_param(Scope *s, int number, int loc, Expr **out);
Status bind_env_name(Scope *s, const ColumnRef *c, Expr **out);
/* The fields of a row that an expression gives; n 0: it gives none, or one nobody knows. Dropped attributes have a NULL name. */
Status expr_shape(PlanState *ps, const Expr *e, TypeShape *out);
Status field_of(Scope *s, Expr *arg, const TypeShape *shape, int i, int loc, Expr **out);
/* Field `name` of a row; *out NULL: it has none. bind_field: or the function of that name, 42703, 42809. */
Status bind_row_field(Scope *s, Expr *arg, const char *name, int loc, Expr **out);
Status bind_field(Scope *s, Expr *arg, const char *name, int loc, Expr **out); /* bind_expr.c: arg.name */
Status bind_body_result(PlanState *ps, Query *q, const Ast *stmt);

/* bind_domain.c: an expression kept as text in the catalog, over the columns of item (NULL: none). */
Status bind_stored(Scope *s, const char *sql, NsItem *item, Clause clause, Expr **out);

/* bind.c */
Status scope_new(Binder *b, Scope *parent, Scope **out);
/* A scope without a query (in a PlanState of its own, b->ps) that sees the columns of one row of rel, as (INPUT_OUTER, attribute); rel NULL: nothing. */
Status scope_of_row(Binder *b, Arena *arena, const char *sql, const Relation *rel, Scope **out);
Status rel_set_level(Scope *s, int rel);
Status ns_push(Scope *s, NsList *list, NsItem *item);
Status scope_find_item(Scope *s, const char *schema, const char *name, int loc, NsItem **out, Scope **scope_out);
Status bind_column_name(Scope *s, const char *name, int loc, bool local_only, Expr **out); /* *out NULL: none */
int item_find_column(const NsItem *item, const char *name, int *matches_out); /* -1, or SCANCOL_ below */
Status item_column(Scope *s, const NsItem *item, int col, int loc, Expr **out);
bool item_column_dropped(const NsItem *item, int col);
const char *item_column_name(const NsItem *item, int col);
Status raise_missing_column(Scope *s, const char *qualifier, const char *name, int loc);
Status raise_missing_table(Scope *s, const char *schema, const char *name, int loc);
Status add_dep(Scope *s, const Relation *r, int lock_mode);
/* bind_useragg.c: m->agg of a call of a user's aggregate, for arguments of these types. */
Status bind_user_aggregate(Scope *s, const FuncCall *f, FuncMatch *m, const Oid *actual, int nargs);
/* The function of an oid as called with arguments of these types, polymorphic ones settled; a dependency of the plan. */
Status routine_for_types(Scope *s, Oid oid, const Oid *actual, int n, const Function **out);
Status add_object_dep(Scope *s, Oid oid, uint64_t version, int lock_mode);
#define LOCK_ACCESS_SHARE_MODE 1
#define LOCK_ROW_SHARE_MODE 2
#define LOCK_ROW_EXCLUSIVE_MODE 3
Status relation_as_seen(Scope *s, const Relation **rel);
Status open_relation(Scope *s, const RangeVar *rv, int lock_mode, const Relation **out);

/* bind_expr.c */
Status bind_expr(Scope *s, const Ast *a, Expr **out);
Status bind_expr_in(Scope *s, const Ast *a, Clause clause, Expr **out);
Status bind_condition(Scope *s, const Ast *a, Clause clause, const char *construct, ExprList *conds); /* AND flattened */
const char *clause_name(Clause c);
const char *figure_column_name(const Ast *a);
Status bind_column_ref(Scope *s, const ColumnRef *c, Expr **out);
Status bind_subscripts(Scope *s, Expr *arg, Ast *const *subs, int n, Expr **out); /* a run of [..] after arg */
Status bind_whole_row(Scope *s, const NsItem *item, int loc, Expr **out);
Status resolve_unknown(Scope *s, Expr **slot);
Status equality_fn(Scope *s, Expr **left, Expr **right, const char *op, int loc, const Operator **op_out, const Function **fn_out);
Status make_row_comparison(Scope *s, const char *op, Expr **l, Expr **r, int n, int loc, Expr **out);
Oid ordering_op(Oid type, bool desc);
Status expr_is_volatile(Ctx *ctx, Expr *e, bool *out); /* subqueries included */
Status query_is_volatile(Ctx *ctx, Query *q, bool *out);

/* bind_jsonb.c */
Status bind_jsonb_subscripts(Scope *s, Expr *arg, Ast *const *subs, int n, Expr **out);
/* base with value at the end of the subscripts; value NULL: *out is NULL. */
Status bind_jsonb_assignment(Scope *s, Expr *base, Ast *const *subs, int n, Expr *value, Expr **out);

/* bind_func.c */
Status bind_func_call(Scope *s, const FuncCall *f, Expr **out);
Status bind_column_function(Scope *s, const char *name, Expr *arg, int loc, Expr **out); /* *out NULL: no such function */

/* bind_agg.c */
Status bind_aggregate(Scope *s, const FuncCall *f, FuncMatch *m, Expr **args, int nargs, Expr **out);
Status bind_grouping(Scope *s, const GroupingFunc *g, Expr **out);
Status bind_group_by(SelectState *st);
Status plan_aggregation(SelectState *st);

/* bind_window.c */
Status bind_window_clause(Scope *s, const AstList *defs);
Status bind_window_call(Scope *s, const FuncCall *f, FuncMatch *m, Expr **args, int nargs, Expr **out);
Status plan_windows(SelectState *st);

/* bind_select.c */
Status bind_select(Scope *parent, const SelectStmt *stmt, bool keep_unknown, Query **out);
Status bind_query(Scope *parent, const Ast *stmt, bool keep_unknown, Query **out); /* SELECT or DML in WITH */
Status bind_targets(SelectState *st, const AstList *targets, Clause clause);
Status sort_item_make(Scope *s, Expr **slot, const SortBy *sb, SortItem *out);
Status find_target(SelectState *st, const Ast *a, Clause clause, int *target_out);
Status plan_srfs(SelectState *st);
Status add_filter(Scope *s, LNode **root, const ExprList *conds);

/* bind_from.c */
Status bind_from(Scope *s, const AstList *from, LNode **root);
Status bind_from_item(Scope *s, const Ast *a, LNode **out, NsList *ns);
struct ViewTarget; /* bind_viewdml.h */
/* view_out: NULL unless it is a view that can be written. */
Status bind_target_relation(Scope *s, const RangeVar *rv, int lock_mode, LNode **out, NsItem **item_out, struct ViewTarget **view_out);
Status new_item(Scope *s, LNode *node, const char *name, int ncols, const char *const *names, NsItem **out);
/* Column names given with the alias replace the first ones. */
Status apply_alias_columns(Scope *s, const Alias *alias, NsItem *item);
Status bind_table(Scope *s, const Relation *r, const Alias *alias, bool only, int lock_mode, LNode **out, NsItem **item_out);
Status ns_check_conflicts(Scope *s, const NsList *a, const NsList *b);
Status subquery_item(Scope *s, Query *q, const Alias *alias, const char *name, LNode **out, NsItem **item_out);

/* bind_inherit.c */
/* r itself, then its descendants. */
Status relation_members(Scope *s, const Relation *r, int lock_mode, MemberList *out);
Status bind_append(Scope *s, const Relation *r, const char *alias, bool only, int lock_mode, LNode **out);
Status bind_partition_steps(Scope *s, const MemberList *members, NsItem *row, PartitionStep **out, int *n_out);
Status bind_partition_above(Scope *s, const Relation *r, NsItem *row, PartitionStep **out, int *n_out);

/* collate.c: what has a collation of its own is noted, and 42P21 and 42P22 raised where collations meet. */
Status collate_note(Scope *s, const Expr *e, Oid oid, int loc); /* e COLLATE oid */
Status collate_note_relation(Scope *s, int rel, const Relation *r);
/* The columns of rel are each all of these expressions. distinct_op: of a set operation that compares them, they have to agree; else NULL. */
Status collate_note_outputs(Scope *s, int rel, const ExprList *const *rows, int nrows, const char *distinct_op);
struct SelectState;
Status collate_check_select(struct SelectState *st);
/* 42P21 when the recursive term changes the collation of a column. */
Status collate_check_recursion(Scope *s, const char *name, const ExprList *seed, const ExprList *step);
Status collate_check_sort(Scope *s, const Expr *e);
Status collate_of(Scope *s, const Expr *e, Oid *out); /* 0: it has none, or none can be determined */

/* uses.c */
Status note_need(Scope *s, Oid oid);
Status note_star(Scope *s, int loc, NsItem *const *items, int n);

/* bind_setop.c */
Status bind_setop(Scope *s, const SelectStmt *stmt, Query **out);
Status bind_values(Scope *s, const SelectStmt *stmt, bool keep_unknown, Query **out);

/* bind_cte.c */
Status bind_with(Scope *s, const WithClause *w);
CteName *find_cte(Scope *s, const char *name);
Status bind_cte_ref(Scope *s, CteName *cte, const RangeVar *rv, LNode **out, NsItem **item_out);

/* bind_dml.c */
Status bind_insert(Scope *parent, const InsertStmt *stmt, Query **out);
Status bind_update(Scope *parent, const UpdateStmt *stmt, Query **out);
Status bind_merge(Scope *parent, const MergeStmt *stmt, Query **out); /* bind_merge.c */
Status bind_delete(Scope *parent, const DeleteStmt *stmt, Query **out);

/* bind_assign.c: target is one of INSERT's columns or UPDATE's, with a path into the column c. */
Status bind_part_type(Scope *s, const ResTarget *target, const Column *c, Oid *type_out, int32_t *typmod_out);
/* What the column becomes; old: what it was, or what an earlier target of the statement made of it; NULL in INSERT. */
Status bind_part_assignment(Scope *s, const ResTarget *target, const Column *c, Expr *old, Expr *value, Expr **out);
Status check_part_default(Scope *s, const ResTarget *target, const Ast *value);

/* bind_sub.c */
Status bind_sublink(Scope *s, const SubLink *l, Expr **out);

#endif
