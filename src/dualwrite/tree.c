/*
 * tree.c
 *		Stores an expression as a node tree, in which objects are OIDs.
 *
 * The text form is "catalog version, system identifier, checksum, list of the
 * column names and the expression".  In the expression, a column's number is
 * its position in the list of names.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/catversion.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "dualwrite/tree.h"

/* The checksum detects accidental damage; it does not detect forgery. */
static char *
tag(const char *nodes)
{
	return psprintf("%d " UINT64_FORMAT " %08x ", CATALOG_VERSION_NO,
					GetSystemIdentifier(),
					hash_bytes((const unsigned char *) nodes, strlen(nodes)));
}

typedef struct Renumbering
{
	Relation source;
	List *names;   /* column names of the tree */
	List *columns; /* column names of the table; not used for making a tree */
	bool failed;
} Renumbering;

static int
place_of(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
		if (strcmp(strVal(lfirst(cell)), name) == 0)
			return foreach_current_index(cell) + 1;
	return 0;
}

static void
renumber(Var *column, AttrNumber attnum)
{
	column->varattno = attnum;
	column->varattnosyn = attnum;
	column->location = -1;
}

static Node *
number_by_names(Node *node, void *context)
{
	Renumbering *work = context;
	Var *column;
	char *name;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, number_by_names, context);
	column = copyObject((Var *) node);
	name = get_attname(RelationGetRelid(work->source), column->varattno, false);
	if (place_of(work->names, name) == 0)
		work->names = lappend(work->names, makeString(name));
	renumber(column, place_of(work->names, name));
	return (Node *) column;
}

char *
ec_tree_of(Relation source, Node *expression)
{
	Renumbering work = {source};
	Node *tree = number_by_names(expression, &work);

	char *nodes = nodeToString(list_make2(work.names, tree));

	return psprintf("%s%s", tag(nodes), nodes);
}

static bool
is_gone(Oid function, void *context)
{
	return !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function));
}

static Node *
number_by_columns(Node *node, void *context)
{
	Renumbering *work = context;
	Form_pg_attribute attribute;
	Var *column;
	AttrNumber attnum;

	if (node == NULL)
		return NULL;
	work->failed |= check_functions_in_node(node, is_gone, NULL);
	if (!IsA(node, Var))
		return expression_tree_mutator(node, number_by_columns, context);
	column = (Var *) node;
	attnum = place_of(work->columns,
					  strVal(list_nth(work->names, column->varattno - 1)));
	if (attnum == 0)
	{
		work->failed = true;
		return node;
	}
	attribute = TupleDescAttr(RelationGetDescr(work->source), attnum - 1);
	if (attribute->atttypid != column->vartype ||
		attribute->atttypmod != column->vartypmod ||
		attribute->attcollation != column->varcollid)
		work->failed = true;
	renumber(column, attnum);
	return node;
}

/*
 * A forged tree could make the server do anything, so trees are read only if
 * the extension belongs to a superuser.
 */
static bool
is_trusted(void)
{
	EcExtension extension;

	return ec_extension_lookup(&extension) && superuser_arg(extension.owner);
}

Node *
ec_expression_of_tree(Relation source, List *names, const char *tree)
{
	const char *nodes = tree == NULL ? NULL : strchr(tree, '(');
	Renumbering work = {source, NIL, names};
	List *parts;
	Node *expression;

	if (nodes == NULL ||
		strcmp(tree, psprintf("%s%s", tag(nodes), nodes)) != 0 || !is_trusted())
		return NULL;
	parts = stringToNode(nodes);
	work.names = linitial(parts);
	expression = number_by_columns(lsecond(parts), &work);
	return work.failed ? NULL : expression;
}
