/* ddl_rewrite.c - a table's rows written anew: ALTER COLUMN TYPE, columns whose values must be computed for the rows that are there. */
#include "executor/exec.h"
#include "parser/deparse.h"
#include "planner/planner.h"
#include "session/ddl.h"
#include "storage/heap.h"
#include "storage/index.h"

/* SELECT value, ... FROM ONLY rel: one output a column that is not dropped. */
static Status
rewrite_query(Ddl *d, const Relation *rel, const RelDef *def, const Ast *const *values, SelectStmt **out)
{
    Ctx *ctx = d->ctx;
    SelectStmt *q;
    RangeVar *from;
    TRY_ALLOC(ctx, q, AST_NEW(d->arena, SelectStmt));
    TRY_ALLOC(ctx, from, AST_NEW(d->arena, RangeVar));
    from->schema = rel->schema;
    from->name = rel->name;
    from->only = true;
    TRY(ast_list_push(ctx, d->arena, &q->from, &from->base));
    for (int i = 0; i < def->ncols; i++) {
        ResTarget *t;
        if (def->cols[i].col.dropped) continue;
        TRY_ALLOC(ctx, t, AST_NEW(d->arena, ResTarget));
        t->value = (Ast *)values[i];
        if (t->value == NULL) {
            ColumnRef *ref;
            StringNode *name;
            TRY_ALLOC(ctx, ref, AST_NEW(d->arena, ColumnRef));
            TRY_ALLOC(ctx, name, AST_NEW(d->arena, StringNode));
            name->str = rel->cols[i].name;
            TRY(ast_list_push(ctx, d->arena, &ref->fields, &name->base));
            t->value = &ref->base;
        }
        TRY(ast_list_push(ctx, d->arena, &q->targets, &t->base));
    }
    *out = q;
    return QN_OK;
}

/* All rows of the plan into the heap; output k is the k-th column that is not dropped. */
static Status
copy_rows(Ddl *d, const Plan *plan, const RelDef *def, Heap *heap)
{
    Ctx *ctx = d->ctx;
    Exec *exec = NULL;
    Arena *arena = NULL;
    Batch *row;
    Tid *tids;
    Status st;
    TRY_ALLOC(ctx, row, batch_create(d->arena, def->ncols));
    TRY_ALLOC(ctx, tids, arena_alloc(d->arena, BATCH_ROWS * sizeof(Tid)));
    TRY_ALLOC(ctx, arena, arena_create(d->arena, "rewrite"));
    TRY_GOTO(exec_build(ctx, arena, plan, 0, &exec));
    TRY_GOTO(exec_start(exec, NULL, 0));
    for (;;) {
        Batch *b;
        int k = 0;
        TRY_GOTO(exec_fetch(exec, &b));
        if (b == NULL) break;
        for (int i = 0; i < def->ncols; i++) row->cols[i] = def->cols[i].col.dropped ? NULL : b->cols[k++];
        row->nrows = b->nrows;
        row->nsel = b->nsel;
        row->sel = b->sel;
        TRY_GOTO(heap_insert_batch(ctx, heap, row, tids));
    }
    st = QN_OK;
done:
    exec_destroy(exec);
    arena_destroy(arena);
    return st;
}

/* What the rows are like from here on: one layout, in which what was dropped has no place. */
static void
one_layout(RelDef *def)
{
    def->layout = 1;
    for (int i = 0; i < def->ncols; i++) {
        ColDef *c = &def->cols[i];
        c->added_layout = 1;
        c->dropped_layout = c->col.dropped ? 1 : 0;
        c->missing = value_null(c->col.type);
    }
}

/* Every index of the table, empty, over its columns as they are now. */
static Status
renew_indexes(Ddl *d, const Relation *rel)
{
    Ctx *ctx = d->ctx;
    const Relation *now;
    TRY(catalog_relation_by_oid(ctx, rel->oid, &now));
    for (int i = 0; i < rel->nindexes; i++) {
        IndexDef ix = *rel->indexes[i];
        TRY(ddl_rebind_index(d, now, &ix));
        TRY(index_drop(ctx, ix.index, rel->oid));
        TRY(ddl_create_index(ctx, rel->schema_oid, &ix));
    }
    return QN_OK;
}

Status
ddl_rewrite_table(Ddl *d, const Relation *rel, RelDef *def, const Ast *const *values)
{
    Ctx *ctx = d->ctx;
    SelectStmt *q;
    Plan *plan;
    Oid *types;
    int32_t *typmods;
    Heap *heap;
    int n = 0;
    TRY(tx_command_begin(ctx)); /* sees what this transaction has put in the table */
    TRY(rewrite_query(d, rel, def, values, &q));
    TRY_ALLOC(ctx, types, ARENA_ARRAY(d->arena, Oid, def->ncols + 1));
    TRY_ALLOC(ctx, typmods, ARENA_ARRAY(d->arena, int32_t, def->ncols + 1));
    for (int i = 0; i < def->ncols; i++) {
        if (def->cols[i].col.dropped) continue;
        types[n] = def->cols[i].col.type;
        typmods[n++] = def->cols[i].col.typmod;
    }
    TRY(plan_select_as(ctx, d->arena, d->sql, &q->base, types, typmods, &plan));
    one_layout(def);
    TRY(heap_truncate(ctx, rel->heap, &def->root_page)); /* the old pages go with the commit */
    TRY(ddl_open_heap(ctx, d->arena, def, &heap));
    Status st = copy_rows(d, plan, def, heap);
    heap_close(ctx, heap);
    TRY(st);
    TRY(ddl_put_relation(ctx, def));
    TRY(ddl_forget_stats(ctx, rel->oid));
    TRY(renew_indexes(d, rel));
    TRY(catalog_relation_by_oid(ctx, rel->oid, &rel));
    for (int i = 0; i < rel->nindexes; i++) TRY(ddl_build_index(d, rel, rel->indexes[i]->oid));
    return tx_command_begin(ctx);
}
