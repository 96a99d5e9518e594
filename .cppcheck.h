/*
 * What cppcheck has to know of PostgreSQL's headers, which it does not parse:
 * reporting an error does not return, how foreach loops, what a format is made of.
 */
#define INT64_FORMAT  "%lld"
#define UINT64_FORMAT "%llu"
#define CppAsString2(x) #x
#define pg_attribute_printf(format, values)
#define DEBUG1        14
#define LOG           15
#define INFO          17
#define NOTICE        18
#define WARNING       19
#define ERROR         21
#define FATAL         22
#define PANIC         23
#define foreach(cell, list)                                                    \
	for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define ereport(elevel, ...)                                                   \
	do                                                                         \
	{                                                                          \
		(void) (__VA_ARGS__);                                                  \
		if ((elevel) >= ERROR)                                                 \
			exit(1);                                                           \
	} while (0)
#define elog(elevel, ...) ereport(elevel, (__VA_ARGS__))
