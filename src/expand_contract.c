/*
 * expand_contract.c
 *		The extension's entry: settings, then, when preloaded, the launcher.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/guc.h"
#include "expand_contract.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	ec_define_settings();
}
