/* timezone.h - time zones, read from the system's tz database by our own TZif reader.
 *
 * A TimeZone is either a file under the zoneinfo directory (transitions, then the POSIX rule of its
 * footer) or a POSIX specification ("EST5EDT,M3.2.0,M11.1.0", "<+03>-3"). Once found it is never
 * changed or freed: pointers stay valid for the life of the process, and any thread may use them. The
 * table of zones seen so far is filled under a mutex.
 *
 * Times are seconds since 1970-01-01 00:00 UTC; offsets are seconds east of UTC.
 */
#ifndef TYPES_TIMEZONE_H
#define TYPES_TIMEZONE_H

#include "common/ctx.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct TimeZone TimeZone;

extern const TimeZone *const timezone_utc;

/* Finds a zone by name, case does not matter. *out is NULL where there is none: that is no error.
 * 53200 when memory is out. */
Status timezone_find(Ctx *ctx, const char *name, size_t nbytes, const TimeZone **out);
/* The zone of a constant offset, named as PostgreSQL names it: "<+05:30>-05:30". */
Status timezone_fixed(Ctx *ctx, int32_t offset, const TimeZone **out);
const char *timezone_name(const TimeZone *tz); /* spelled as in the database */
bool timezone_is_fixed(const TimeZone *tz);    /* one offset for all time */

/* What is in force at an instant. abbrev_out and dst_out may be NULL. */
int32_t timezone_offset_at(const TimeZone *tz, int64_t utc, const char **abbrev_out, bool *dst_out);
/* Offset for a local time. A time that clocks skip is read with the offset before the change, one that
 * they show twice with the offset after it. */
int32_t timezone_offset_local(const TimeZone *tz, int64_t local);

/* An abbreviation of PostgreSQL's default set; any case. Either a constant offset, or (*zone_out not NULL)
 * a zone in which it has had several meanings. */
bool timezone_abbrev(Ctx *ctx, const char *abbrev, size_t nbytes, int32_t *offset_out, bool *dst_out,
                     const TimeZone **zone_out);
/* The offset abbrev stands for in zone tz nearest before utc (else first after); false: the zone never
 * used it. */
bool timezone_abbrev_in(const TimeZone *tz, const char *abbrev, size_t nbytes, int64_t utc,
                        int32_t *offset_out, bool *dst_out);

/* Rows of the abbreviation table and of the zone names, for pg_timezone_abbrevs and pg_timezone_names. */
int timezone_abbrev_count(void);
const char *timezone_abbrev_at(int i, int32_t *offset_out, bool *dst_out, const char **zone_out);
/* Calls f for each zone file's name. */
Status timezone_list(Ctx *ctx, Status (*f)(Ctx *ctx, const char *name, void *arg), void *arg);

#endif
