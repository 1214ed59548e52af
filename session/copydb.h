/* copydb.h - whole databases: backup, VACUUM INTO, recovery of what a damaged file still holds. */
#ifndef SESSION_COPYDB_H
#define SESSION_COPYDB_H

#include "catalog/check.h"
#include "session/session.h"

/* quern_backup. A database in memory is copied row by row. */
Status session_backup(Session *s, const char *path);
/* VACUUM INTO: the rows the running transaction sees into a new file, tightly packed. 58P02 if it exists. */
Status session_vacuum_into(Session *s, const char *path);
/* Everything that can be read of the database at path into the new file to; what cannot is reported to lost. */
Status session_recover(Session *s, const char *to, CheckSink *lost);

#endif
