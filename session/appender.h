/* appender.h - bulk loads through the C API. */
#ifndef SESSION_APPENDER_H
#define SESSION_APPENDER_H

#include "session/session.h"

void appender_destroy(Appender *app); /* without loading anything more; NULL is fine */

#endif
