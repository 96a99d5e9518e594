/*
 * sequence.c
 *		Reads a sequence's position, and advances it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/pg_class.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "common/int.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/sequence.h"

/*
 * Opens it with the lock that nextval() takes; NULL if that would have to
 * wait, or if it is a temporary one of another session, whose memory has it.
 */
static Relation
open_sequence(Oid oid)
{
	Relation sequence;

	if (!ConditionalLockRelationOid(oid, RowExclusiveLock))
		return NULL;
	sequence = try_relation_open(oid, NoLock);
	if (sequence != NULL && sequence->rd_rel->relkind == RELKIND_SEQUENCE &&
		!RELATION_IS_OTHER_TEMP(sequence))
		return sequence;
	if (sequence != NULL)
		relation_close(sequence, NoLock);
	UnlockRelationOid(oid, RowExclusiveLock);
	return NULL;
}

static bool
read_definition(Oid oid, EcSequence *sequence)
{
	HeapTuple tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(oid));
	Form_pg_sequence form;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_sequence) GETSTRUCT(tuple);
	sequence->oid = oid;
	sequence->increment = form->seqincrement;
	sequence->min = form->seqmin;
	sequence->max = form->seqmax;
	sequence->cycles = form->seqcycle;
	ReleaseSysCache(tuple);
	return true;
}

/* The sequence's only row; the caller has locked its page. */
static FormData_pg_sequence_data *
find_row(Buffer buffer, HeapTupleData *tuple)
{
	Page page = BufferGetPage(buffer);
	ItemId item = PageGetItemId(page, FirstOffsetNumber);

	tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple->t_len = ItemIdGetLength(item);
	return (FormData_pg_sequence_data *) GETSTRUCT(tuple);
}

static void
read_row(Buffer buffer, EcSequence *sequence)
{
	HeapTupleData tuple;
	FormData_pg_sequence_data *row = find_row(buffer, &tuple);

	sequence->last = row->last_value;
	sequence->is_called = row->is_called;
}

bool
ec_sequence_read(Oid oid, EcSequence *sequence)
{
	Relation relation = open_sequence(oid);
	Buffer buffer;

	if (relation == NULL)
		return false;
	if (!read_definition(oid, sequence))
	{
		relation_close(relation, RowExclusiveLock);
		return false;
	}
	buffer = ReadBuffer(relation, 0);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	read_row(buffer, sequence);
	UnlockReleaseBuffer(buffer);
	relation_close(relation, RowExclusiveLock);
	return true;
}

static bool
is_in_range(const EcSequence *sequence, int64 number)
{
	return number >= sequence->min && number <= sequence->max;
}

bool
ec_sequence_next(const EcSequence *sequence, int64 *next)
{
	if (!sequence->is_called)
		*next = sequence->last;
	else if (pg_add_s64_overflow(sequence->last, sequence->increment, next))
		return false;
	return is_in_range(sequence, *next);
}

bool
ec_sequence_is_past(const EcSequence *sequence, int64 value)
{
	int64 next;

	if (!ec_sequence_next(sequence, &next))
		return true; /* it cannot give a number that collides with the value */
	return sequence->increment > 0 ? next > value : next < value;
}

/*
 * Computes the last_value that makes the sequence pass the value.  It is one
 * that the sequence would reach by its own increments.  False if the sequence
 * would have no number left after it.
 */
static bool
last_before(const EcSequence *sequence, int64 value, int64 *last)
{
	int64 next;
	int64 distance;
	int64 after;

	if (!ec_sequence_next(sequence, &next) ||
		pg_sub_s64_overflow(value, next, &distance) ||
		pg_add_s64_overflow(next, distance / sequence->increment * sequence->increment,
							last) ||
		pg_add_s64_overflow(*last, sequence->increment, &after))
		return false;
	return is_in_range(sequence, after);
}

bool
ec_sequence_has_room(const EcSequence *sequence, int64 value)
{
	int64 last;

	return ec_sequence_is_past(sequence, value) ||
		   last_before(sequence, value, &last);
}

/* Writes the row and its WAL record as setval() does. */
static void
write_row(Relation relation, Buffer buffer, int64 last)
{
	HeapTupleData tuple;
	FormData_pg_sequence_data *row = find_row(buffer, &tuple);

	START_CRIT_SECTION();
	row->last_value = last;
	row->is_called = true;
	row->log_cnt = 0;
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(relation))
	{
		xl_seq_rec record = {0};
		XLogRecPtr written;

		XLogBeginInsert();
		XLogRegisterBuffer(0, buffer, REGBUF_WILL_INIT);
		ec_set_file_of_record(record, relation);
		XLogRegisterData((char *) &record, sizeof(record));
		XLogRegisterData((char *) tuple.t_data, tuple.t_len);
		written = XLogInsert(RM_SEQ_ID, XLOG_SEQ_LOG);
		PageSetLSN(BufferGetPage(buffer), written);
	}
	END_CRIT_SECTION();
}

/*
 * Called first with a share lock on the page, which usually shows that there
 * is nothing to do.
 */
static bool
needs_advance(Buffer buffer, EcSequence *sequence, int64 value, int mode, int64 *last)
{
	LockBuffer(buffer, mode);
	read_row(buffer, sequence);
	return !ec_sequence_is_past(sequence, value) &&
		   last_before(sequence, value, last);
}

void
ec_sequence_advance(Oid oid, int64 value)
{
	Relation relation = open_sequence(oid);
	EcSequence sequence;
	Buffer buffer;
	int64 last;

	if (relation == NULL)
		return;
	if (read_definition(oid, &sequence))
	{
		buffer = ReadBuffer(relation, 0);
		if (needs_advance(buffer, &sequence, value, BUFFER_LOCK_SHARE, &last))
		{
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			/* with an XID, the commit flushes the WAL record */
			if (RelationNeedsWAL(relation))
				(void) GetTopTransactionId();
			if (needs_advance(buffer, &sequence, value, BUFFER_LOCK_EXCLUSIVE, &last))
				write_row(relation, buffer, last);
		}
		UnlockReleaseBuffer(buffer);
	}
	relation_close(relation, RowExclusiveLock);
}
