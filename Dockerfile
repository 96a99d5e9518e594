# The official image of PostgreSQL with the extension preloaded:
#
#   docker build --build-arg PG_MAJOR=17 -t postgres-expand-contract .
#
# CREATE EXTENSION expand_contract then works in each of its databases.

ARG PG_MAJOR=17
FROM postgres:${PG_MAJOR}-bookworm AS build
ARG PG_MAJOR
RUN apt-get update \
	&& apt-get install -y --no-install-recommends \
		gcc libc6-dev make "postgresql-server-dev-${PG_MAJOR}" \
	&& rm -rf /var/lib/apt/lists/*
COPY . /expand_contract
RUN make -C /expand_contract -j"$(nproc)" with_llvm=no \
	PG_CONFIG="/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config" \
	install DESTDIR=/installed

FROM postgres:${PG_MAJOR}-bookworm
COPY --from=build /installed/ /
CMD ["postgres", "-c", "shared_preload_libraries=expand_contract"]
