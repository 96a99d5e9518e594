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
DATA = expand_contract--$(EXTVERSION).sql
PGFILEDESC = "expand_contract - schema changes without downtime"

SOURCES = $(sort $(wildcard src/*.c src/*/*.c))
TREE_HEADERS = $(sort $(wildcard src/*.h src/*/*.h))
OBJS = $(SOURCES:.c=.o)

PG_CPPFLAGS = -I$(CURDIR)/src -DEC_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers $(if $(WERROR),-Werror)
# The server's own flags are gcc's; clang does not know them all.
PG_CFLAGS += $(if $(findstring clang,$(CC)),-Wno-ignored-optimization-argument -Wno-unknown-warning-option -Wno-ignored-attributes)

REGRESS_OPTS = --load-extension=expand_contract
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=expand_contract

TAP_TESTS = 1
PROVE_TESTS = test/tap/*.pl

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS does not follow includes; the rooms share few headers, so rebuild all.
$(OBJS): $(TREE_HEADERS) expand_contract.control

# pgTAP is not a layer that PGXS knows.
PGTAP_DB = contrib_regression_pgtap
installcheck: installcheck-pgtap
.PHONY: installcheck-pgtap bench format format-check
installcheck-pgtap:
	$(bindir)/dropdb --if-exists $(PGTAP_DB)
	$(bindir)/createdb $(PGTAP_DB)
	pg_prove --dbname $(PGTAP_DB) --ext .sql test/pgtap
	$(bindir)/dropdb $(PGTAP_DB)

bench:
	bench/run

CLANG_FORMAT ?= clang-format
format:
	$(CLANG_FORMAT) -i $(SOURCES) $(TREE_HEADERS)
format-check:
	$(CLANG_FORMAT) --dry-run -Werror $(SOURCES) $(TREE_HEADERS)
