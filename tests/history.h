/* history.h - what a set of transactions has seen of each other, and whether an isolation level allows it.
 *
 * Transactions append unique values to lists and read lists whole, so every read tells the order of the appends before it, and who made them
 * (Kingsbury and Alvaro, *Elle*, VLDB 2020). The edges that follow:
 *     ww  who appended a value -> who appended the next one
 *     wr  who appended the last value of a read -> the reader
 *     rw  the reader -> who appended the next value
 *     rt  who had ended -> who began after that
 * An anomaly is a cycle (Adya): of ww alone G0, with wr G1c, with rw G2; or a read of what was rolled back (G1a) or not final (G1b). A cycle in
 * which no two rw follow each other (G-single is one with a single rw) is what REPEATABLE READ, snapshot isolation, forbids beyond G1. */
#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct HistoryOp {
    int key;
    int value;   /* appended; 0: a read */
    int *list;   /* read; owned */
    int n;
} HistoryOp;

typedef struct HistoryTx {
    HistoryOp *ops; /* owned */
    int nops;
    bool committed;
    int64_t begin_ns, end_ns;
} HistoryTx;

typedef struct History {
    HistoryTx *txs;
    int n;
    int nkeys, nvalues; /* keys are below nkeys, values in 1 .. nvalues */
} History;

/* How often each was found; cycles as strongly connected components. */
typedef struct HistoryAnomalies {
    int g0, g1a, g1b, g1c;
    int nonadjacent; /* cycles without two rw in a row, G0 and G1c included */
    int g2;          /* any cycle */
    int realtime;    /* any cycle, with rt */
    int incompatible; /* reads of one list that are no beginnings of each other: lost or reordered appends */
    int lost;        /* values of committed transactions that the last reads lack */
} HistoryAnomalies;

static inline void *
history_must(void *p)
{
    if (p == NULL) abort();
    return p;
}

/* ---- the graph ---- */

enum { EDGE_WW = 1, EDGE_WR = 2, EDGE_RW = 4, EDGE_RT = 8 };

typedef struct HistoryEdge {
    int from, to, kind;
} HistoryEdge;

typedef struct HistoryGraph {
    HistoryEdge *edges;
    int n, cap;
    int nodes;
} HistoryGraph;

static inline void
history_add_edge(HistoryGraph *g, int from, int to, int kind)
{
    if (from == to) return;
    if (g->n == g->cap) {
        g->cap = g->cap != 0 ? g->cap * 2 : 1024;
        g->edges = history_must(realloc(g->edges, (size_t)g->cap * sizeof(*g->edges)));
    }
    g->edges[g->n++] = (HistoryEdge){from, to, kind};
}

/* Edges of these kinds by their source: targets of node i are to[first[i]] .. to[first[i + 1]]. */
typedef struct HistoryAdjacency {
    int *first, *to, nodes;
} HistoryAdjacency;

/* nonadjacent: node 2i is transaction i reached otherwise than by rw, 2i + 1 reached by rw, from where no rw leads on. */
static inline HistoryAdjacency
history_adjacency(const HistoryGraph *g, int kinds, bool nonadjacent)
{
    const int copies = nonadjacent ? 2 : 1;
    HistoryAdjacency a = {.nodes = g->nodes * copies};
    a.first = history_must(calloc((size_t)a.nodes + 2, sizeof(int)));
    a.to = history_must(malloc(((size_t)g->n * (size_t)copies + 1) * sizeof(int)));
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < g->n; i++) {
            const HistoryEdge *e = &g->edges[i];
            if ((e->kind & kinds) == 0) continue;
            for (int copy = 0; copy < copies; copy++) {
                if (copy == 1 && e->kind == EDGE_RW) continue;
                int from = e->from * copies + copy, to = nonadjacent ? e->to * 2 + (e->kind == EDGE_RW) : e->to;
                if (pass == 0) a.first[from + 2]++;
                else a.to[a.first[from + 1]++] = to;
            }
        }
        for (int i = 0; pass == 0 && i < a.nodes; i++) a.first[i + 2] += a.first[i + 1];
    }
    return a;
}

/* Strongly connected components of more than one node (Tarjan, without recursion). */
static inline int
history_count_cycles(const HistoryGraph *g, int kinds, bool nonadjacent)
{
    HistoryAdjacency a = history_adjacency(g, kinds, nonadjacent);
    int *index = history_must(calloc((size_t)a.nodes + 1, sizeof(int)));
    int *low = history_must(calloc((size_t)a.nodes + 1, sizeof(int)));
    int *at = history_must(calloc((size_t)a.nodes + 1, sizeof(int)));
    int *path = history_must(malloc(((size_t)a.nodes + 1) * sizeof(int)));
    int *open = history_must(malloc(((size_t)a.nodes + 1) * sizeof(int)));
    bool *is_open = history_must(calloc((size_t)a.nodes + 1, 1));
    int next = 1, npath = 0, nopen = 0, found = 0;
    for (int root = 0; root < a.nodes; root++) {
        if (index[root] != 0) continue;
        path[npath++] = root;
        while (npath > 0) {
            int v = path[npath - 1];
            if (index[v] == 0) {
                index[v] = low[v] = next++;
                at[v] = a.first[v];
                open[nopen++] = v;
                is_open[v] = true;
            }
            bool down = false;
            for (; at[v] < a.first[v + 1] && !down; at[v]++) {
                int w = a.to[at[v]];
                if (index[w] == 0) {
                    path[npath++] = w;
                    down = true;
                } else if (is_open[w] && index[w] < low[v]) {
                    low[v] = index[w];
                }
            }
            if (down) {
                at[v]--; /* looked at again when w is done */
                continue;
            }
            npath--;
            if (npath > 0 && low[v] < low[path[npath - 1]]) low[path[npath - 1]] = low[v];
            if (low[v] != index[v]) continue;
            int size = 0, w;
            do {
                w = open[--nopen];
                is_open[w] = false;
                size++;
            } while (w != v);
            found += size > 1;
        }
    }
    free(a.first);
    free(a.to);
    free(index);
    free(low);
    free(at);
    free(path);
    free(open);
    free(is_open);
    return found;
}

/* ---- from reads to edges ---- */

typedef struct HistoryKey {
    const int *order; /* the longest read of a committed transaction */
    int n;
} HistoryKey;

typedef struct HistoryValue {
    int tx;     /* who appended it, -1: nobody */
    int key;
    bool final; /* the last one that transaction appended to that list */
    int place;  /* in the list's order, from 1; 0: in no read */
} HistoryValue;

static inline HistoryValue *
history_values(const History *h)
{
    HistoryValue *values = history_must(calloc((size_t)h->nvalues + 1, sizeof(*values)));
    for (int i = 0; i <= h->nvalues; i++) values[i].tx = -1;
    for (int t = 0; t < h->n; t++) {
        for (int i = 0; i < h->txs[t].nops; i++) {
            const HistoryOp *op = &h->txs[t].ops[i];
            if (op->value == 0) continue;
            values[op->value] = (HistoryValue){.tx = t, .key = op->key, .final = true};
            for (int k = 0; k < i; k++)
                if (h->txs[t].ops[k].value != 0 && h->txs[t].ops[k].key == op->key) values[h->txs[t].ops[k].value].final = false;
        }
    }
    return values;
}

/* The order of each list; counts what contradicts it. */
static inline HistoryKey *
history_orders(const History *h, HistoryValue *values, HistoryAnomalies *out)
{
    HistoryKey *keys = history_must(calloc((size_t)h->nkeys + 1, sizeof(*keys)));
    for (int t = 0; t < h->n; t++)
        for (int i = 0; h->txs[t].committed && i < h->txs[t].nops; i++) {
            const HistoryOp *op = &h->txs[t].ops[i];
            if (op->value == 0 && op->n > keys[op->key].n) keys[op->key] = (HistoryKey){op->list, op->n};
        }
    for (int k = 0; k < h->nkeys; k++)
        for (int i = 0; i < keys[k].n; i++) values[keys[k].order[i]].place = i + 1;
    for (int t = 0; t < h->n; t++)
        for (int i = 0; h->txs[t].committed && i < h->txs[t].nops; i++) {
            const HistoryOp *op = &h->txs[t].ops[i];
            if (op->value == 0 && op->n > 0 && memcmp(op->list, keys[op->key].order, (size_t)op->n * sizeof(int)) != 0)
                out->incompatible++;
        }
    for (int v = 1; v <= h->nvalues; v++)
        if (values[v].tx >= 0 && h->txs[values[v].tx].committed && values[v].place == 0) out->lost++;
    return keys;
}

static inline void
history_read_edges(const History *h, const HistoryKey *keys, const HistoryValue *values, int t, const HistoryOp *op, HistoryGraph *g,
                   HistoryAnomalies *out)
{
    const HistoryKey *k = &keys[op->key];
    for (int i = 0; i < op->n; i++) {
        int by = values[op->list[i]].tx;
        if (by < 0 || (!h->txs[by].committed && by != t)) out->g1a++;
    }
    if (op->n > 0) {
        const HistoryValue *last = &values[op->list[op->n - 1]];
        if (last->tx >= 0 && last->tx != t) {
            if (!last->final) out->g1b++;
            history_add_edge(g, last->tx, t, EDGE_WR);
        }
    }
    if (op->n < k->n && values[k->order[op->n]].tx >= 0) history_add_edge(g, t, values[k->order[op->n]].tx, EDGE_RW);
}

static inline int
history_by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : 0;
}

/* Time is a chain of further nodes, one an event: an end leads to the next one, a begin comes from the one before. */
static inline void
history_time_edges(const History *h, HistoryGraph *g)
{
    int64_t(*events)[2] = history_must(malloc((2 * (size_t)h->n + 1) * sizeof(*events)));
    int n = 0;
    for (int t = 0; t < h->n; t++) {
        if (!h->txs[t].committed) continue;
        events[n][0] = h->txs[t].begin_ns;
        events[n++][1] = 2 * t;
        events[n][0] = h->txs[t].end_ns;
        events[n++][1] = 2 * t + 1;
    }
    qsort(events, (size_t)n, sizeof(*events), history_by_time);
    for (int i = 0; i < n; i++) {
        int t = (int)(events[i][1] / 2), now = h->n + i;
        if (i > 0) history_add_edge(g, now - 1, now, EDGE_RT);
        if (events[i][1] % 2 != 0) history_add_edge(g, t, now, EDGE_RT);
        else if (i > 0) history_add_edge(g, now - 1, t, EDGE_RT);
    }
    g->nodes = h->n + n;
    free(events);
}

static inline HistoryAnomalies
history_check(const History *h)
{
    HistoryAnomalies out = {0};
    HistoryGraph g = {.nodes = h->n};
    HistoryValue *values = history_values(h);
    HistoryKey *keys = history_orders(h, values, &out);
    for (int k = 0; k < h->nkeys; k++)
        for (int i = 1; i < keys[k].n; i++) {
            int a = values[keys[k].order[i - 1]].tx, b = values[keys[k].order[i]].tx;
            if (a >= 0 && b >= 0) history_add_edge(&g, a, b, EDGE_WW);
        }
    for (int t = 0; t < h->n; t++)
        for (int i = 0; h->txs[t].committed && i < h->txs[t].nops; i++)
            if (h->txs[t].ops[i].value == 0) history_read_edges(h, keys, values, t, &h->txs[t].ops[i], &g, &out);
    out.g0 = history_count_cycles(&g, EDGE_WW, false);
    out.g1c = history_count_cycles(&g, EDGE_WW | EDGE_WR, false);
    out.nonadjacent = history_count_cycles(&g, EDGE_WW | EDGE_WR | EDGE_RW, true);
    out.g2 = history_count_cycles(&g, EDGE_WW | EDGE_WR | EDGE_RW, false);
    history_time_edges(h, &g);
    out.realtime = history_count_cycles(&g, EDGE_WW | EDGE_WR | EDGE_RW | EDGE_RT, false);
    free(g.edges);
    free(values);
    free(keys);
    return out;
}

static inline void
history_free(History *h)
{
    for (int t = 0; t < h->n; t++) {
        for (int i = 0; i < h->txs[t].nops; i++) free(h->txs[t].ops[i].list);
        free(h->txs[t].ops);
    }
    free(h->txs);
}

#endif
