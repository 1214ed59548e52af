/* cursor.h - DECLARE, FETCH, MOVE, CLOSE: named queries that are read bit by bit, forwards and backwards.
 *
 * A cursor's statement has the snapshot of its DECLARE. Rows that have been read are kept (RowStore), so that going back is reading the
 * store, and a WITH HOLD cursor is, after its transaction, a store alone. Positions count rows from 1; 0 is before the first,
 * one more than there are is after the last.
 */
#ifndef SESSION_CURSOR_H
#define SESSION_CURSOR_H

#include "session/stmt.h"

Status cursor_declare(Stmt *stmt, const DeclareCursorStmt *d);
Status cursor_fetch(Stmt *stmt, const FetchStmt *f);
Status cursor_close(Session *s, const char *name); /* NULL: all; 34000 */
/* The columns FETCH gives, if the cursor is there. */
Status cursor_describe(Stmt *stmt, const FetchStmt *f);

/* The ends of transactions. Committing reads WITH HOLD cursors to their ends, which can fail. level: savepoints that stay. */
Status cursors_before_commit(Session *s);
void cursors_after_rollback(Session *s);
void cursors_rollback_to(Session *s, int level);
void cursors_release(Session *s, int level);

#endif
