/* rewrite.h - what the rewrites of the logical algebra share. */
#ifndef PLANNER_REWRITE_H
#define PLANNER_REWRITE_H

#include "planner/resolve.h"

#endif
