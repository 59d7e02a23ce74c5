"""Runs a program as a unit file would have it, as far as that goes without its manager.

    python sandbox.py UNIT FOLDER PROGRAM [ARGUMENT…]

FOLDER is the only one that may be written. Always: no new privileges, the unit's system calls and
address families, no capabilities to be had. As root also: another user, a read-only root, no homes,
a /proc of processes alone. What was applied is told on standard error.
"""

import ctypes
import os
import re
import subprocess
import sys

unit_path, folder, *command = sys.argv[1:]
with open(unit_path, encoding="utf-8") as file:
    unit = file.read()

libc = ctypes.CDLL(None, use_errno=True)
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
seccomp.seccomp_rule_add_array.argtypes = [
    *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p),
]


class Comparison(ctypes.Structure):
    _fields_ = [
        *(("argument", ctypes.c_uint), ("operator", ctypes.c_int)),
        *(("value", ctypes.c_uint64), ("other", ctypes.c_uint64)),
    ]


ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | 1  # SCMP_ACT_ERRNO(EPERM)
EQUAL = 4  # SCMP_CMP_EQ
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
applied = []


def values(key):
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    applied.append(what)


def calls(name):
    """The system calls of a group, by systemd's own lists."""
    if not name.startswith("@"):
        return {name}
    words = ["systemd-analyze", "syscall-filter", name]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in text.splitlines()]
    inner = [line for line in lines if line and not line.startswith("#") and line != name]
    return set().union(*(calls(line) for line in inner))


def allowed_calls():
    allowed = calls("@default")
    for value in values("SystemCallFilter"):
        named = set().union(*(calls(name) for name in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


def filter_calls(allowed):
    context = seccomp.seccomp_init(REFUSE)
    count = 0
    for name in allowed - {"socket"}:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and seccomp.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0:
            count += 1
    socket = seccomp.seccomp_syscall_resolve_name(b"socket")
    for family in values("RestrictAddressFamilies")[0].split():
        comparison = Comparison(0, EQUAL, FAMILIES[family], 0)
        seccomp.seccomp_rule_add_array(context, ALLOW, socket, 1, ctypes.byref(comparison))
    check(seccomp.seccomp_load(context), f"{count} system calls")


def mount(source, target, kind, flags, data=None):
    return libc.mount(
        *(source.encode(), target.encode(), kind and kind.encode(), flags, data and data.encode())
    )


def close_the_rest():
    """Mounts: needs the right to make a name space of them."""
    bind, recursive, private, remount, read_only = 4096, 16384, 1 << 18, 32, 1
    if libc.unshare(0x00020000) != 0:
        return
    check(mount("none", "/", None, recursive | private), "own mounts")
    check(mount(folder, folder, None, bind), "state folder")
    check(mount("none", "/", None, remount | bind | read_only), "read-only root")
    for home in ("/root", "/home"):
        if os.path.isdir(home) and not folder.startswith(home):
            check(mount("tmpfs", home, "tmpfs", read_only, "mode=000"), f"no {home}")
    # Within containers a new /proc is not always to be had.
    if mount("proc", "/proc", "proc", 0, "subset=pid,hidepid=invisible") == 0:
        applied.append("processes alone in /proc")


allowed = allowed_calls()
os.chdir(folder)
if os.geteuid() == 0:
    close_the_rest()
    os.chdir(folder)
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    applied.append("another user")
check(libc.prctl(38, 1, 0, 0, 0), "no new privileges")  # PR_SET_NO_NEW_PRIVS
filter_calls(allowed)
print("sandbox:", ", ".join(applied), file=sys.stderr, flush=True)
os.execvp(command[0], command)
