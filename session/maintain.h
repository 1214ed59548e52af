/* maintain.h - what VACUUM, ANALYZE, CLUSTER and autovacuum do to one table, and to the database at the end. Private to session/. */
#ifndef SESSION_MAINTAIN_H
#define SESSION_MAINTAIN_H

#include "session/ddl.h"
#include "storage/vacuum.h"

typedef enum MaintainSwitch { MAINTAIN_DEFAULT, MAINTAIN_ON, MAINTAIN_OFF, MAINTAIN_AUTO } MaintainSwitch;

typedef struct MaintainOptions {
    bool vacuum, analyze, full, freeze, verbose, skip_locked, every_page, process_toast;
    bool is_auto; /* autovacuum's */
    MaintainSwitch index_cleanup, truncate;
    int parallel;
    const AstList *columns; /* names of those to be analysed; NULL or none: all */
} MaintainOptions;

/* The table is locked: SHARE UPDATE EXCLUSIVE. No snapshot is held. */
Status maintain_vacuum(Ctx *ctx, Arena *arena, const Relation *rel, const MaintainOptions *o);
/* How a table is vacuumed: what its options and the settings say. */
VacuumOptions maintain_vacuum_options(Ctx *ctx, const Relation *rel, const MaintainOptions *o);
/* What follows the storage's part: empty pages at the table's end go, if the table can be had alone. */
Status maintain_after_vacuum(Ctx *ctx, Arena *arena, const Relation *rel, const VacuumReport *report, const MaintainOptions *o);
/* Stores how many rows (-1: as estimated) and pages the table and its indexes have, as pg_class shows them and plans go by; column
 * statistics stay. roughly: not for small differences, so that a table under steady change does not have its plans made again and again. */
Status maintain_note_sizes(Ctx *ctx, Arena *arena, const Relation *rel, double rows, bool roughly);
/* For the application's progress callback: the statement will go through the table so many times. What is expected first counts. */
enum { MAINTAIN_INDEX_PASSES = 2 /* of an index build: reading the rows, then their keys in order */ };
Status maintain_expect(Ctx *ctx, const Relation *rel, int passes);
Status maintain_analyze(Ctx *ctx, Arena *arena, const Relation *rel, const MaintainOptions *o);
/* ACCESS EXCLUSIVE. The rows in the order of an index, or as they are (NULL), to a new heap with new indexes. */
Status maintain_rewrite(Ddl *d, const Relation *rel, const IndexDef *by, const MaintainOptions *o);
/* The catalog's own heap, aborted xids nobody needs to be told of, free pages at the file's end. */
Status maintain_database(Ctx *ctx, Arena *arena);

#endif
