/* bind_viewdml.h - a view as the target of INSERT, UPDATE or DELETE. Private to the binder. */
#ifndef PLANNER_BIND_VIEWDML_H
#define PLANNER_BIND_VIEWDML_H

#include "catalog/updatable.h"
#include "planner/bind_priv.h"

enum { VIEW_LEVELS_MAX = 100 };

typedef struct ViewLevel {
    const Relation *view;
    ExprList conds; /* its WHERE, over the table's columns */
} ViewLevel;

/* The view that was named and the views below it, down to a table. */
typedef struct ViewTarget ViewTarget;
struct ViewTarget {
    const Relation *view, *base;
    LNode *base_node;      /* reads the table; all expressions are over its columns */
    int *attrs;            /* by column of the view: attribute of base, -1: cannot be written */
    const char **why_not;  /* of those */
    const char **defaults; /* by attribute of base: a default that one of the views has; NULL: the table's own */
    int nlevels;
    ViewLevel levels[VIEW_LEVELS_MAX];
};

/* item's columns are expressions over the table. 55000 with PostgreSQL's reason when the view cannot be written. */
Status bind_view_target(Scope *s, const Relation *r, const Alias *alias, int lock_mode, Clause clause, ViewTarget *v, LNode **node,
                        NsItem **item);
/* 0A000 for a column that is no column of the table. */
Status view_target_column(Scope *s, const ViewTarget *v, int col, Clause clause, int *attr_out);
/* The view's columns over row rel in place of the table's. */
Status view_row_item(Scope *s, const ViewTarget *v, const NsItem *like, int rel, const char *name, NsItem **out);
/* WITH CHECK OPTION: conditions that t's new rows must meet, after its own checks. */
Status view_checks(Scope *s, const ViewTarget *v, ModifyTarget *t);
/* The rows of the table that the view has. */
Status view_filter(Scope *s, const ViewTarget *v, LNode **root);

#endif
