/*
 * index_parts.c
 *		The expressions and the predicate of an index.
 */
#include "postgres.h"

#include "utils/relcache.h"

#include "core/index_parts.h"
#include "core/rights.h"

List *
ec_index_expressions(Relation index)
{
	List *expressions;
	EcRights outer;

	ec_become(&outer, index->rd_rel->relowner);
	expressions = RelationGetIndexExpressions(index);
	ec_become_caller(&outer);
	return expressions;
}

List *
ec_index_predicate(Relation index)
{
	List *predicate;
	EcRights outer;

	ec_become(&outer, index->rd_rel->relowner);
	predicate = RelationGetIndexPredicate(index);
	ec_become_caller(&outer);
	return predicate;
}
