#!/bin/sh
# sunspool @VERSION@ for Linux @MACHINE@: unpacks itself into a cache once, then runs in place.
#
#     sh THIS --unpack DIR     only unpack, into DIR
#
# The cache is $XDG_CACHE_HOME/sunspool, else ~/.cache/sunspool, else /var/cache/sunspool, else a
# folder of this user's among the temporary files. It may be removed at any time.
set -u

id=@ID@
machine=@MACHINE@
loader=@LOADER@

# fail WHY [CODE]: the exit codes are the program's, see: sunspool help exit-codes
fail() {
  echo "error: Cannot start sunspool: $1" >&2
  exit "${2-1}"
}

# Ours: nobody else can have written it, since it was made with umask 077.
ours() { [ -O "$1" ] && [ -O "$2" ]; }

# Root's, and nobody else may write in it.
of_root() {
  for folder in "$1" "$2"; do
    # shellcheck disable=SC2012,SC2046
    set -- $(ls -ldn "$folder" 2> /dev/null)
    case ${1-} in d????w* | d???????w*) return 1 ;; d*) ;; *) return 1 ;; esac
    [ "${3-}" = 0 ] || return 1
  done
}

# What the power took before it was on disk is there, but empty; a shell would run that to its end.
whole() { [ -x "$1/sunspool" ] && [ -s "$1/sunspool" ] && [ -s "$1/program/sunspool.js" ]; }

trusted() { [ -d "$2" ] && { ours "$1" "$2" || of_root "$1" "$2"; }; }

start() {
  # Deno keeps what it compiles beside the program, where it may, and needs no home.
  DENO_DIR=$1/deno
  DENO_NO_UPDATE_CHECK=1
  export DENO_DIR DENO_NO_UPDATE_CHECK
  home=$1
  shift
  exec "$home/sunspool" @LAUNCH_WORDS@ "$home/program/sunspool.js" "$@"
}

# part OFFSET LENGTH: bytes of this file, counted from 1.
part() { tail -c +"$1" "$0" | head -c "$2"; }

check_sum() {
  command -v sha256sum > /dev/null || return 0
  sum=$(tail -c +@OFFSET@ "$0" | sha256sum)
  [ "${sum%% *}" = @SUM@ ] || fail "\"$0\" is damaged, its checksum is wrong; copy it again"
}

check_machine() {
  [ "$(uname -m)" = "$machine" ] ||
    fail "this file is for $machine and this machine is $(uname -m); take the one made for it"
  command -v tar > /dev/null || fail "it needs tar to unpack itself; install it"
  [ -e "$loader" ] ||
    fail "it needs a 64-bit system with glibc 2.27 or newer, and \"$loader\" is not here (musl and 32-bit systems are not supported)"
}

# fill DIR: unpacks into a folder that is there already.
fill() {
  part @OFFSET@ @RUNTIME_LENGTH@ | gzip -dc > "$1/sunspool" &&
    part @PROGRAM_OFFSET@ @PROGRAM_LENGTH@ | gzip -dc | tar -xof - -C "$1" &&
    chmod 700 "$1/sunspool"
}

# unpack HOME: fills a new folder and gives it its name, so that two starts at the same moment and
# one that is cut off do no harm. Says on failure why in $why.
unpack() {
  mkdir -p "${1%/*}" 2> /dev/null
  if ! new=$(mktemp -d "$1.XXXXXX" 2> /dev/null); then
    why="cannot write to \"${1%/*}\""
    return 1
  fi
  trap 'rm -rf "$new"; exit 1' HUP INT TERM
  if ! fill "$new" 2> /dev/null; then
    why="no room for it in \"${1%/*}\" (it takes 110 MB)"
  elif ! said=$("$new/sunspool" --version 2>&1); then
    why="\"${1%/*}\" does not allow programs to run"
    case $said in
      *GLIBC_*) rm -rf "$new" && fail "it needs glibc 2.27 or newer: $(echo "$said" | head -n 1)" ;;
    esac
  else
    # Once it has its name, it is trusted to be on disk. Whoever was faster has put the same there, and
    # runs it: only what was damaged before is put out of the way.
    sync 2> /dev/null
    if [ -e "$1" ] && ! whole "$1"; then mv "$1" "$new.old"; fi
    mv -T "$new" "$1" 2> /dev/null || mv "$new" "$1" 2> /dev/null
    rm -rf "$new" "$new.old" "${1:?}/${new##*/}"
    trap - HUP INT TERM
    return 0
  fi
  rm -rf "$new"
  trap - HUP INT TERM
  return 1
}

if [ "${1-}" = --unpack ]; then
  [ $# = 2 ] || fail "write it as: $0 --unpack DIR"
  check_sum
  if mkdir -p "$2" && fill "$2"; then exit 0; fi
  fail "cannot unpack into \"$2\""
fi

[ -e /proc/self/exe ] || fail "it needs /proc; mount it with: mount -t proc proc /proc"
own=${HOME-}
[ -d "$own" ] || own=
reasons=
# The first round takes what is there, the second makes it.
for round in find make; do
  for cache in ${XDG_CACHE_HOME:+"$XDG_CACHE_HOME/sunspool"} ${own:+"$own/.cache/sunspool"} \
    /var/cache/sunspool "${TMPDIR:-/tmp}/sunspool-"; do
    # Asked for here only: a start in place runs nothing but the program.
    case $cache in */sunspool-) cache=$cache$(id -u) ;; esac
    home=$cache/$id
    if [ $round = make ]; then
      if [ -z "$reasons" ]; then
        check_machine
        check_sum
      fi
      umask_before=$(umask)
      umask 077
      unpack "$home" || reasons="$reasons; $why"
      umask "$umask_before"
    fi
    whole "$home" || continue
    trusted "$cache" "$home" && start "$home" "$@"
    reasons="$reasons; others may write to \"$cache\""
  done
done
case $reasons in
  *"no room"*) fail "there is no place to unpack it: ${reasons#; }" 75 ;;
  *) fail "there is no place to unpack it: ${reasons#; }" 4 ;;
esac
