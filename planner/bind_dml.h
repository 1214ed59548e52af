/* bind_dml.h - what the binding of INSERT, UPDATE, DELETE and MERGE shares. Private to the binder. */
#ifndef PLANNER_BIND_DML_H
#define PLANNER_BIND_DML_H

#include "planner/bind_viewdml.h"

/* One statement at work. */
typedef struct Dml {
    Scope *s;
    LModify *m;
    const Relation *r;   /* the table; of a view, the one below it */
    ViewTarget *view;    /* NULL: a table was named */
    NsItem *named;       /* what the statement calls the target */
    NsItem *new_row;     /* columns are (m->base.rel, attribute): RETURNING, ON CONFLICT, CHECK */
    LNode *root;
    Expr **values;       /* by attribute: what the column becomes; NULL: not assigned */
} Dml;

typedef struct Targets { /* attribute positions in the order they are given */
    int *cols;
    const ResTarget **parts; /* where a part of the column is meant; else NULL */
    int n;
    bool explicit;
} Targets;

Status dml_begin(Scope *s, DmlKind kind, NsItem *named, ViewTarget *view, Dml *d);
Status insert_columns(Dml *d, const InsertStmt *stmt, Targets *t);
/* VALUES into d->values; what makes the rows is d->root. */
Status insert_values(Dml *d, const InsertStmt *stmt, const SelectStmt *sel, const Targets *t);
Status insert_defaults(Dml *d);
Status update_targets(Dml *d, const AstList *targets, Expr **values);
/* A generated column's value is the target's to make. */
void forget_generated(const Relation *r, Expr **values);
/* Which row: the tid and, where that does not say it, the table. */
Status push_tid(Dml *d, const LNode *node);
/* The tables the statement writes: those the scan of node reads. */
Status bind_targets_of(Dml *d, const LNode *node);

#endif
