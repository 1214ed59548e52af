/* explain.c - the nodes of a plan as properties, and the four printers. See explain.h.
 *
 * The TEXT form runs several properties together on one line (costs, sort method, hash table, buffers); everything else is one
 * property a line in every format. */
#include "planner/explain.h"
#include "common/array.h"
#include <math.h>
#include <stdio.h>

typedef struct Printer {
    Ctx *ctx;
    Arena *arena;
    const Plan *plan;
    const ExplainOptions *opt;
    const ExplainRun *run;
    ExplainNames names;
    StrBuf out;
    int depth;      /* of groups (JSON, YAML, XML); of indentation (TEXT) */
    bool first[256]; /* JSON, YAML: nothing printed in the group at this depth yet */
    bool in_list[256];
    const PlanNode *parent;
} Printer;

enum { MAX_DEPTH = 250 };

/* ---- formats ---- */

static void
indent(Printer *p, int n)
{
    for (int i = 0; i < n; i++) strbuf_addz(&p->out, "  ");
}

static void
put_escaped(Printer *p, const char *s)
{
    if (p->opt->format == EXPLAIN_XML) {
        for (; *s != '\0'; s++) {
            if (*s == '<') strbuf_addz(&p->out, "&lt;");
            else if (*s == '>') strbuf_addz(&p->out, "&gt;");
            else if (*s == '&') strbuf_addz(&p->out, "&amp;");
            else strbuf_addc(&p->out, *s);
        }
        return;
    }
    strbuf_addc(&p->out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') strbuf_addc(&p->out, '\\');
        if (*s == '\n') strbuf_addz(&p->out, "\\n");
        else if (*s == '\t') strbuf_addz(&p->out, "\\t");
        else if ((unsigned char)*s < 32) strbuf_addf(&p->out, "\\u%04x", *s);
        else strbuf_addc(&p->out, *s);
    }
    strbuf_addc(&p->out, '"');
}

/* XML element names have no blanks. */
static void
put_tag(Printer *p, const char *name, bool closing)
{
    strbuf_addz(&p->out, closing ? "</" : "<");
    for (; *name != '\0'; name++) {
        bool ok = ascii_is_alpha(*name) || ascii_is_digit(*name) || *name == '-' || *name == '_' || *name == '.';
        strbuf_addc(&p->out, ok ? *name : '-');
    }
    strbuf_addc(&p->out, '>');
}

/* Before an item of the open group: separator, line, indentation, key. */
static void
begin_item(Printer *p, const char *key)
{
    switch (p->opt->format) {
    case EXPLAIN_JSON:
        strbuf_addz(&p->out, p->first[p->depth] ? "\n" : ",\n");
        indent(p, p->depth);
        if (key != NULL) {
            put_escaped(p, key);
            strbuf_addz(&p->out, ": ");
        }
        break;
    case EXPLAIN_YAML:
        if (p->first[p->depth] && p->in_list[p->depth]) {
            /* the first key stands on the dash's line */
        } else {
            strbuf_addc(&p->out, '\n');
            indent(p, p->depth);
        }
        if (key != NULL) strbuf_addf(&p->out, "%s: ", key);
        break;
    default: indent(p, p->depth); break;
    }
    p->first[p->depth] = false;
}

static void
prop_raw(Printer *p, const char *key, const char *text, bool quoted)
{
    if (p->opt->format == EXPLAIN_TEXT) {
        indent(p, p->depth);
        strbuf_addf(&p->out, "%s: %s\n", key, text);
        return;
    }
    begin_item(p, key);
    if (p->opt->format == EXPLAIN_XML) {
        put_tag(p, key, false);
        put_escaped(p, text);
        put_tag(p, key, true);
        strbuf_addc(&p->out, '\n');
        return;
    }
    if (quoted) put_escaped(p, text);
    else strbuf_addz(&p->out, text);
}

static void prop_str(Printer *p, const char *key, const char *text) { prop_raw(p, key, text, true); }

static void
prop_int(Printer *p, const char *key, int64_t v)
{
    char buf[32];
    snprintf(buf, sizeof(buf), "%lld", (long long)v);
    prop_raw(p, key, buf, false);
}

static void
prop_float(Printer *p, const char *key, double v, int ndigits)
{
    char buf[64];
    snprintf(buf, sizeof(buf), "%.*f", ndigits, v);
    prop_raw(p, key, buf, false);
}

static void
prop_bool(Printer *p, const char *key, bool v)
{
    prop_raw(p, key, v ? "true" : "false", false);
}

static void
open_group(Printer *p, const char *key, bool is_list)
{
    if (p->opt->format == EXPLAIN_TEXT || p->depth >= MAX_DEPTH) return;
    bool in_list = p->in_list[p->depth] && key == NULL;
    switch (p->opt->format) {
    case EXPLAIN_JSON:
        begin_item(p, key);
        strbuf_addc(&p->out, is_list ? '[' : '{');
        break;
    case EXPLAIN_YAML:
        if (in_list) {
            strbuf_addc(&p->out, '\n');
            indent(p, p->depth);
            p->first[p->depth] = false;
            strbuf_addz(&p->out, "- ");
        } else {
            begin_item(p, key);
        }
        break;
    default:
        indent(p, p->depth);
        put_tag(p, key != NULL ? key : "Plan", false);
        strbuf_addc(&p->out, '\n');
        break;
    }
    p->depth++;
    p->first[p->depth] = true;
    p->in_list[p->depth] = is_list;
    /* A YAML mapping that is a list's item begins on the dash's line. */
    if (p->opt->format == EXPLAIN_YAML && !is_list) p->in_list[p->depth] = in_list;
}

static void
close_group(Printer *p, const char *key, bool is_list)
{
    if (p->opt->format == EXPLAIN_TEXT) return;
    p->depth--;
    if (p->opt->format == EXPLAIN_JSON) {
        strbuf_addc(&p->out, '\n');
        indent(p, p->depth);
        strbuf_addc(&p->out, is_list ? ']' : '}');
    } else if (p->opt->format == EXPLAIN_XML) {
        indent(p, p->depth);
        put_tag(p, key != NULL ? key : "Plan", true);
        strbuf_addc(&p->out, '\n');
    }
}

static void
prop_list(Printer *p, const char *key, char **items, int n)
{
    if (p->opt->format == EXPLAIN_TEXT) {
        indent(p, p->depth);
        strbuf_addf(&p->out, "%s: ", key);
        for (int i = 0; i < n; i++) strbuf_addf(&p->out, "%s%s", i > 0 ? ", " : "", items[i]);
        strbuf_addc(&p->out, '\n');
        return;
    }
    if (p->opt->format == EXPLAIN_JSON) {
        begin_item(p, key);
        strbuf_addc(&p->out, '[');
        for (int i = 0; i < n; i++) {
            if (i > 0) strbuf_addz(&p->out, ", ");
            put_escaped(p, items[i]);
        }
        strbuf_addc(&p->out, ']');
        return;
    }
    if (p->opt->format == EXPLAIN_YAML) {
        begin_item(p, key);
        for (int i = 0; i < n; i++) {
            strbuf_addc(&p->out, '\n');
            indent(p, p->depth + 1);
            strbuf_addz(&p->out, "- ");
            put_escaped(p, items[i]);
        }
        return;
    }
    indent(p, p->depth);
    put_tag(p, key, false);
    strbuf_addc(&p->out, '\n');
    for (int i = 0; i < n; i++) {
        indent(p, p->depth + 1);
        strbuf_addz(&p->out, "<Item>");
        put_escaped(p, items[i]);
        strbuf_addz(&p->out, "</Item>\n");
    }
    indent(p, p->depth);
    put_tag(p, key, true);
    strbuf_addc(&p->out, '\n');
}

/* ---- properties of nodes ---- */

static Status
expr_text(Printer *p, const PlanNode *node, ExplainPlace place, const Expr *e, bool key, char **out)
{
    StrBuf b = strbuf_new(p->arena);
    if (key) TRY(explain_key(&p->names, &b, node, place, e));
    else TRY(explain_expr(&p->names, &b, node, place, e));
    return strbuf_finish(p->ctx, &b, out, NULL);
}

/* Conditions, ANDed, as one property. */
static Status
prop_conds(Printer *p, const char *key, const PlanNode *node, ExplainPlace place, const ExprList *conds)
{
    char *text;
    StrBuf b = strbuf_new(p->arena);
    if (conds->count == 0) return QN_OK;
    /* A scan's own columns need no table name. */
    bool qualify = p->names.qualify;
    if (explain_is_scan(node) || node->tag == PLAN_BitmapIndexScan) p->names.qualify = p->opt->verbose;
    if (conds->count > 1) strbuf_addc(&b, '(');
    for (int i = 0; i < conds->count; i++) {
        if (i > 0) strbuf_addz(&b, " AND ");
        TRY(explain_expr(&p->names, &b, node, place, conds->items[i]));
    }
    if (conds->count > 1) strbuf_addc(&b, ')');
    p->names.qualify = qualify;
    TRY(strbuf_finish(p->ctx, &b, &text, NULL));
    prop_str(p, key, text);
    return QN_OK;
}

static Status
prop_sort_keys(Printer *p, const char *key, const PlanNode *node, const SortKeyList *keys, int from, int to)
{
    char **items;
    TRY_ALLOC(p->ctx, items, ARENA_ARRAY(p->arena, char *, keys->count + 1));
    for (int i = from; i < to; i++) {
        const SortKey *k = &keys->items[i];
        char *text;
        TRY(expr_text(p, node, PLACE_INPUT, k->expr, true, &text));
        const char *nulls = k->nulls_first == k->desc ? "" : k->nulls_first ? " NULLS FIRST" : " NULLS LAST";
        TRY_ALLOC(p->ctx, items[i - from], arena_printf(p->arena, "%s%s%s", text, k->desc ? " DESC" : "", nulls));
    }
    if (to > from) prop_list(p, key, items, to - from);
    return QN_OK;
}

static Status
prop_exprs(Printer *p, const char *key, const PlanNode *node, ExplainPlace place, const ExprList *list, bool keys)
{
    char **items;
    TRY_ALLOC(p->ctx, items, ARENA_ARRAY(p->arena, char *, list->count + 1));
    for (int i = 0; i < list->count; i++) TRY(expr_text(p, node, place, list->items[i], keys, &items[i]));
    if (list->count > 0) prop_list(p, key, items, list->count);
    return QN_OK;
}

static const NodeInstr *
node_instr(Printer *p, const PlanNode *n)
{
    return p->run != NULL ? p->run->instr(p->run->arg, n->id) : NULL;
}

static void
prop_removed(Printer *p, const char *key, const PlanNode *n, int64_t total)
{
    const NodeInstr *i = node_instr(p, n);
    double loops = i != NULL && i->loops > 0 ? (double)i->loops : 1;
    if (i == NULL || (total == 0 && p->opt->format == EXPLAIN_TEXT)) return;
    prop_float(p, key, rint((double)total / loops), 0);
}

static Describe
run_properties(Printer *p, const PlanNode *n)
{
    Describe d;
    describe_init(&d, p->arena, true, p->opt->verbose);
    if (p->run != NULL) p->run->describe(p->run->arg, n->id, &d);
    return d;
}

static const Property *
find_property(const Describe *d, const char *name)
{
    for (int i = 0; i < d->count; i++)
        if (strcmp(d->items[i].name, name) == 0) return &d->items[i];
    return NULL;
}

static void
prop_run(Printer *p, const Property *x)
{
    switch (x->kind) {
    case PROP_INT: prop_int(p, x->name, x->i); break;
    case PROP_FLOAT: prop_float(p, x->name, x->d, x->ndigits); break;
    case PROP_STR: prop_str(p, x->name, x->s); break;
    case PROP_BOOL: prop_bool(p, x->name, x->b); break;
    case PROP_LIST: break;
    }
}

static void
put_sort_run(Printer *p, const PlanNode *n)
{
    Describe d = run_properties(p, n);
    const Property *m = find_property(&d, "Sort Method"), *space = find_property(&d, "Sort Space Used"),
                   *type = find_property(&d, "Sort Space Type");
    if (m == NULL || space == NULL || type == NULL || node_instr(p, n) == NULL || node_instr(p, n)->loops == 0) return;
    if (p->opt->format == EXPLAIN_TEXT) {
        indent(p, p->depth);
        strbuf_addf(&p->out, "Sort Method: %s  %s: %lldkB\n", m->s, type->s, (long long)space->i);
        return;
    }
    for (int i = 0; i < d.count; i++) prop_run(p, &d.items[i]);
}

/* A bitmap is never lossy. */
static void
put_heap_blocks(Printer *p, int64_t exact)
{
    if (p->opt->format != EXPLAIN_TEXT) {
        prop_int(p, "Exact Heap Blocks", exact);
        prop_int(p, "Lossy Heap Blocks", 0);
    } else if (exact > 0) {
        indent(p, p->depth);
        strbuf_addf(&p->out, "Heap Blocks: exact=%lld\n", (long long)exact);
    }
}

/* The hash table is the join's; PostgreSQL shows it on the Hash node. */
static void
put_hash_run(Printer *p, const PlanNode *join)
{
    if (join == NULL || join->tag != PLAN_HashJoin) return;
    Describe d = run_properties(p, join);
    const Property *buckets = find_property(&d, "Hash Buckets"), *batches = find_property(&d, "Hash Batches"),
                   *mem = find_property(&d, "Peak Memory Usage");
    if (buckets == NULL || batches == NULL || mem == NULL) return;
    if (p->opt->format == EXPLAIN_TEXT) {
        indent(p, p->depth);
        strbuf_addf(&p->out, "Buckets: %lld  Batches: %lld  Memory Usage: %lldkB\n", (long long)buckets->i, (long long)batches->i,
                    (long long)mem->i);
        return;
    }
    prop_int(p, "Hash Buckets", buckets->i);
    prop_int(p, "Original Hash Buckets", buckets->i);
    prop_int(p, "Hash Batches", batches->i);
    prop_int(p, "Original Hash Batches", batches->i);
    prop_int(p, "Peak Memory Usage", mem->i);
}

static void
put_agg_run(Printer *p, const PlanNode *n)
{
    Describe d = run_properties(p, n);
    const Property *batches = find_property(&d, "HashAgg Batches"), *mem = find_property(&d, "Peak Memory Usage"),
                   *disk = find_property(&d, "Disk Usage");
    if (batches == NULL || mem == NULL || disk == NULL) return;
    if (p->opt->format != EXPLAIN_TEXT) {
        for (int i = 0; i < d.count; i++) prop_run(p, &d.items[i]);
        return;
    }
    indent(p, p->depth);
    strbuf_addf(&p->out, "Batches: %lld  Memory Usage: %lldkB", (long long)batches->i, (long long)mem->i);
    if (disk->i > 0) strbuf_addf(&p->out, "  Disk Usage: %lldkB", (long long)disk->i);
    strbuf_addc(&p->out, '\n');
}

static void
put_buffers(Printer *p, const BufferUsage *u)
{
    if (p->opt->format != EXPLAIN_TEXT) {
        prop_int(p, "Shared Hit Blocks", u->shared_hit);
        prop_int(p, "Shared Read Blocks", u->shared_read);
        prop_int(p, "Shared Dirtied Blocks", u->shared_dirtied);
        prop_int(p, "Shared Written Blocks", u->shared_written);
        prop_int(p, "Local Hit Blocks", u->local_hit);
        prop_int(p, "Local Read Blocks", u->local_read);
        prop_int(p, "Local Dirtied Blocks", u->local_dirtied);
        prop_int(p, "Local Written Blocks", u->local_written);
        prop_int(p, "Temp Read Blocks", u->temp_read);
        prop_int(p, "Temp Written Blocks", u->temp_written);
        return;
    }
    const struct {
        const char *name;
        int64_t n[4];
    } kinds[] = {{"shared", {u->shared_hit, u->shared_read, u->shared_dirtied, u->shared_written}},
                 {"local", {u->local_hit, u->local_read, u->local_dirtied, u->local_written}},
                 {"temp", {0, u->temp_read, 0, u->temp_written}}};
    static const char *const what[] = {"hit", "read", "dirtied", "written"};
    bool any = false;
    for (int k = 0; k < 3; k++) {
        bool here = false;
        for (int i = 0; i < 4; i++) {
            if (kinds[k].n[i] <= 0) continue;
            if (!any) {
                indent(p, p->depth);
                strbuf_addz(&p->out, "Buffers:");
            } else if (!here) {
                strbuf_addc(&p->out, ',');
            }
            if (!here) strbuf_addf(&p->out, " %s", kinds[k].name);
            strbuf_addf(&p->out, " %s=%lld", what[i], (long long)kinds[k].n[i]);
            any = here = true;
        }
    }
    if (any) strbuf_addc(&p->out, '\n');
}

/* ---- node names ---- */

static const char *const join_words[] = {[JOIN_INNER] = "Inner", [JOIN_LEFT] = "Left", [JOIN_RIGHT] = "Right", [JOIN_FULL] = "Full",
                                         [JOIN_SEMI] = "Semi", [JOIN_ANTI] = "Anti", [JOIN_RIGHT_SEMI] = "Right Semi",
                                         [JOIN_RIGHT_ANTI] = "Right Anti"};

static int
join_type(const PlanNode *n)
{
    switch (n->tag) {
    case PLAN_NestLoop: return ((const NestLoopPlan *)n)->jointype;
    case PLAN_HashJoin: return ((const HashJoinPlan *)n)->jointype;
    case PLAN_MergeJoin: return ((const MergeJoinPlan *)n)->jointype;
    default: return -1;
    }
}

static const char *const dml_words[] = {[DML_INSERT] = "Insert", [DML_UPDATE] = "Update", [DML_DELETE] = "Delete", [DML_MERGE] = "Merge"};

static const char *
agg_word(const PlanNode *n)
{
    switch (((const AggregatePlan *)n)->strategy) {
    case AGG_SORTED: return "GroupAggregate";
    case AGG_HASHED: return "HashAggregate";
    case AGG_MIXED: return "MixedAggregate";
    default: return "Aggregate";
    }
}

/* "Hash Left Join", "Index Only Scan Backward using i": as on the TEXT line, without the relation. */
static Status
text_name(Printer *p, const PlanNode *n, const char **out)
{
    int jt = join_type(n);
    const char *name = plan_node_name(n->tag);
    switch (n->tag) {
    case PLAN_NestLoop:
        if (jt != JOIN_INNER) name = arena_printf(p->arena, "Nested Loop %s Join", join_words[jt]);
        break;
    case PLAN_HashJoin:
    case PLAN_MergeJoin:
        if (jt != JOIN_INNER) name = arena_printf(p->arena, "%s %s Join", n->tag == PLAN_HashJoin ? "Hash" : "Merge", join_words[jt]);
        break;
    case PLAN_IndexScan: {
        const IndexScanPlan *s = (const IndexScanPlan *)n;
        name = arena_printf(p->arena, "%s%s using %s", s->index_only ? "Index Only Scan" : "Index Scan", s->backward ? " Backward" : "", s->index->name);
        break;
    }
    case PLAN_BitmapIndexScan: name = arena_printf(p->arena, "Bitmap Index Scan on %s", ((const BitmapIndexScanPlan *)n)->index->name); break;
    case PLAN_Aggregate: name = agg_word(n); break;
    case PLAN_SetOp: {
        const SetOpPlan *s = (const SetOpPlan *)n;
        name = arena_printf(p->arena, "HashSetOp %s%s", s->kind == SETOP_INTERSECT ? "Intersect" : "Except", s->all ? " All" : "");
        break;
    }
    case PLAN_Modify: name = dml_words[((const ModifyPlan *)n)->kind]; break;
    default: break;
    }
    TRY_ALLOC(p->ctx, *out, name);
    return QN_OK;
}

/* What a scan reads, and under which alias. */
static void
scan_target(const PlanNode *n, const Relation **rel, const char **name, const char **alias)
{
    *rel = NULL;
    *name = *alias = NULL;
    switch (n->tag) {
    case PLAN_SeqScan: *rel = ((const SeqScanPlan *)n)->rel, *alias = ((const SeqScanPlan *)n)->alias; break;
    case PLAN_IndexScan: *rel = ((const IndexScanPlan *)n)->rel, *alias = ((const IndexScanPlan *)n)->alias; break;
    case PLAN_BitmapHeapScan: *rel = ((const BitmapHeapScanPlan *)n)->rel, *alias = ((const BitmapHeapScanPlan *)n)->alias; break;
    case PLAN_TidScan: *rel = ((const TidScanPlan *)n)->rel, *alias = ((const TidScanPlan *)n)->alias; break;
    case PLAN_CatalogScan: *rel = ((const CatalogScanPlan *)n)->rel, *alias = ((const CatalogScanPlan *)n)->alias; break;
    case PLAN_Modify: *rel = ((const ModifyPlan *)n)->rel, *alias = ((const ModifyPlan *)n)->alias; break;
    case PLAN_CteScan: *name = ((const CteScanPlan *)n)->cte_name, *alias = ((const CteScanPlan *)n)->alias; break;
    case PLAN_WorkTableScan: *name = ((const WorkTableScanPlan *)n)->alias; break;
    case PLAN_SubqueryScan: *name = ((const SubqueryScanPlan *)n)->alias; break;
    case PLAN_ValuesScan: *name = "*VALUES*"; break;
    case PLAN_FunctionScan: {
        const FunctionScanPlan *f = (const FunctionScanPlan *)n;
        const Expr *call = f->calls.count == 1 ? f->calls.items[0] : NULL;
        if (call != NULL && call->tag == EXPR_SetFunc) *name = ((const SetFuncExpr *)call)->fn->name;
        if (call != NULL && call->tag == EXPR_Func) *name = ((const FuncExpr *)call)->fn->name;
        *alias = f->alias;
        break;
    }
    default: break;
    }
    if (*rel != NULL) *name = (*rel)->name;
}

static const char *
quoted_name(const char *s)
{
    return strcmp(s, "*VALUES*") == 0 ? "\"*VALUES*\"" : s;
}

static Status
text_line(Printer *p, const PlanNode *n)
{
    const Relation *rel;
    const char *kind, *name, *alias;
    const NodeInstr *x = node_instr(p, n);
    TRY(text_name(p, n, &kind));
    scan_target(n, &rel, &name, &alias);
    strbuf_addz(&p->out, kind);
    if (name != NULL) {
        strbuf_addz(&p->out, " on ");
        if (rel != NULL && p->opt->verbose) strbuf_addf(&p->out, "%s.", rel->schema);
        strbuf_addz(&p->out, quoted_name(name));
        if (alias != NULL && strcmp(alias, name) != 0) strbuf_addf(&p->out, " %s", alias);
    }
    if (p->opt->costs)
        strbuf_addf(&p->out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", n->startup_cost, n->total_cost, n->rows, n->width);
    if (p->run != NULL && p->opt->analyze) {
        if (x == NULL || x->loops == 0) {
            strbuf_addz(&p->out, " (never executed)");
        } else {
            double loops = (double)x->loops, rows = (double)x->rows / loops;
            if (p->opt->timing)
                strbuf_addf(&p->out, " (actual time=%.3f..%.3f rows=%.0f loops=%.0f)", (double)x->startup_ns / loops / 1e6,
                            (double)x->total_ns / loops / 1e6, rows, loops);
            else
                strbuf_addf(&p->out, " (actual rows=%.0f loops=%.0f)", rows, loops);
        }
    }
    strbuf_addc(&p->out, '\n');
    return QN_OK;
}

static const char *
node_type(const PlanNode *n)
{
    if (n->tag == PLAN_IndexScan && ((const IndexScanPlan *)n)->index_only) return "Index Only Scan";
    return plan_node_name(n->tag);
}

static void
structured_head(Printer *p, const PlanNode *n, const char *relationship, const char *subplan)
{
    const Relation *rel;
    const char *name, *alias;
    const NodeInstr *x = node_instr(p, n);
    int jt = join_type(n);
    static const char *const strategies[] = {[AGG_PLAIN] = "Plain", [AGG_SORTED] = "Sorted", [AGG_HASHED] = "Hashed", [AGG_MIXED] = "Mixed"};
    scan_target(n, &rel, &name, &alias);
    prop_str(p, "Node Type", node_type(n));
    if (n->tag == PLAN_Aggregate) prop_str(p, "Strategy", strategies[((const AggregatePlan *)n)->strategy]);
    if (n->tag == PLAN_SetOp) prop_str(p, "Strategy", "Hashed");
    if (n->tag == PLAN_Aggregate) prop_str(p, "Partial Mode", "Simple");
    if (n->tag == PLAN_Modify) prop_str(p, "Operation", dml_words[((const ModifyPlan *)n)->kind]);
    if (relationship != NULL) prop_str(p, "Parent Relationship", relationship);
    if (subplan != NULL) prop_str(p, "Subplan Name", subplan);
    prop_bool(p, "Parallel Aware", false);
    prop_bool(p, "Async Capable", false);
    if (n->tag == PLAN_IndexScan) {
        prop_str(p, "Scan Direction", ((const IndexScanPlan *)n)->backward ? "Backward" : "Forward");
        prop_str(p, "Index Name", ((const IndexScanPlan *)n)->index->name);
    }
    if (n->tag == PLAN_BitmapIndexScan) prop_str(p, "Index Name", ((const BitmapIndexScanPlan *)n)->index->name);
    if (jt >= 0) prop_str(p, "Join Type", join_words[jt]);
    if (n->tag == PLAN_CteScan) {
        prop_str(p, "CTE Name", name);
    } else if (n->tag == PLAN_FunctionScan) {
        if (name != NULL) prop_str(p, "Function Name", name);
    } else if (rel != NULL) {
        prop_str(p, "Relation Name", name);
        if (p->opt->verbose) prop_str(p, "Schema", rel->schema);
    }
    if (alias == NULL && (n->tag == PLAN_ValuesScan || n->tag == PLAN_SubqueryScan)) alias = name;
    if (alias != NULL) prop_str(p, "Alias", alias);
    if (p->opt->costs) {
        prop_float(p, "Startup Cost", n->startup_cost, 2);
        prop_float(p, "Total Cost", n->total_cost, 2);
        prop_float(p, "Plan Rows", n->rows, 0);
        prop_int(p, "Plan Width", n->width);
    }
    if (p->run != NULL && p->opt->analyze) {
        double loops = x != NULL && x->loops > 0 ? (double)x->loops : 1;
        if (p->opt->timing) {
            prop_float(p, "Actual Startup Time", x != NULL ? (double)x->startup_ns / loops / 1e6 : 0, 3);
            prop_float(p, "Actual Total Time", x != NULL ? (double)x->total_ns / loops / 1e6 : 0, 3);
        }
        prop_float(p, "Actual Rows", x != NULL ? (double)x->rows / loops : 0, 0);
        prop_int(p, "Actual Loops", x != NULL ? x->loops : 0);
    }
}

/* ---- details ---- */

static Status
put_filter(Printer *p, const PlanNode *n, const char *key)
{
    const NodeInstr *x = node_instr(p, n);
    if (n->filter.count == 0) return QN_OK;
    TRY(prop_conds(p, key, n, PLACE_OUTPUT, &n->filter));
    if (x != NULL) prop_removed(p, "Rows Removed by Filter", n, x->rows_removed_filter);
    return QN_OK;
}

static Status
put_join(Printer *p, const PlanNode *n, const ExprList *conds)
{
    const NodeInstr *x = node_instr(p, n);
    if (conds->count > 0) {
        TRY(prop_conds(p, "Join Filter", n, PLACE_INPUT, conds));
        if (x != NULL) prop_removed(p, "Rows Removed by Join Filter", n, x->rows_removed_join);
    }
    return put_filter(p, n, "Filter");
}

static Status
put_aggregate(Printer *p, const AggregatePlan *a)
{
    if (a->nsets == 0) {
        TRY(prop_exprs(p, "Group Key", &a->base, PLACE_INPUT, &a->keys, true));
    } else {
        for (int s = 0; s < a->nsets; s++) {
            ExprList set = {0};
            for (int i = 0; i < a->set_counts[s]; i++)
                TRY(array_push(p->ctx, p->arena, &set, a->keys.items[a->sets[s][i]]));
            if (set.count > 0) TRY(prop_exprs(p, a->strategy == AGG_HASHED ? "Hash Key" : "Group Key", &a->base, PLACE_INPUT, &set, true));
            else prop_str(p, "Group Key", "()");
        }
    }
    TRY(put_filter(p, &a->base, "Filter"));
    if (p->run != NULL && a->strategy == AGG_HASHED) put_agg_run(p, &a->base);
    return QN_OK;
}

static Status
put_modify(Printer *p, const ModifyPlan *m)
{
    const OnConflict *c = m->on_conflict;
    char *names[32];
    int n = 0;
    if (c == NULL || c->action == ONCONFLICT_NONE) return QN_OK;
    prop_str(p, "Conflict Resolution", c->action == ONCONFLICT_NOTHING ? "NOTHING" : "UPDATE");
    for (int i = 0; i < c->narbiters && n < 32; i++) names[n++] = (char *)m->rel->indexes[c->arbiters[i]]->name;
    if (n > 0) prop_list(p, "Conflict Arbiter Indexes", names, n);
    if (c->where == NULL) return QN_OK;
    ExprList one = {.items = (Expr *[]){c->where}, .count = 1};
    return prop_conds(p, "Conflict Filter", &m->base, PLACE_INPUT, &one);
}

static Status
put_details(Printer *p, const PlanNode *n)
{
    const NodeInstr *x = node_instr(p, n);
    if (p->opt->verbose && n->targets.count > 0) {
        p->names.qualify = p->names.several;
        TRY(prop_exprs(p, "Output", n, PLACE_OUTPUT, &n->targets, true));
        p->names.qualify = true;
    }
    switch (n->tag) {
    case PLAN_IndexScan: {
        const IndexScanPlan *s = (const IndexScanPlan *)n;
        TRY(prop_conds(p, "Index Cond", n, PLACE_OUTPUT, &s->index_cond));
        TRY(put_filter(p, n, "Filter"));
        if (s->index_only && x != NULL && p->opt->analyze) prop_int(p, "Heap Fetches", x->heap_fetches);
        return QN_OK;
    }
    case PLAN_BitmapIndexScan: return prop_conds(p, "Index Cond", n, PLACE_OUTPUT, &((const BitmapIndexScanPlan *)n)->index_cond);
    case PLAN_BitmapHeapScan:
        TRY(prop_conds(p, "Recheck Cond", n, PLACE_OUTPUT, &((const BitmapHeapScanPlan *)n)->recheck));
        if (x != NULL) prop_removed(p, "Rows Removed by Index Recheck", n, x->rows_removed_recheck);
        TRY(put_filter(p, n, "Filter"));
        if (x != NULL && p->opt->analyze) put_heap_blocks(p, x->heap_fetches);
        return QN_OK;
    case PLAN_Result: TRY(prop_conds(p, "One-Time Filter", n, PLACE_INPUT, &((const ResultPlan *)n)->one_time)); break;
    case PLAN_FunctionScan:
        if (p->opt->verbose) TRY(prop_exprs(p, "Function Call", n, PLACE_INPUT, &((const FunctionScanPlan *)n)->calls, false));
        break;
    case PLAN_NestLoop:
        if (p->opt->verbose) prop_bool(p, "Inner Unique", ((const NestLoopPlan *)n)->inner_unique);
        return put_join(p, n, &((const NestLoopPlan *)n)->join_cond);
    case PLAN_HashJoin:
        if (p->opt->verbose) prop_bool(p, "Inner Unique", ((const HashJoinPlan *)n)->inner_unique);
        TRY(prop_conds(p, "Hash Cond", n, PLACE_INPUT, &((const HashJoinPlan *)n)->hash_cond));
        return put_join(p, n, &((const HashJoinPlan *)n)->join_cond);
    case PLAN_MergeJoin:
        if (p->opt->verbose) prop_bool(p, "Inner Unique", ((const MergeJoinPlan *)n)->inner_unique);
        TRY(prop_conds(p, "Merge Cond", n, PLACE_INPUT, &((const MergeJoinPlan *)n)->merge_cond));
        return put_join(p, n, &((const MergeJoinPlan *)n)->join_cond);
    case PLAN_Hash:
        if (p->run != NULL) put_hash_run(p, p->parent);
        return QN_OK;
    case PLAN_Sort: {
        const SortPlan *s = (const SortPlan *)n;
        TRY(prop_sort_keys(p, "Sort Key", n, &s->keys, 0, s->keys.count));
        if (p->run != NULL) put_sort_run(p, n);
        return QN_OK;
    }
    case PLAN_IncrementalSort: {
        const IncrementalSortPlan *s = (const IncrementalSortPlan *)n;
        TRY(prop_sort_keys(p, "Sort Key", n, &s->keys, 0, s->keys.count));
        return prop_sort_keys(p, "Presorted Key", n, &s->keys, 0, s->presorted);
    }
    case PLAN_MergeAppend: return prop_sort_keys(p, "Sort Key", n, &((const MergeAppendPlan *)n)->keys, 0, ((const MergeAppendPlan *)n)->keys.count);
    case PLAN_Aggregate: return put_aggregate(p, (const AggregatePlan *)n);
    case PLAN_WindowAgg:
        if (((const WindowAggPlan *)n)->run_condition.count > 0)
            TRY(prop_conds(p, "Run Condition", n, PLACE_OUTPUT, &((const WindowAggPlan *)n)->run_condition));
        break;
    case PLAN_Memoize: {
        const MemoizePlan *m = (const MemoizePlan *)n;
        TRY(prop_exprs(p, "Cache Key", n, PLACE_INPUT, &m->keys, true));
        Describe d = run_properties(p, n);
        const Property *hits = find_property(&d, "Cache Hits"), *misses = find_property(&d, "Cache Misses");
        if (hits != NULL && misses != NULL) {
            prop_int(p, "Hits", hits->i);
            prop_int(p, "Misses", misses->i);
        }
        break;
    }
    case PLAN_Modify: return put_modify(p, (const ModifyPlan *)n);
    default: break;
    }
    return put_filter(p, n, "Filter");
}

/* ---- the tree ---- */

static Status put_node(Printer *p, const PlanNode *n, const PlanNode *parent, const char *relationship, const char *subplan);

static Status
put_subplan(Printer *p, int id, const PlanNode *parent)
{
    const struct SubPlanInfo *info = &p->plan->subplan_info[id];
    if (p->opt->format == EXPLAIN_TEXT) {
        indent(p, p->depth);
        strbuf_addf(&p->out, "%s\n", info->name);
        p->depth++;
        TRY(put_node(p, p->plan->subplans[id], parent, NULL, NULL));
        p->depth--;
        return QN_OK;
    }
    return put_node(p, p->plan->subplans[id], parent, info->is_init || info->is_cte ? "InitPlan" : "SubPlan", info->name);
}

static bool
has_children(Printer *p, const PlanNode *n, int nsubplans)
{
    bool is_root = n == p->plan->root;
    for (int i = 0; is_root && i < p->plan->nsubplans; i++)
        if (p->plan->subplan_info[i].is_init || p->plan->subplan_info[i].is_cte) return true;
    return n->outer != NULL || n->inner != NULL || plan_node_children(n) != NULL || nsubplans > 0;
}

/* The large step of a recursion is shown when it ran, or when everything is asked for. */
static bool
is_hidden(Printer *p, const PlanNode *parent, const PlanNode *child)
{
    const NodeInstr *x = node_instr(p, child);
    return parent->tag == PLAN_RecursiveUnion && !p->opt->verbose && (x == NULL || x->loops == 0);
}

static Status
put_children(Printer *p, const PlanNode *n)
{
    int *ids, nids;
    TRY(explain_node_subplans(&p->names, n, &ids, &nids));
    if (!has_children(p, n, nids)) return QN_OK;
    open_group(p, "Plans", true);
    /* CTEs and init plans belong to the statement: shown under its top node. */
    for (int i = 0; n == p->plan->root && i < p->plan->nsubplans; i++)
        if (p->plan->subplan_info[i].is_init || p->plan->subplan_info[i].is_cte) TRY(put_subplan(p, i, n));
    if (n->outer != NULL) TRY(put_node(p, n->outer, n, "Outer", NULL));
    if (n->inner != NULL) TRY(put_node(p, n->inner, n, "Inner", NULL));
    const PlanNodeList *children = plan_node_children(n);
    for (int i = 0; children != NULL && i < children->count; i++)
        if (!is_hidden(p, n, children->items[i])) TRY(put_node(p, children->items[i], n, "Member", NULL));
    for (int i = 0; i < nids; i++)
        if (!p->plan->subplan_info[ids[i]].is_init && !p->plan->subplan_info[ids[i]].is_cte) TRY(put_subplan(p, ids[i], n));
    close_group(p, "Plans", true);
    return QN_OK;
}

static Status
put_node(Printer *p, const PlanNode *n, const PlanNode *parent, const char *relationship, const char *subplan)
{
    const NodeInstr *x = node_instr(p, n);
    bool text = p->opt->format == EXPLAIN_TEXT;
    TRY(ctx_check_depth(p->ctx));
    if (p->depth >= MAX_DEPTH) return RAISE(p->ctx, ERR_STATEMENT_TOO_COMPLEX, "plan is nested too deeply to be shown");
    int depth = p->depth;
    if (text) {
        if (n != p->plan->root) {
            indent(p, p->depth);
            strbuf_addz(&p->out, "->  ");
            p->depth += 2;
        }
        TRY(text_line(p, n));
        p->depth += 1;
    } else {
        bool root = n == p->plan->root;
        open_group(p, root ? "Plan" : p->opt->format == EXPLAIN_XML ? "Plan" : NULL, false);
        structured_head(p, n, relationship, subplan);
    }
    p->parent = parent;
    TRY(put_details(p, n));
    if (p->opt->buffers && x != NULL) put_buffers(p, &x->buffers);
    TRY(put_children(p, n));
    if (text) p->depth = depth;
    else close_group(p, "Plan", false);
    return QN_OK;
}

static void
put_times(Printer *p)
{
    if (!p->opt->summary) return;
    bool text = p->opt->format == EXPLAIN_TEXT;
    if (text) strbuf_addf(&p->out, "Planning Time: %.3f ms\n", p->plan->plan_time_ms);
    else prop_float(p, "Planning Time", p->plan->plan_time_ms, 3);
    if (p->run == NULL) return;
    if (text) strbuf_addf(&p->out, "Execution Time: %.3f ms\n", p->run->execution_ms);
    else prop_float(p, "Execution Time", p->run->execution_ms, 3);
}

Status
explain_plan(Ctx *ctx, Arena *arena, const Plan *plan, const ExplainOptions *options, const ExplainRun *run, char **text_out,
             size_t *nbytes_out)
{
    Printer *p;
    TRY_ALLOC(ctx, p, ARENA_NEW(arena, Printer));
    *p = (Printer){.ctx = ctx, .arena = arena, .plan = plan, .opt = options, .run = run, .out = strbuf_new(arena)};
    TRY(explain_names_init(ctx, arena, plan, options->verbose, &p->names));
    switch (options->format) {
    case EXPLAIN_TEXT:
        TRY(put_node(p, plan->root, NULL, NULL, NULL));
        p->depth = 0;
        put_times(p);
        break;
    case EXPLAIN_JSON:
        strbuf_addz(&p->out, "[\n  {");
        p->depth = 2;
        p->first[2] = true;
        TRY(put_node(p, plan->root, NULL, NULL, NULL));
        put_times(p);
        strbuf_addz(&p->out, "\n  }\n]");
        break;
    case EXPLAIN_YAML:
        strbuf_addz(&p->out, "- ");
        p->depth = 1;
        p->first[1] = p->in_list[1] = true;
        TRY(put_node(p, plan->root, NULL, NULL, NULL));
        put_times(p);
        break;
    case EXPLAIN_XML:
        strbuf_addz(&p->out, "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n");
        p->depth = 2;
        TRY(put_node(p, plan->root, NULL, NULL, NULL));
        put_times(p);
        strbuf_addz(&p->out, "  </Query>\n</explain>");
        break;
    }
    TRY(strbuf_finish(ctx, &p->out, text_out, nbytes_out));
    size_t n = strlen(*text_out);
    if (n > 0 && (*text_out)[n - 1] == '\n') (*text_out)[--n] = '\0';
    if (nbytes_out != NULL) *nbytes_out = n;
    return QN_OK;
}
