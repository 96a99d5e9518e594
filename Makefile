# expand_contract: schema changes without downtime, from inside the server.
#
#   make                 build against the pg_config found in PATH (or PG_CONFIG=…)
#   make install         copy it into that server
#   make installcheck    all test layers against a running server
#   make bench           every performance claim, side by side
#
# scripts/check and scripts/demo do all of it, cluster included.

EXTENSION = expand_contract
# The version stands in one place, the control file.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" expand_contract.control)
MODULE_big = expand_contract
# The SQL of the version before, frozen, and the way from there.
PREVIOUS = 0.9
EXTENSION_SQL = expand_contract--$(EXTVERSION).sql
UPDATE_SQL = expand_contract--$(PREVIOUS)--$(EXTVERSION).sql
DATA = $(EXTENSION_SQL) $(UPDATE_SQL) expand_contract--$(PREVIOUS).sql
PGFILEDESC = "expand_contract - schema changes without downtime"

# The install script is put together from these parts, in this order.  The tables
# come first, because the functions and views of every room may name them; they
# are apart, because an update replaces functions and views and alters tables.
SQL_ROOM = $(patsubst %,sql/install/%.sql,$(1))
SQL_TABLES = $(call SQL_ROOM,worker_tables migrate_tables backfill_tables \
	verify_tables model_tables dualwrite_tables usage_tables lifecycle_tables applied_tables)
SQL_FUNCTIONS = $(call SQL_ROOM,core worker lint migrate backfill verify \
	dualwrite usage lifecycle metrics view_columns)
SQL_PARTS = $(call SQL_ROOM,start schema library) $(SQL_TABLES) $(SQL_FUNCTIONS) \
	$(call SQL_ROOM,event_triggers)

SOURCES = $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
TREE_HEADERS = $(sort $(wildcard src/*.h src/*/*.h src/*/*/*.h))
OBJS = $(SOURCES:.c=.o)

PG_CPPFLAGS = -Isrc -DEC_VERSION='"$(EXTVERSION)"'
# The headers of 15 declare callbacks without arguments, which C23, the default of
# gcc 15, reads as callbacks that have none.
PG_CFLAGS = -std=gnu17 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers $(if $(WERROR),-Werror)
# SANITIZE=undefined: what is wrong ends the process, where it happens.
SANITIZE_FLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
PG_CFLAGS += $(SANITIZE_FLAGS)
SHLIB_LINK += $(if $(SANITIZE),-fsanitize=$(SANITIZE))
# The server's flags and headers are written for gcc: clang does not know all of
# the former, and is stricter than the latter's casts of tree walkers.
PG_CFLAGS += $(if $(findstring clang,$(CC)),-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument -Wno-ignored-attributes \
	-Wno-cast-function-type-strict)

# Four layers of tests; a fifth, test/fuzz, is run by scripts/check.  PGXS runs
# the first three; each needs its variable to be empty where there is nothing to
# run, so they are expanded at once.
REGRESS_OPTS = --load-extension=expand_contract
REGRESS := $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

ISOLATION := $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=expand_contract

# PostgreSQL's modules delete LC_ALL, and a cluster made without any locale
# would not be in UTF-8.
export LANG := C.UTF-8
PROVE_TESTS := $(sort $(wildcard test/tap/*.pl))
TAP_TESTS := $(if $(PROVE_TESTS),1)

PGTAP_TESTS := $(sort $(wildcard test/pgtap/*.sql))
PGTAP_DB = contrib_regression_pgtap

EXTRA_CLEAN = output_iso tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS does not follow includes; the rooms share few headers, so rebuild all.
$(OBJS): $(TREE_HEADERS) expand_contract.control Makefile

# The results are committed, so that they can be read and so that PGXN has them.
ASSEMBLE = scripts/assemble-sql
ASSEMBLE_INSTALL = $(ASSEMBLE) install $(EXTVERSION) $(SQL_PARTS)
ASSEMBLE_UPDATE = $(ASSEMBLE) update $(PREVIOUS) $(EXTVERSION) $(SQL_FUNCTIONS)
all: $(EXTENSION_SQL) $(UPDATE_SQL)
$(EXTENSION_SQL): $(SQL_PARTS) $(ASSEMBLE) Makefile expand_contract.control
	$(ASSEMBLE_INSTALL) > $@.new
	mv $@.new $@
$(UPDATE_SQL): $(SQL_PARTS) $(ASSEMBLE) Makefile expand_contract.control \
		sql/updates/$(PREVIOUS)--$(EXTVERSION).sql expand_contract--$(PREVIOUS).sql
	$(ASSEMBLE_UPDATE) > $@.new
	mv $@.new $@

.PHONY: installcheck-pgtap bench format format-check sql-check lint

# A database of its own for each run, as pg_regress makes one; the tests may
# rely on both extensions.
PSQL_PGTAP = $(bindir)/psql -XAtq -v ON_ERROR_STOP=1 -d $(PGTAP_DB)
ifdef PGTAP_TESTS
installcheck: installcheck-pgtap
endif
installcheck-pgtap:
	$(bindir)/dropdb --if-exists $(PGTAP_DB)
	$(bindir)/createdb $(PGTAP_DB)
	$(PSQL_PGTAP) -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION expand_contract'
	pg_prove --psql-bin $(bindir)/psql --dbname $(PGTAP_DB) $(PG_PROVE_OPTS) $(PGTAP_TESTS)

bench:
	PG_CONFIG=$(PG_CONFIG) bench/run

CLANG_FORMAT ?= clang-format
format:
	$(CLANG_FORMAT) -i $(SOURCES) $(TREE_HEADERS)
format-check: sql-check
	$(CLANG_FORMAT) --dry-run -Werror $(SOURCES) $(TREE_HEADERS)

# Whether the committed scripts are what their parts make, and each part is in one.
sql-check:
	@$(ASSEMBLE_INSTALL) | cmp - $(EXTENSION_SQL) && \
		$(ASSEMBLE_UPDATE) | cmp - $(UPDATE_SQL) || \
		{ echo "a script is not what its parts make: run make, and commit it" >&2; exit 1; }
	@test "$(sort $(SQL_PARTS))" = "$(sort $(wildcard sql/install/*.sql))" || \
		{ echo "SQL_PARTS in the Makefile and sql/install differ" >&2; exit 1; }

# First the layout of src/.  cppcheck does not parse the headers of PostgreSQL:
# .cppcheck.h says what matters of them.
lint: sql-check
	scripts/check_layout
	cppcheck --quiet --error-exitcode=1 --language=c --std=c99 --inline-suppr \
		--enable=warning,performance,portability --max-configs=1 \
		--suppressions-list=.cppcheck-suppressions --include=.cppcheck.h \
		-Isrc -DEC_VERSION='"$(EXTVERSION)"' -DPG_VERSION_NUM=170000 $(SOURCES)
