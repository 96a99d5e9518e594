# shellcheck shell=bash
#
# lib.sh: functions shared by the programs in scripts/, .ci/run and bench/run.
#
# They install missing packages, build the extension from a copy of the tree, run
# a temporary cluster that is reachable only by its private socket, and remove
# everything at the end.  Source the file, then call in this order:
#
#	make_workdir			a temporary directory, removed on exit
#	need_server [package]...	server, headers, compiler; sets PG_CONFIG
#	build_and_install		copy, compile, install
#	start_cluster NAME [setting]...	private socket; sets PGHOST and friends
#
# Environment:
#	PG_CONFIG	the server to use; nothing of PostgreSQL is installed then
#	PG_VERSION	15 to 18: which of the distribution's versions to use
#	SANITIZE	build with -fsanitize=… (undefined; address,undefined); what the
#			sanitizer finds ends the server process that did it
#	KEEP=1		keep the temporary directory (the server stops all the same)

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=
SRC=
BINDIR=
RUN_AS=
BACKGROUND=()
readonly SUPPORTED="18 17 16 15"

# ---------------------------------------------------------------- words

say() { printf '%s\n' "$*"; }
# prints a heading with the time since the program started
step() { printf '\n== [%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }
die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Prints the comment at the top of the program as its manual.
show_manual()
{
	sed -n '3,/^$/ { /^#/! d; s/^# \{0,1\}//; p }' "$1"
}

# Runs a command and shows its output only if it fails.  While it runs for long,
# shows its last line of output from time to time.  The command runs in a subshell,
# so that its output is shown even if it exits the program.
quietly()
{
	local log status=0
	log=$(mktemp "$WORK/quietly.XXXXXX")
	start_ticking "$log"
	("$@") >"$log" 2>&1 || status=$?
	stop_ticking
	if [[ $status -ne 0 ]]; then
		tail -n 40 "$log" >&2
		die "failed: $*"
	fi
	rm -f "$log"
}

TICKER=
start_ticking()
{
	(
		trap - EXIT INT TERM HUP
		seconds=0
		# Descriptors on which a pipe or a lock depends are closed here.
		while sleep 15 >/dev/null 2>&1 3>&- 8>&- 9>&-; do
			seconds=$((seconds + 15))
			printf '    %4d s  %s\n' "$seconds" \
				"$(tail -n 1 "$1" | sed 's/\r//g; s/.*\(.\{70\}\)$/… \1/')"
		done
	) &
	TICKER=$!
}
stop_ticking()
{
	[[ -n $TICKER ]] || return 0
	kill "$TICKER" 2>/dev/null || true
	wait "$TICKER" 2>/dev/null || true
	TICKER=
}

# ---------------------------------------------------------------- users

is_root() { [[ $(id -u) -eq 0 ]]; }

as_root()
{
	if is_root; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for: $*"
	fi
}

# Whether this user is root or may use sudo; tested before it matters.
MAY_BE_ROOT=
may_be_root()
{
	if [[ -z $MAY_BE_ROOT ]]; then
		MAY_BE_ROOT=no
		if is_root; then
			MAY_BE_ROOT=yes
		elif command -v sudo >/dev/null; then
			if sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; then
				MAY_BE_ROOT=yes
			fi
		fi
	fi
	[[ $MAY_BE_ROOT == yes ]]
}

# PostgreSQL refuses to run as root.  So root switches to the account of the
# Debian packages, or to nobody if the server is not Debian's.
choose_user()
{
	if ! is_root; then
		RUN_AS=$(id -un)
	elif getent passwd postgres >/dev/null; then
		RUN_AS=postgres
	else
		RUN_AS=nobody
	fi
}

# Uses setpriv instead of su, which would put a shell between this process and the
# program: then the PID would not be that of the program.  Temporary files of tests
# are created in the directory that is removed at the end.
exec_as_user()
{
	if is_root; then
		exec setpriv --reuid="$RUN_AS" --regid="$(id -g "$RUN_AS")" \
			--init-groups -- env HOME="$WORK" USER="$RUN_AS" TMPDIR="$WORK" "$@"
	else
		exec env TMPDIR="$WORK" "$@"
	fi
}

as_user() { (exec_as_user "$@"); }

# ---------------------------------------------------------------- leaving

make_workdir()
{
	# Short, because a socket's path is limited to about 100 characters.
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/ec.XXXXXX")
	# Removes the caller's connection settings.
	local name
	for name in "${!PG@}"; do
		case $name in
			PG_CONFIG | PG_VERSION) ;;
			*) unset "$name" ;;
		esac
	done
	# Another user may lack access to the caller's directory, and its locale.
	export LC_ALL=C.UTF-8 LANG=C.UTF-8
	cd "$WORK" || exit
	trap leave EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

leave()
{
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	stop_ticking
	stop_background
	stop_servers
	allow_main_cluster
	allow_services
	cd /
	if [[ -n ${KEEP:-} ]]; then
		say "kept: $WORK" >&2
	elif [[ -n $WORK ]]; then
		remove_directory "$WORK"
	fi
	exit "$status"
}

# Refuses if something is mounted below, whose contents would be deleted.
remove_directory()
{
	if grep -qF " $1/" /proc/self/mountinfo; then
		say "not removed, something is mounted in it: $1" >&2
		return 1
	fi
	rm -rf "$1"
}

stop_background()
{
	local pid
	for pid in "${BACKGROUND[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	BACKGROUND=()
}

# Stops every server below the temporary directory, including those of an
# interrupted test.  Their data is not needed, so they skip the checkpoint.
stop_servers()
{
	local pidfile
	[[ -n $WORK && -n $BINDIR ]] || return 0
	find "$WORK" -name postmaster.pid 2>/dev/null | while read -r pidfile; do
		as_user "$BINDIR/pg_ctl" -D "${pidfile%/*}" -m immediate -w stop \
			>/dev/null 2>&1
	done
}

# ---------------------------------------------------------------- packages

has_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

is_installed()
{
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

is_available()
{
	local candidate
	candidate=$(apt-cache policy "$1" 2>/dev/null |
		sed -n 's/^ *Candidate: *//p')
	[[ -n $candidate && $candidate != "(none)" ]]
}

apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# The package lists are fetched once, and only if something must be installed.
LISTS_FRESH=
refresh_lists()
{
	[[ -z $LISTS_FRESH ]] || return 0
	quietly apt update
	LISTS_FRESH=yes
}

install_packages()
{
	local package missing=() started=$SECONDS
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0
	may_be_root || die_of_packages "${missing[@]}"
	say "installing packages: ${missing[*]}"
	refresh_lists
	if [[ " ${missing[*]} " =~ \ postgresql-[0-9]+\  ]]; then
		forbid_main_cluster
	fi
	forbid_services
	quietly apt install --no-install-recommends "${missing[@]}"
	allow_services
	allow_main_cluster
	say "installed in $((SECONDS - started)) s"
}

die_of_packages()
{
	die "packages are missing, and this user is neither root nor may use sudo;" \
		"as root: apt-get update && apt-get install --no-install-recommends $*"
}

# Debian's server package creates and starts a cluster "main".  If the package is
# not installed yet, this is disabled during the installation.  Existing clusters
# and settings are not changed.
MAIN_CLUSTER_SETTING=
forbid_main_cluster()
{
	local directory=/etc/postgresql-common/createcluster.d
	MAIN_CLUSTER_SETTING=$directory/expand_contract.conf
	as_root mkdir -p "$directory"
	say 'create_main_cluster = false' |
		as_root tee "$MAIN_CLUSTER_SETTING" >/dev/null
}

allow_main_cluster()
{
	[[ -n $MAIN_CLUSTER_SETTING ]] || return 0
	as_root rm -f "$MAIN_CLUSTER_SETTING"
	MAIN_CLUSTER_SETTING=
}

# The package of PgBouncer starts a service unless a policy forbids it.
SERVICE_POLICY=
forbid_services()
{
	local policy=/usr/sbin/policy-rc.d
	[[ ! -e $policy ]] || return 0
	SERVICE_POLICY=$policy
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
}

allow_services()
{
	[[ -n $SERVICE_POLICY ]] || return 0
	as_root rm -f "$SERVICE_POLICY"
	SERVICE_POLICY=
}

# Chooses the newest supported version: an installed one, else the distribution's.
choose_version()
{
	local version
	for version in $SUPPORTED; do
		if [[ -x /usr/lib/postgresql/$version/bin/postgres ]]; then
			say "$version"
			return
		fi
	done
	for version in $SUPPORTED; do
		if is_available "postgresql-$version"; then
			say "$version"
			return
		fi
	done
}

# Tells a user who may not install packages which ones are missing, and the
# command that installs them.  Packages are named as for need_server.
need_rights()
{
	local package version missing=()
	has_apt || return 0
	version=${PG_VERSION:-$(choose_version)}
	for package in gcc libc6-dev make postgresql-%v postgresql-server-dev-%v "$@"; do
		[[ $package != \?* ]] || continue
		[[ $package != *%v* || -z ${PG_CONFIG:-} ]] || continue
		if [[ -z $version ]]; then
			# The package lists are not available.
			package=${package/server-dev-%v/server-dev-all}
			package=${package/postgresql-%v/postgresql}
		fi
		package=${package//%v/$version}
		is_installed "$package" || missing+=("$package")
	done
	[[ ${#missing[@]} -eq 0 ]] || may_be_root || die_of_packages "${missing[@]}"
}

# Installs the server, the compiler and the named packages if they are missing.
# %v in a name stands for the server's major version.  Such packages extend
# Debian's server and are omitted if PG_CONFIG names another one.  A name that
# begins with ? is of software that tests are beside of: they skip what is not
# there, so it is left out where it cannot be had.
need_server()
{
	local package packages=(gcc libc6-dev make)

	need_rights "$@"
	if [[ -n ${PG_CONFIG:-} ]]; then
		[[ -x $(command -v "$PG_CONFIG") ]] || die "no such program: $PG_CONFIG"
		PG_VERSION=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	else
		has_apt || die "this is no Debian or Ubuntu: set PG_CONFIG"
		if [[ -z ${PG_VERSION:-} ]]; then
			PG_VERSION=$(choose_version)
		fi
		if [[ -z $PG_VERSION ]] ||
			! is_installed "postgresql-$PG_VERSION" && may_be_root; then
			say "fetching the lists of packages"
			refresh_lists
			PG_VERSION=${PG_VERSION:-$(choose_version)}
			[[ -n $PG_VERSION ]] ||
				die "the distribution has no PostgreSQL of $SUPPORTED"
			is_available "postgresql-$PG_VERSION" ||
				die "the distribution has no PostgreSQL $PG_VERSION"
		fi
		packages+=("postgresql-$PG_VERSION" "postgresql-server-dev-$PG_VERSION")
	fi
	[[ " $SUPPORTED " == *" $PG_VERSION "* ]] ||
		die "PostgreSQL $PG_VERSION is not supported (of $SUPPORTED)"

	for package in "$@"; do
		if [[ $package == \?* ]]; then
			if [[ -n ${PG_CONFIG:-} ]] || ! has_apt; then
				continue
			fi
			package=${package#\?}
			package=${package//%v/$PG_VERSION}
			if is_installed "$package" || { is_available "$package" && may_be_root; }; then
				packages+=("$package")
			else
				say "not to be had, and its tests are skipped: $package"
			fi
		elif [[ $package != *%v* ]]; then
			packages+=("$package")
		elif [[ -z ${PG_CONFIG:-} ]]; then
			packages+=("${package//%v/$PG_VERSION}")
		fi
	done
	if has_apt; then
		install_packages "${packages[@]}"
	fi

	use_server
}

# need_package: a server that the extension's Debian package is installed for.
need_package()
{
	local version
	has_apt || die "this is no Debian or Ubuntu"
	for version in ${PG_VERSION:-$SUPPORTED}; do
		is_installed "postgresql-$version-expand-contract" || continue
		PG_VERSION=$version
		use_server
		return
	done
	die "the package is not installed: scripts/package builds it"
}

use_server()
{
	PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/$PG_VERSION/bin/pg_config}
	PG_CONFIG=$(command -v "$PG_CONFIG")
	BINDIR=$("$PG_CONFIG" --bindir)
	export PG_CONFIG PG_VERSION PATH="$BINDIR:$PATH"
	choose_user
	# The directory was created before the user existed.
	if is_root; then
		chown "$RUN_AS" "$WORK"
	fi
	say "$("$PG_CONFIG" --version), servers run as $RUN_AS"
}

# ---------------------------------------------------------------- building

# Copies the tree, so that objects and test output do not appear in it, and so
# that a user without write access can build.
copy_tree()
{
	mkdir -p "$1"
	tar -C "$TREE" --exclude=./.git --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' -cf - . | tar -C "$1" --no-same-owner -xf -
	if is_root; then
		chown -R "$RUN_AS" "$1"
	fi
}

# Without LLVM: bitcode for inlining would require the clang that built the
# server, and does not speed up code that spends its time in the executor.
make_ext() { make -s -C "$SRC" PG_CONFIG="$PG_CONFIG" with_llvm=no "$@"; }

build_and_install()
{
	local library started=$SECONDS
	SRC=$WORK/src
	copy_tree "$SRC"
	say "building"
	quietly as_user make -j"$(nproc)" -C "$SRC" \
		PG_CONFIG="$PG_CONFIG" with_llvm=no SANITIZE="${SANITIZE:-}"
	library=$("$PG_CONFIG" --pkglibdir)
	if [[ -w $library ]]; then
		quietly make_ext install
	else
		quietly as_root make -s -C "$SRC" PG_CONFIG="$PG_CONFIG" \
			with_llvm=no install
	fi
	say "built and installed into $library in $((SECONDS - started)) s"
	if [[ -n ${SANITIZE:-} ]]; then
		prepare_sanitizers
	fi
}

# A report ends the process with SIGABRT, so that the test fails.  The server itself
# is not built with the sanitizer.  So the address sanitizer must be preloaded, and
# its leak check is off, because a server does not free its memory at exit.
prepare_sanitizers()
{
	export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
	export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0:detect_stack_use_after_return=0
	if [[ $SANITIZE == *address* ]]; then
		LD_PRELOAD=$(gcc -print-file-name=libasan.so)
		export LD_PRELOAD
	fi
}

# ---------------------------------------------------------------- clusters

# start_cluster NAME [SETTING]...: starts a new cluster that is reachable only by
# the socket in the temporary directory.
start_cluster()
{
	local name=$1 setting
	shift
	quietly as_user "$BINDIR/initdb" -D "$WORK/$name" -U postgres -A trust \
		-E UTF8 --locale=C --no-sync
	{
		say "listen_addresses = ''"
		say "unix_socket_directories = '$WORK'"
		say "port = 5432"
		for setting in "$@"; do
			say "$setting"
		done
	} >>"$WORK/$name/postgresql.conf"
	if ! as_user "$BINDIR/pg_ctl" -D "$WORK/$name" -w -t 120 \
		-l "$WORK/$name.log" start >/dev/null; then
		tail -n 20 "$WORK/$name.log" >&2
		die "the server did not start"
	fi
	export PGHOST=$WORK PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

# Prints the result of a query: one value, or several separated by |.
value() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
