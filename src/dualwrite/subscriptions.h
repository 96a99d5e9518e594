/*
 * subscriptions.h
 *		Subscriptions that write to tables of a change to another table.
 *
 * Statement triggers do not fire for rows that a subscription applies.
 */
#ifndef EC_DUALWRITE_SUBSCRIPTIONS_H
#define EC_DUALWRITE_SUBSCRIPTIONS_H

#include "postgres.h"

#include "model/change.h"

/*
 * The name of a subscription that writes to a table from which the change
 * carries rows to another; NULL if there is none, or the change is within one
 * table.
 */
extern char *ec_subscription_to(const EcChange *change);

#endif
