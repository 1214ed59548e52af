/* describe.h - what a plan node says about itself, once, for every EXPLAIN format.
 *
 * A Describe is a list of properties in the order they are printed; the formats (text, JSON, YAML, XML) are
 * printers of it. NodeInstr is what one plan node did while it ran; executions keep an array of them by
 * plan node id, and EXPLAIN ANALYZE reads it. Everything lies in the arena of the Describe or its owner.
 */
#ifndef COMMON_DESCRIBE_H
#define COMMON_DESCRIBE_H

#include "common/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum PropKind { PROP_INT, PROP_FLOAT, PROP_STR, PROP_BOOL, PROP_LIST } PropKind;

typedef struct Property {
    const char *name; /* PostgreSQL's key: "Sort Method" */
    const char *unit; /* "kB", "ms"; NULL: none */
    PropKind kind;
    int ndigits; /* PROP_FLOAT: digits after the point */
    union {
        int64_t i;
        double d;
        const char *s;
        bool b;
        struct {
            const char *const *items;
            int count;
        } list;
    };
} Property;

typedef struct Describe {
    Arena *arena;
    bool analyze; /* the node ran: what it did is told too */
    bool verbose;
    Property *items;
    int count, cap;
    bool failed; /* memory ran out: properties are missing */
} Describe;

void describe_init(Describe *d, Arena *arena, bool analyze, bool verbose);
/* name and unit are literals; strings are copied. */
void describe_int(Describe *d, const char *name, const char *unit, int64_t value);
void describe_float(Describe *d, const char *name, const char *unit, double value, int ndigits);
void describe_str(Describe *d, const char *name, const char *value);
void describe_bool(Describe *d, const char *name, bool value);
void describe_list(Describe *d, const char *name, const char *const *items, int count);

/* Pages touched, as PostgreSQL counts them. */
typedef struct BufferUsage {
    int64_t shared_hit, shared_read, shared_dirtied, shared_written;
    int64_t local_hit, local_read, local_dirtied, local_written;
    int64_t temp_read, temp_written;
} BufferUsage;

/* Totals over all loops, children included in times and buffers. */
typedef struct NodeInstr {
    int64_t loops; /* times it was (re)started; 0: never executed */
    int64_t rows;
    int64_t rows_removed_filter; /* by the node's filter */
    int64_t rows_removed_join;   /* by a join's own extra conditions */
    int64_t rows_removed_recheck;
    int64_t heap_fetches;        /* index-only scans; of a bitmap heap scan: pages read */
    int64_t startup_ns;          /* to the first row */
    int64_t total_ns;
    BufferUsage buffers;
    bool is_running; /* between start and end of one loop */
} NodeInstr;

#endif
