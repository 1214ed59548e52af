/* autovacuum.h - VACUUM and ANALYZE of tables as they change, without being asked.
 *
 * One an instance. A table is due when its dead, inserted or changed rows (storage/tablestats.h) pass PostgreSQL's thresholds: settings
 * autovacuum_*, and the table's own storage parameters; or when aborted transactions are many. The work is done a slice at a time, some
 * dozen pages or one index, each in a transaction of its own, so that nobody waits for long for the table's lock.
 *
 * With background threads one of them calls autovacuum_run when it has slept long enough or a table has passed its mark; without,
 * a session does a slice after a commit of its own (autovacuum_slice).
 */
#ifndef SESSION_AUTOVACUUM_H
#define SESSION_AUTOVACUUM_H

#include "session/session.h"

/* Called by every session after it has opened; the first one's settings count. */
Status autovacuum_attach(Session *s);
/* After a commit: a slice, if something is due and no thread does it. */
void autovacuum_at_commit(Session *s);

#endif
