/*
 * compat.h
 *		All differences between the supported server versions.
 *
 * Our wrappers are called ec_*; no name of the server is redefined.
 */
#ifndef EC_CORE_COMPAT_H
#define EC_CORE_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "expand_contract supports PostgreSQL 15 to 18"
#endif

/* 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * From 17 on a background worker may connect as a role that has no LOGIN.
 * Before, one of its members has to.
 */
#if PG_VERSION_NUM >= 170000
#define EC_WORKER_CONNECT_FLAGS BGWORKER_BYPASS_ROLELOGINCHECK
#define EC_OWNER_NEEDS_LOGIN    false
#else
#define EC_WORKER_CONNECT_FLAGS 0
#define EC_OWNER_NEEDS_LOGIN    true
#endif

/*
 * 16 distinguishes being a member of a role from being allowed to SET ROLE to
 * it.
 */
#if PG_VERSION_NUM >= 160000
#define ec_may_set_role(member, role) member_can_set_role(member, role)
#define EC_SET_ROLE_PRIVILEGE         "SET"
#else
#define ec_may_set_role(member, role) is_member_of_role(member, role)
#define EC_SET_ROLE_PRIVILEGE         "MEMBER"
#endif

/*
 * From 17 on LockHeldByMe has an argument that makes it accept stronger locks
 * too.
 */
#if PG_VERSION_NUM >= 170000
#define ec_lock_held_by_me(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define ec_lock_held_by_me(tag, mode) LockHeldByMe(tag, mode)
#endif

/*
 * 18 replaced pg_attribute_noreturn(), which follows or precedes a
 * declaration, with pg_noreturn, which must precede it.
 */
#if PG_VERSION_NUM >= 180000
#define ec_noreturn pg_noreturn
#else
#define ec_noreturn pg_attribute_noreturn()
#endif

/* 16 returns the number of settings from the same function. */
#if PG_VERSION_NUM >= 160000
#define ec_guc_variables(count) get_guc_variables(count)
#else
#define ec_guc_variables(count)                                                \
	(*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/* 18 removed PortalRun's argument run_once; all callers had passed true. */
#if PG_VERSION_NUM >= 180000
#define ec_PortalRun(portal, count, top, dest, altdest, completion)            \
	PortalRun(portal, count, top, dest, altdest, completion)
#else
#define ec_PortalRun(portal, count, top, dest, altdest, completion)            \
	PortalRun(portal, count, top, true, dest, altdest, completion)
#endif

/*
 * The owner of a table may VACUUM it; from 17 on, so may a role with MAINTAIN.
 */
#if PG_VERSION_NUM >= 170000
#define ec_may_vacuum(relation, role)                                          \
	(object_ownercheck(RelationRelationId, relation, role) ||                  \
	 pg_class_aclcheck(relation, role, ACL_MAINTAIN) == ACLCHECK_OK)
#elif PG_VERSION_NUM >= 160000
#define ec_may_vacuum(relation, role)                                          \
	object_ownercheck(RelationRelationId, relation, role)
#else
#define ec_may_vacuum(relation, role) pg_class_ownercheck(relation, role)
#endif

/*
 * 16 moved permissions out of the range table entries into a list of their
 * own, which ExecutorCheckPerms_hook gets as another argument.
 */
#if PG_VERSION_NUM >= 160000
#define EcPermissions RTEPermissionInfo
#define EC_CHECK_PERMISSIONS_PARAMETERS                                        \
	List *range_table, List *permission_infos, bool report
#define EC_CHECK_PERMISSIONS_ARGUMENTS range_table, permission_infos, report
#define EC_CHECK_PERMISSIONS_LISTS     range_table, permission_infos
#define ec_permissions_of(entry, infos)                                        \
	((entry)->perminfoindex == 0 ? NULL : getRTEPermissionInfo(infos, entry))
#define ec_permissions_in(estate, entry)                                       \
	ec_permissions_of(entry, (estate)->es_rteperminfos)
#else
#define EcPermissions                    RangeTblEntry
#define EC_CHECK_PERMISSIONS_PARAMETERS  List *range_table, bool report
#define EC_CHECK_PERMISSIONS_ARGUMENTS   range_table, report
#define EC_CHECK_PERMISSIONS_LISTS       range_table, NIL
#define ec_permissions_of(entry, infos)  (entry)
#define ec_permissions_in(estate, entry) (entry)
#endif

/* 16 replaced the privilege checks per kind of object with object_aclcheck. */
#if PG_VERSION_NUM >= 160000
#define ec_may_use_schema(schema, role)                                        \
	(object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK)
#else
#define ec_may_use_schema(schema, role)                                        \
	(pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK)
#endif

/*
 * 16 allows HOT updates that change only columns of summarizing indexes
 * (BRIN).
 */
#if PG_VERSION_NUM >= 160000
#define EC_INDEX_ATTR_BITMAP_HOT INDEX_ATTR_BITMAP_HOT_BLOCKING
#else
#define EC_INDEX_ATTR_BITMAP_HOT INDEX_ATTR_BITMAP_ALL
#endif

/* 18 gave RETURNING options, and so a node of its own. */
#if PG_VERSION_NUM >= 180000
#define ec_has_returning(stmt) ((stmt)->returningClause != NULL)
#else
#define ec_has_returning(stmt) ((stmt)->returningList != NIL)
#endif

/* 18 has NOT NULL constraints that are NOT VALID. */
#if PG_VERSION_NUM >= 180000
#define ec_column_is_not_null(columns, number)                                 \
	(TupleDescCompactAttr(columns, (number) -1)->attnullability == ATTNULLABLE_VALID)
#else
#define ec_column_is_not_null(columns, number)                                 \
	(TupleDescAttr(columns, (number) -1)->attnotnull)
#endif

/* 18 renamed RowCompareType to CompareType; the values are the same. */
#if PG_VERSION_NUM >= 180000
#define ec_set_row_compare(row, strategy)                                      \
	((row)->cmptype = (CompareType) (strategy))
#else
#define ec_set_row_compare(row, strategy)                                      \
	((row)->rctype = (RowCompareType) (strategy))
#endif

/* 18 removed the last argument of ExecutorRun; all callers had passed true. */
#if PG_VERSION_NUM >= 180000
#define ec_ExecutorRun(query, direction, count)                                \
	ExecutorRun(query, direction, count)
#else
#define ec_ExecutorRun(query, direction, count)                                \
	ExecutorRun(query, direction, count, true)
#endif

/* 18 added an argument to index_beginscan: where to count for EXPLAIN. */
#if PG_VERSION_NUM >= 180000
#define ec_index_beginscan(heap, index, snapshot, key_count)                   \
	index_beginscan(heap, index, snapshot, NULL, key_count, 0)
#else
#define ec_index_beginscan(heap, index, snapshot, key_count)                   \
	index_beginscan(heap, index, snapshot, key_count, 0)
#endif

/* 16 renamed RelFileNode to RelFileLocator. */
#if PG_VERSION_NUM >= 160000
#define ec_set_file_of_record(record, relation)                                \
	((record).locator = (relation)->rd_locator)
#else
#define ec_set_file_of_record(record, relation)                                \
	((record).node = (relation)->rd_node)
#endif

/* 17 lets extensions register wait events of their own. */
#if PG_VERSION_NUM >= 170000
#define ec_new_wait_event(name) WaitEventExtensionNew(name)
#else
#define ec_new_wait_event(name) ((void) (name), PG_WAIT_EXTENSION)
#endif

/* 18 has CHECK constraints that are NOT ENFORCED. */
#if PG_VERSION_NUM >= 180000
#define ec_check_is_enforced(check) ((check).ccenforced)
#else
#define ec_check_is_enforced(check) true
#endif

#endif
