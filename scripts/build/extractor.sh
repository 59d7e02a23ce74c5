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

# A folder of this user's, by one look: a link may lead elsewhere at the next. Among the temporary
# files nobody else can put another in its place.
own_folder() {
  # shellcheck disable=SC2012,SC2046
  set -- "$(id -u)" $(ls -ldn "$1" 2> /dev/null)
  case ${2-} in d*) [ "${4-}" = "$1" ] ;; *) return 1 ;; esac
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
  [ -e "$loader" ] ||
    fail "it needs a 64-bit system with glibc 2.27 or newer, and \"$loader\" is not here (musl and 32-bit systems are not supported)"
}

check_tools() {
  for tool in tar gzip head tail mktemp; do
    command -v $tool > /dev/null || fail "it needs $tool to unpack itself; install it"
  done
}

# fill DIR PLACE: unpacks into a folder that is there already. Says on failure why in $why, and $code.
fill() {
  if said=$(take_out "$1" 2>&1); then return 0; fi
  case $said in
    *"left on device"* | *"quota exceeded"*) code=75 why="no room for it in \"$2\" (it takes 110 MB)" ;;
    *ermission* | *ead-only*) code=4 why="cannot write to \"$2\"" ;;
    *) code=1 why="cannot unpack it into \"$2\": $(first_line "$said")" ;;
  esac
  return 1
}

# In a shell of its own, whose messages are English.
take_out() {
  LC_ALL=C
  export LC_ALL
  part @OFFSET@ @RUNTIME_LENGTH@ | gzip -dc > "$1/sunspool" &&
    part @PROGRAM_OFFSET@ @PROGRAM_LENGTH@ | gzip -dc | tar -xof - -C "$1" &&
    chmod 700 "$1/sunspool"
}

first_line() { echo "$1" | head -n 1; }

# unpack HOME: fills a new folder and gives it its name, so that two starts at the same moment and
# one that is cut off do no harm. Says on failure why in $why, and the exit code in $code.
unpack() {
  # Process ids tell nothing of another container's processes.
  space=$(readlink /proc/self/ns/pid 2> /dev/null)
  space=${space#*"["}
  space=${space%"]"}
  remove_left "$1.$space"
  if ! new=$(mktemp -d "$1.$space-$$.XXXXXX" 2> /dev/null); then
    code=4 why="cannot write to \"${1%/*}\""
    return 1
  fi
  trap 'rm -rf "$new"; exit 129' HUP
  trap 'rm -rf "$new"; exit 130' INT
  trap 'rm -rf "$new"; exit 143' TERM
  if fill "$new" "${1%/*}" && runs "$new/sunspool" "${1%/*}"; then
    # Once it has its name, it is trusted to be on disk. Whoever was faster has put the same there, and
    # runs it: only what was damaged before is put out of the way.
    sync 2> /dev/null
    if [ -e "$1" ] && ! whole "$1"; then mv "$1" "$new.old"; fi
    mv -T "$new" "$1" 2> /dev/null || mv "$new" "$1" 2> /dev/null
    rm -rf "$new" "$new.old" "${1:?}/${new##*/}"
    why=
  else
    rm -rf "$new"
  fi
  trap - HUP INT TERM
  [ -z "$why" ]
}

# make CACHE HOME: unpacks where nobody else can put something in place of it.
make() {
  umask_before=$(umask)
  umask 077
  mkdir -p "$1" 2> /dev/null
  code=4
  if [ -O "$1" ]; then
    unpack "$2"
  elif [ -w "$1" ]; then
    why="others may write to \"$1\""
    false
  else
    why="cannot write to \"$1\""
    false
  fi
  made=$?
  umask "$umask_before"
  return $made
}

# What starts left behind that were cut off by force: each bears the id of its process.
remove_left() {
  for left in "$1"-*; do
    process=${left#"$1"-}
    [ -d "/proc/${process%%.*}" ] || rm -rf "$left"
  done
}

# runs PROGRAM PLACE: fails where no program runs, and ends the start where this one never will.
runs() {
  said=$("$1" --version 2>&1) && return
  ended=$?
  code=4 why="\"$2\" does not allow programs to run"
  [ $ended != 126 ] || return 1
  rm -rf "$new"
  case $said in
    *GLIBC_*) fail "it needs glibc 2.27 or newer: $(first_line "$said")" ;;
    *"shared libraries"*) fail "it needs glibc and libgcc_s: $(first_line "$said")" ;;
    *) fail "Deno does not run here, it ends with $ended: $(first_line "$said")" ;;
  esac
}

if [ "${1-}" = --unpack ]; then
  [ $# = 2 ] || fail "write it as: $0 --unpack DIR" 2
  check_tools
  check_sum
  if ! said=$(mkdir -p "$2" 2>&1); then fail "cannot make \"$2\": $(first_line "$said")" 4; fi
  if fill "$2" "$2"; then exit 0; fi
  rm -rf "${2:?}/sunspool" "$2/program"
  fail "$why" "$code"
fi

[ -e /proc/self/exe ] || fail "it needs /proc; mount it with: mount -t proc proc /proc"
own=${HOME-}
[ -d "$own" ] || own=
result=4
# The first round takes what is there, the second makes it.
for round in find make; do
  if [ $round = make ]; then
    check_machine
    check_tools
    check_sum
  fi
  reasons=
  for cache in ${XDG_CACHE_HOME:+"$XDG_CACHE_HOME/sunspool"} ${own:+"$own/.cache/sunspool"} \
    /var/cache/sunspool "${TMPDIR:-/tmp}/sunspool-"; do
    case $cache in
      */sunspool-)
        # Asked for here only: a start in place runs nothing but the program.
        cache=$cache$(id -u)
        [ $round = find ] || mkdir -m 700 "$cache" 2> /dev/null
        if ! own_folder "$cache"; then
          reasons="$reasons; cannot make \"$cache\""
          if [ -L "$cache" ]; then reasons="$reasons, which is a link"; fi
          continue
        fi
        ;;
    esac
    home=$cache/$id
    if [ $round = make ] && ! make "$cache" "$home"; then
      reasons="$reasons; $why"
      [ "$code" = 4 ] || result=$code
    fi
    whole "$home" && trusted "$cache" "$home" && start "$home" "$@"
  done
done
fail "there is no place to unpack it: ${reasons#; }" "$result"
