/*
 * batch_sizes.c
 *		The sizes of a job's batches, worked out without a server.
 *
 * batch_sizes BATCH_SIZE TARGET DEADLINE COST...
 *
 * A row costs so many seconds in the first batch, in the second, and so on; a
 * batch that would take the deadline or longer is cancelled there, as the
 * worker does it.  test/tap/013_batch_size.pl compiles and runs this.
 */
#include "worker/process/batch_size.c"

/* The server's own cannot be linked here. */
#undef printf

int
main(int argc, char **argv)
{
	EcBatchSize size = {0};
	int wanted = atoi(argv[1]);
	double target = atof(argv[2]);
	double deadline = atof(argv[3]);

	for (int i = 4; i < argc; i++)
	{
		int rows = ec_batch_size_next(&size, wanted);
		double seconds = rows * atof(argv[i]);

		printf(i == 4 ? "%d" : " %d", rows);
		if (seconds >= deadline)
			ec_batch_size_timed_out(&size);
		else
			ec_batch_size_learn(&size, wanted, rows, seconds, target, deadline);
	}
	return 0;
}
